"""Implicit steps: against dense algebra, sign and mass at any length, order in time, energy, resume."""

import re
from itertools import pairwise

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import InteractionMeanField
from infwidth.limits.densities.problem import DensityProblem, free_energy
from infwidth.solvers import Grid, ImplicitTransport


def model(cells=60):
    return InteractionMeanField(
        Grid.uniform(-2.5, 2.5, cells),
        lambda x: np.exp(-10 * (x[:, 0] - 0.5) ** 2),
        lambda x: x[:, 0] ** 2 / 2 + np.cos(3 * x[:, 0]) / 3,
        lambda x: np.exp(-(x[:, 0] ** 2)),
        convolution=True,
        temperature=0.3,
    )


def test_extrapolated_steps_are_of_second_order():
    """Fixed steps against scipy on the same grid, so that the grid drops out."""
    from infwidth.solvers.methods.implicit_transport import _step

    problem = model().bind(None, None)
    exact = iw.solve(model(), method=iw.GradientFlow(0.4, rtol=1e-10, atol=1e-13, stepper="BDF"), save_at=[0.4]).state
    errors = []
    for steps in (32, 64, 128):
        m = problem.start()
        for _ in range(steps):
            m, _ = _step(problem, m, 0.4 / steps)
        errors.append(np.abs(m - exact).sum())
    assert np.log2(errors[-2] / errors[-1]) == pytest.approx(2, abs=0.15), errors


def test_what_extrapolation_makes_negative_is_cut_and_the_mass_kept():
    from infwidth.solvers.methods.implicit_transport import _step

    problem = model().bind(None, None)
    m = np.eye(60)[20]
    whole, half = problem.implicit_step(m, 0.05), problem.implicit_step(m, 0.025)
    raw = 2 * problem.implicit_step(half, 0.025) - whole
    assert raw.min() < -1e-6
    new, _ = _step(problem, m, 0.05)
    assert new.min() == 0 and abs(new.sum() - 1) < 1e-14


def test_implicit_and_explicit_flows_agree_and_the_energy_falls():
    explicit = iw.solve(model(), method=iw.GradientFlow(1.0, rtol=1e-9, atol=1e-12, stepper="BDF", estimate_error=False), save_at=[0.3, 1])
    implicit = iw.solve(model(), method=ImplicitTransport(1.0, tol=1e-6), save_at=[0.3, 1], observables={"F": free_energy})
    assert np.abs(implicit.state - explicit.state).sum() < 2e-4
    assert np.allclose(implicit.loss, explicit.loss, rtol=1e-4)  # at .3 by dense output
    coarse = iw.solve(model(), method=ImplicitTransport(40.0), observables={"F": free_energy})
    assert np.diff(coarse.observables["F"]).max() <= 1e-13 and coarse.stats["steps"] < 200


def test_dense_output_is_the_line_between_two_steps_and_the_second_run_is_ten_times_looser():
    method = ImplicitTransport(1.0, tol=1e-2)
    points = list(method.trajectory(model().bind(None, None), np.random.default_rng(0)))
    for before, after in pairwise(points):
        assert np.allclose(after.at(before.t), before.state, rtol=0, atol=1e-15)
        quarter = after.at(0.75 * before.t + 0.25 * after.t)
        assert np.allclose(quarter, 0.75 * before.state + 0.25 * after.state, rtol=0, atol=1e-15)
    assert method.second(100) == ImplicitTransport(1.0, tol=0.1)


def test_a_resumed_flow_goes_on_to_the_same_bits(tmp_path):
    same = model()
    whole = iw.solve(same, method=ImplicitTransport(0.5, tol=1e-4), save_at=[0.1, 0.5], rng=0)
    stop = {"callback": lambda point: point.step == 9, "checkpoint": tmp_path / "flow.npz", "checkpoint_seconds": 0.0}
    assert "callback" in iw.solve(same, method=ImplicitTransport(0.5, tol=1e-4), save_at=[0.1, 0.5], rng=0, **stop).message
    again = iw.solve(same, method=ImplicitTransport(0.5, tol=1e-4), save_at=[0.1, 0.5], rng=0, checkpoint=tmp_path / "flow.npz")
    assert again.stats["steps"] == whole.stats["steps"]
    assert np.array_equal(again.state, whole.state) and np.array_equal(again.loss, whole.loss)


def test_an_energy_that_does_not_fit_its_potential_ends_quickly():
    from infwidth.solvers.problem import MethodFailed

    class Inconsistent:
        """The force goes down one hill, the energy up."""

        def __init__(self, grid):
            self.x = grid.centers[:, 0]

        def evaluate(self, masses):
            return float(-self.x @ masses), np.zeros((0, 1)), self.x

    grid = Grid.uniform(0, 1, 20)
    problem = DensityProblem(grid, Inconsistent, lambda g: np.full(g.cells, 1 / g.cells))
    points = ImplicitTransport(1.0).trajectory(problem, np.random.default_rng(0))
    with pytest.raises(MethodFailed, match="symmetric interaction"):
        for _, _ in zip(range(50), points, strict=False):
            pass


def test_large_constants_that_cancel_change_nothing():
    """V + c and U - 2c have the same flow and the same energy; only its rounding differs."""

    def shifted(c):
        return InteractionMeanField(
            Grid.uniform(-2.5, 2.5, 40),
            lambda x: np.exp(-10 * (x[:, 0] - 0.5) ** 2),
            lambda x: x[:, 0] ** 2 / 2 + c,
            lambda a, b: np.exp(-((a - b.T) ** 2)) - 2 * c,
            temperature=0.3,
        )

    method = ImplicitTransport(200.0, estimate_error=False)
    plain, large = (iw.solve(shifted(c), method=method, save_at=[200]) for c in (0.0, 1e5))
    assert plain.success and large.success, large.message
    assert large.stats["steps"] <= 1.1 * plain.stats["steps"]  # no step was refused for rounding
    assert np.abs(plain.state - large.state).max() < 1e-4  # a tenth of tol


def test_models_without_a_density_are_refused():
    with pytest.raises(ValueError, match=r"^method: ImplicitTransport moves densities .*; use GradientFlow for this model"):
        iw.solve(iw.RadialMeanField(40, 0.8), method=ImplicitTransport(1.0))


@pytest.mark.parametrize(
    ("arguments", "name", "way_out"),
    [({"t_end": 0.0}, "t_end", "need a finite number > 0"), ({"tol": 0}, "tol", "need a finite number >= 1e-12")],
)
def test_bad_arguments_are_named(arguments, name, way_out):
    with pytest.raises(ValueError, match=rf"^{name}: .*{re.escape(way_out)}"):
        ImplicitTransport(**({"t_end": 1.0} | arguments))
