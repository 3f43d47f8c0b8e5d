"""When a run has diverged, and the learning rate that would have been stable."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.running.stability import sharpness

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))


@pytest.mark.parametrize("model", [NET, iw.DeepLinearMuP(2), iw.DeepLinearIntegrable(2, "naive")])
def test_divergence_stops_keeps_and_advises(model):
    sol = iw.solve(model, X, 10 * Y, iw.GradientDescent(5.0, 500), rng=0)
    assert not sol.success
    assert "diverged at step" in sol.message
    assert 1 <= len(sol.t) < 100
    assert np.isfinite(sol.outputs).all()
    for _ in range(12):  # the advice leads to a rate that works
        advice = float(sol.message.split("learning_rate=")[1])
        sol = iw.solve(model, X, 10 * Y, iw.GradientDescent(advice, 50), rng=0)
        if sol.success:
            break
    assert sol.success
    assert advice > 1e-3


def test_divergence_of_heavy_ball_and_flow(Exploding):
    sol = iw.solve(NET, X, 10 * Y, iw.HeavyBall(5.0, 0.0, 500), rng=0)
    assert "try step_size=2.5" in sol.message
    runaway = iw.solve(Exploding(), method=iw.GradientFlow(2.0))
    assert not runaway.success
    assert len(runaway.t) > 3


@pytest.mark.parametrize(
    ("losses", "steps"), [([1e4, 9e9, 1.0], 2), ([1e4, 1.1e10, 1.0], 0), ([1e-3, 9e5, 1.0], 2), ([1e-3, 1.1e6, 1.0], 0)]
)
def test_the_ceiling_is_a_million_times_the_first_loss(scripted, losses, steps):
    """A loss above 1e6 max(1, first loss) is divergence."""
    sol = iw.solve(scripted(losses), method=iw.GradientDescent(1.0, 2))
    assert (sol.success, sol.stats["steps"]) == (steps == 2, steps)


def test_sharpness_is_the_top_eigenvalue(quadratic):
    assert sharpness(quadratic.problem, iterations=40) == pytest.approx(np.linalg.eigvalsh(quadratic.K)[-1], rel=1e-4)
