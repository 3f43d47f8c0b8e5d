"""The contract: what has all of its members, and what is refused for lack of one."""

import inspect

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import Causal, Data, Evaluation, ImplicitTransport, Method, Model, Point, Problem, Refining, TransportFlow

DATA = Data.check(np.eye(2), [1.0, -1.0])
METHODS = {
    iw.GradientDescent(0.1, 5): (True, 5, True, False),
    iw.HeavyBall(0.1, 1.0, 5): (True, 5, True, False),
    iw.RMSProp(0.1, 5): (True, 5, True, False),
    iw.Langevin(0.1, 0.1, 0.1, 5): (True, 5, True, False),
    iw.GradientFlow(2.0): (False, 2.0, True, True),
    iw.GradientFlow(2.0, stepper="Radau"): (False, 2.0, False, True),
    TransportFlow(2.0): (False, 2.0, True, True),
    ImplicitTransport(2.0): (False, 2.0, True, True),
}


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_methods_say_what_they_are(method):
    """Discrete or not, their end, whether they resume to the same bits, whether they estimate their error by a second run."""
    assert isinstance(method, Method)
    discrete, end, resumable, refining = METHODS[method]
    assert (method.discrete, method.end, method.resumable, isinstance(method, Refining)) == (discrete, end, resumable, refining)
    names = list(inspect.signature(type(method).trajectory).parameters)
    assert names == list(inspect.signature(Method.trajectory).parameters)
    if refining:
        assert isinstance(method.second(3), type(method)) and method.second(3).end == method.end


@pytest.mark.parametrize(
    ("model", "kind", "coordinates"),
    [
        (iw.Network(2, 2, 4, "relu", iw.Parameterization.mup(2)), Problem, "parameters"),
        (iw.TwoLayerMeanField("relu", 4), Problem, "parameters"),
        (iw.DeepLinearIntegrable(2), Problem, "reduced"),
        (iw.limits.CircleMeanField(cells=16), Problem, "masses"),
        (iw.DeepLinearMuP(2), Causal, None),
    ],
)
def test_limits_and_networks_bind_to_problems(model, kind, coordinates):
    assert isinstance(model, Model)
    problem = model.bind(DATA, np.random.default_rng(0))
    assert isinstance(problem, kind) and problem.data is DATA and problem.threads in ("gemm", "block")
    if kind is Problem:
        assert problem.coordinates == coordinates and not isinstance(problem, Causal)
        start = problem.start()
        assert start.ndim == 1 and not np.shares_memory(start, problem.start())
        velocity = np.full_like(start, np.nan)
        evaluation = problem.evaluate(start, velocity)
        assert isinstance(evaluation, Evaluation) and np.isfinite(velocity).all()
        np.testing.assert_array_equal(start, problem.start())  # it looks and does not touch
        np.testing.assert_array_equal(evaluation.outputs, problem.predict(start, DATA.X))
    else:
        assert not isinstance(problem, Problem)


@pytest.mark.parametrize("missing", ["data", "coordinates", "start", "evaluate", "predict"])
def test_a_problem_without_one_of_its_members_is_none(Exploding, missing):
    members = {
        name: getattr(Exploding, name) for name in ("data", "coordinates", "frozen", "threads", "start", "evaluate", "predict", "bind")
    }
    assert isinstance(type("Whole", (), members)(), Problem)
    members.pop(missing)
    part = type("Part", (), members)
    assert not isinstance(part(), Problem)
    with pytest.raises(TypeError, match=r"model: bind must return a Problem, got Part; derive it from infwidth\.solvers\.Problem"):
        iw.solve(part(), method=iw.GradientDescent(0.1, 1))


@pytest.mark.parametrize("start", [[1.0], None, 1.0, np.ones(1, int), np.ones((1, 1))], ids=repr)
@pytest.mark.parametrize("method", [iw.GradientDescent(0.1, 1), iw.GradientFlow(0.1)], ids=lambda method: type(method).__name__)
def test_a_start_that_is_no_state_is_refused(Exploding, start, method):
    model = type("Other", (Exploding,), {"start": lambda self: start})()
    with pytest.raises(TypeError, match=r"^model: start\(\) of its problem must return a vector of floats, got "):
        iw.solve(model, method=method)


def test_a_point_carries_what_it_takes_to_go_on(Exploding):
    """Step, time, live state, loss, outputs, memory, and dense output where there is one."""
    rng = np.random.default_rng(0)
    discrete = next(iw.GradientDescent(0.5, 1).trajectory(Exploding(), rng))
    assert isinstance(discrete, Point) and (discrete.step, discrete.t, discrete.loss, discrete.at) == (0, 0.0, 1.0, None)
    flow = list(iw.GradientFlow(0.5, rtol=1e-10, atol=1e-12).trajectory(Exploding(), rng))
    assert flow[0].at is None and flow[-1].t == 0.5
    middle = (flow[-2].t + flow[-1].t) / 2
    assert flow[-1].at(middle)[0] == pytest.approx(1 / (1 - middle), rel=1e-8)
    method = iw.GradientFlow(0.5, rtol=1e-10, atol=1e-12)
    third = next(point for point in method.trajectory(Exploding(), rng) if point.step == 2)  # its memory is live
    again = method.trajectory(Exploding(), rng, {"step": 2, "t": third.t, "state": third.state, **third.memory()})
    assert next(again).step == 2
