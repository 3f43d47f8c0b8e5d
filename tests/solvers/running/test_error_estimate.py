"""The error of a flow by its second run."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))


def test_a_flow_stopped_before_its_first_saved_time():
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0, save_at=[1.0], callback=lambda point: point.t > 0.1)
    assert sol.success
    assert sol.outputs.shape == (1, 3, 1)  # where it stopped
    assert sol.t[0] > 0.1
    assert 0 < sol.error[0] < 1e-4


def test_ctrl_c_in_the_error_estimate(monkeypatch):
    from infwidth.solvers import solving

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(solving, "refinement_error", interrupted)
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0)
    assert sol.error is None
    assert "the error estimate was not finished (interrupted by Ctrl-C)" in sol.message
    assert sol.stats["interrupted"]


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_it_is_twice_the_largest_gap_to_the_second_run_so_far_at_training_and_test_points(scale):
    """So it never falls, also where the two runs cross; and test points far away count."""
    method = iw.GradientFlow(6.0, rtol=1e-3)

    def run(method):
        return iw.solve(NET, X, Y, method, rng=0, X_test=scale * X, save_at=np.linspace(0, 6, 40))

    fine = run(method)
    second = run(method.second(fine.stats["steps"]))
    gaps = np.array([np.abs(getattr(second, name) - getattr(fine, name)).max(axis=(1, 2)) for name in ("outputs", "test_outputs")])
    np.testing.assert_array_equal(fine.error, 2 * np.maximum.accumulate(gaps.max(axis=0)))
    assert (np.diff(gaps.max(axis=0)) < 0).any() and (np.diff(fine.error) >= 0).all()
    assert (gaps[1].max() > gaps[0].max()) == (scale > 1)


def test_a_grid_is_compared_with_two_coarser_ones():
    """The same flow on half of the cells, and on a quarter; where there are no outputs, the loss. Of 3 cells there is one, of 2."""
    model = iw.limits.InteractionMeanField(
        iw.solvers.Grid.uniform(-2, 2, 20), lambda x: np.exp(-(x[:, 0] ** 2)), lambda x: x[:, 0] ** 2 / 2
    )
    method = iw.solvers.TransportFlow(0.3)
    fine = iw.solve(model, method=method, save_at=[0, 0.1, 0.3])
    half, quarter = (
        iw.solve(replace(model, grid=iw.solvers.Grid.uniform(-2, 2, cells)), method=method, save_at=[0, 0.1, 0.3]) for cells in (10, 5)
    )
    gaps = np.abs(half.loss - fine.loss) + np.abs(quarter.loss - half.loss)
    assert fine.error == pytest.approx(np.maximum.accumulate(gaps), rel=1e-3, abs=1e-6)
    assert fine.error[-1] > 1e-4
    three, two = (iw.solve(replace(model, grid=grid), method=method, save_at=[0.1]) for grid in SMALL)
    assert three.error[0] == pytest.approx(3 * abs(three.loss[0] - two.loss[0]), rel=1e-12) and two.error is None


SMALL = [iw.solvers.Grid([-2.0, -1.0, 0.0, 2.0]), iw.solvers.Grid([-2.0, 0.0, 2.0])]
