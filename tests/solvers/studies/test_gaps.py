"""Gaps of single runs, and how they come together."""

from concurrent.futures import BrokenExecutor, CancelledError, Future

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.studies import gaps

POINTS = {i: {"network": i // 2, "seed": 5 + i % 2} for i in range(4)}


def test_a_gap_is_the_root_mean_square_over_all_points_at_each_time():
    X, y = np.eye(2), np.array([1.0, -1.0])
    network, method = iw.Network(2, 1, 32, "linear", iw.Parameterization.mup(1)), iw.GradientDescent(0.2, 2)
    options = {"X": X, "y": y, "method": method, "X_test": X + 1}
    reference = iw.solve(iw.DeepLinearMuP(1), **options)
    found = gaps.gap(iw.DeepLinearMuP(1), [network], {3: gaps.Compared.of(reference)}, options, network=0, seed=3)
    sol = iw.solve(network, rng=(np.random.SeedSequence([3, 32]), gaps.seed_of_method(3)), **options)
    both = np.concatenate([sol.outputs - reference.outputs, sol.test_outputs - reference.test_outputs], axis=1)
    np.testing.assert_allclose(found["path"], np.sqrt((both**2).mean(axis=(1, 2))), rtol=1e-14)
    assert found["message"] == "" and found["path"].shape == (3,) and found["path"].min() > 0


def test_the_width_of_layers_that_differ_is_the_smallest():
    assert [gaps.width_of(iw.Network(2, 2, m, "tanh", iw.Parameterization.mup(2))) for m in (64, (64, 32))] == [64, 32]


def test_interrupted_runs_keep_what_there_is(tmp_path):
    def one(network, seed):
        if (network, seed) == (1, 5):
            raise KeyboardInterrupt
        return {"path": np.array([1.0 + network, seed]), "message": ""}

    runs = gaps.compute_gaps(one, POINTS, None, None)
    assert list(runs.found) == [0, 1] and runs.failures == {}
    assert gaps.not_run(POINTS, runs, [32, 64], None) == "interrupted by Ctrl-C: the networks from width 64, seed 5 on were not run"


def test_what_failed_is_missing_and_named():
    found = {0: {"path": np.array([1.0, 2.0]), "message": ""}, 1: {"path": np.zeros(0), "message": ": diverged"}}
    paths, failed = gaps.gathered(POINTS, found, {2: ValueError("no")}, [32, 64], (2, 2, 2))
    np.testing.assert_array_equal(paths[0, 0], [1.0, 2.0])
    assert np.isnan(paths.reshape(4, 2)[1:]).all()
    assert failed == ["width 32, seed 6: diverged", "width 64, seed 5: ValueError: no"]


@pytest.mark.parametrize("failing", [(0, 5), (1, 6)])
def test_runs_that_raise_do_not_stop_the_others(failing):
    def one(network, seed):
        if (network, seed) == failing:
            raise ValueError("no")
        return {"path": np.zeros(2), "message": ""}

    runs = gaps.compute_gaps(one, POINTS, None, None)
    assert len(runs.found) == 3 and not runs.end
    assert [POINTS[i] for i in runs.failures] == [{"network": failing[0], "seed": failing[1]}]


def test_what_failed_before_the_end_is_kept_beside_what_ran():
    def one(network, seed):
        if (network, seed) == (0, 6):
            raise ValueError("no")
        if (network, seed) == (1, 6):
            raise KeyboardInterrupt
        return {"path": np.zeros(2), "message": ""}

    runs = gaps.compute_gaps(one, POINTS, None, None)
    assert list(runs.found) == [0, 2] and list(runs.failures) == [1] and runs.end == "interrupted by Ctrl-C"


@pytest.mark.parametrize(("error", "why"), [(BrokenExecutor("gone"), "a worker died"), (CancelledError(), "cancelled by the executor")])
def test_a_worker_that_dies_leaves_what_the_others_found(error, why):
    class Executor:
        """Runs all but the last."""

        def __init__(self, alive):
            self.alive = alive

        def submit(self, function, **point):
            future = Future()
            if point["network"] < self.alive:
                future.set_result(function(**point))
            else:
                future.set_exception(error)
            return future

    one = lambda network, seed: {"path": np.zeros(2), "message": ""}  # noqa: E731
    if isinstance(error, CancelledError):
        Executor.submit = lambda self, function, **point: cancelled(self, function, point)

    def cancelled(executor, function, point):
        future = Future()
        if point["network"] < executor.alive:
            future.set_result(function(**point))
        else:
            future.cancel()
            future.set_running_or_notify_cancel()
        return future

    runs = gaps.compute_gaps(one, POINTS, Executor(1), None)
    assert list(runs.found) == [0, 1] and runs.end == why
    assert gaps.not_run(POINTS, runs, [32, 64], Executor(1)) == f"{why}: 2 networks were not run"
    with pytest.raises(type(error)):  # there is nothing to return
        gaps.compute_gaps(one, POINTS, Executor(0), None)
