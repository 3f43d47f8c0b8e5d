"""The way of a flow of masses, on arrivals that are given."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import ImplicitTransport, TransportFlow
from infwidth.solvers.methods.mass_flow import Arrival, MassFlow
from infwidth.solvers.problem import Evaluation


class Halving(MassFlow):
    """Goes half of the way that is left, then all of it."""

    member, longer = "max_step", "nothing"
    estimate_error = False
    t_end = 4.0

    def coarser(self):
        return self

    def gentler(self, sharpness):
        return ""

    def _arrivals(self, problem, t, state, resume):
        while True:
            yield Arrival(t, state, Evaluation(t, np.zeros((0, 1))), lambda t=t: {"told": t}, None)
            assert t < self.t_end, "asked for more than the end"
            t = 4.0 if t >= 2 else 2.0


def problem():
    return iw.RadialMeanField(5, 0.5, "density", size=8).bind(None, np.random.default_rng(0))


def test_it_goes_to_the_end_and_no_further():
    points = list(Halving().trajectory(problem(), np.random.default_rng(0)))
    assert [(point.step, point.t, point.loss, point.memory()) for point in points] == [
        (0, 0.0, 0.0, {"told": 0.0}),
        (1, 2.0, 2.0, {"told": 2.0}),
        (2, 4.0, 4.0, {"told": 4.0}),
    ]


def test_it_goes_on_from_where_it_was():
    state = problem().start()
    points = list(Halving().trajectory(problem(), np.random.default_rng(0), {"step": 1, "t": 2.0, "state": state}))
    assert [(point.step, point.t) for point in points] == [(1, 2.0), (2, 4.0)] and points[0].state is state


@pytest.mark.parametrize(("method", "member"), [(TransportFlow(1.0), "max_step"), (ImplicitTransport(1.0), "implicit_step")])
def test_what_is_no_density_is_refused_with_the_way_out(method, member):
    network = iw.Network(1, 1, 4, "tanh", iw.Parameterization.mup(1))
    with pytest.raises(ValueError, match=rf"method: {type(method).__name__} moves densities \(it needs {member}\); use GradientFlow"):
        iw.solve(network, [[1.0]], [1.0], method)
