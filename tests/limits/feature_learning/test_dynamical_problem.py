"""Training by dynamical mean-field theory: batches, kernels, what is dropped, and histories that are stored and taken up again."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DynamicalMeanField
from infwidth.limits.feature_learning.march import March

X = np.array([[0.6, -0.2, 0.5], [-0.4, 0.8, 0.1], [0.3, 0.5, -0.7], [0.9, 0.1, 0.2]])
Y = np.array([1.0, -1.0, 0.5, 0.2])
X_TEST = np.array([[0.1, 0.7, 0.4], [-0.5, 0.2, 0.9]])
METHOD = iw.GradientDescent(0.4, 8)


def test_kernels_are_those_of_the_samples():
    sol = iw.solve(DynamicalMeanField(2, "tanh", 4096, replicas=2), X, Y, METHOD, rng=0)
    kernels, h = sol.problem.kernels(), sol.problem.preactivations()
    assert h.shape == (2, 4, 4096)
    for l in (1, 2):
        np.testing.assert_allclose(kernels.forward[l], np.tanh(h[l - 1]) @ np.tanh(h[l - 1]).T / 4096, atol=1e-3)
    np.testing.assert_allclose(kernels.forward[0], X @ X.T, atol=1e-12)


def test_dropping_more_costs_what_is_stated():
    """At a loose tolerance, on average over systems that meet the same noise, what is dropped is seen and lies within its statement."""
    loose, fine = [], []
    for seed in range(6):
        for tolerance, kept in ((0.1, loose), (2e-3, fine)):
            kept.append(iw.solve(DynamicalMeanField(2, "tanh", 2048, tolerance=tolerance), X, Y, METHOD, rng=seed, save_at=[8]))
    difference = np.array([one.outputs[-1] - other.outputs[-1] for one, other in zip(loose, fine, strict=True)])
    dropped = np.abs(difference.mean(axis=0)).max()
    error = difference.std(axis=0, ddof=1).max() / np.sqrt(6)
    assert dropped > 4 * error  # it can be told from chance
    assert dropped < np.mean([sol.problem.error_of_dropping() for sol in loose])
    assert dropped > 8 * np.mean([sol.problem.error_of_dropping() for sol in fine])


def test_minibatches_of_a_linear_network_are_exact():
    """Ten batches of two, the same for both; the outputs on all samples."""
    rng = np.random.default_rng(0)
    found = iw.solve(DynamicalMeanField(2, "linear", 2048, replicas=1, tolerance=1e-5), X, Y, iw.GradientDescent(0.1, 0), rng=0).problem
    exact = iw.solve(iw.DeepLinearMuP(2), X, Y, iw.GradientDescent(0.1, 0)).problem
    for problem in (found, exact):
        problem.restore(problem.history(0))
    for step in range(10):
        rows, weights = rng.choice(4, 2, replace=False), np.full(step, 0.3)
        one, other = found.extend(weights, rows), exact.extend(weights, rows)
        np.testing.assert_allclose(one.outputs, other.outputs, atol=3e-5)
        assert one.loss == pytest.approx(other.loss, abs=1e-4)
        np.testing.assert_allclose(found.evaluate(found).outputs, exact.evaluate(exact).outputs, atol=3e-5)
    assert np.abs(found.newest).max() > 0.1


def test_samples_of_no_batch_are_passive():
    """Batches that always hold the first two samples are training on those two."""
    sol = iw.solve(DynamicalMeanField(2, "tanh", 8192), X, Y, iw.GradientDescent(0.1, 0), rng=0)
    problem = sol.problem
    problem.restore(problem.history(0))
    for step in range(9):
        problem.extend(np.full(step, 0.4), np.array([0, 1]))
    two = iw.solve(DynamicalMeanField(2, "tanh", 8192), X[:2], Y[:2], METHOD, rng=1, X_test=X[2:], save_at=[8])
    other = np.concatenate([two.outputs[0], two.test_outputs[0]])
    error = problem.output_error(None)(problem) + two.error[0]
    assert np.abs(problem.evaluate(problem).outputs - other).max() < error < 0.03


def test_minibatches_resume_to_the_same_bits(tmp_path):
    method = iw.GradientDescent(0.3, 8, batch_size=2)
    call = {"model": DynamicalMeanField(2, "tanh", 1024), "X": X, "y": Y, "method": method, "rng": 0}
    whole = iw.solve(**call)
    iw.solve(**call, checkpoint=tmp_path / "run", checkpoint_seconds=0, callback=lambda point: point.step == 3)
    np.testing.assert_array_equal(iw.solve(**call, checkpoint=tmp_path / "run").outputs, whole.outputs)


def test_resumed_to_the_same_bits(tmp_path):
    call = {"model": DynamicalMeanField(2, "tanh", 1024), "X": X, "y": Y, "method": METHOD, "rng": 0}
    whole = iw.solve(**call)
    iw.solve(**call, checkpoint=tmp_path / "run", checkpoint_seconds=0, callback=lambda point: point.step == 3)
    np.testing.assert_array_equal(iw.solve(**call, checkpoint=tmp_path / "run").outputs, whole.outputs)


def test_going_on_marches_one_step_only(tmp_path, monkeypatch):
    call = {"model": DynamicalMeanField(2, "relu", 1024), "X": X, "y": Y, "method": METHOD, "rng": 0, "checkpoint": tmp_path / "run"}
    whole = iw.solve(**call)
    extend, times = March.extend, []

    def counted(march, weights):
        times.append(len(weights))
        return extend(march, weights)

    monkeypatch.setattr(March, "extend", counted)
    again = iw.solve(**call)
    assert times == 5 * [8]  # four replicas and the march that drops more, from the time before the last
    np.testing.assert_array_equal(again.predict(X_TEST), whole.predict(X_TEST))
    np.testing.assert_array_equal(again.problem.kernels().tangent, whole.problem.kernels().tangent)


def test_history_goes_back_one_time():
    problem = iw.solve(DynamicalMeanField(2, "tanh", 1024), X, Y, METHOD, rng=0).problem
    newest = problem.newest.copy()
    problem.restore(problem.history(8))
    problem.extend(np.full(8, 0.4))
    np.testing.assert_array_equal(problem.newest, newest)
    with pytest.raises(ValueError, match="times: 3 is not among those that this history can go back to, 0 and 9 less at most 1"):
        problem.history(3)


def test_an_interrupted_run_ends_at_its_last_whole_time():
    few = iw.solve(DynamicalMeanField(2, "tanh", 192), X, Y, METHOD, rng=0, X_test=X_TEST)
    assert not few.success and len(few.t) > 1
    np.testing.assert_array_equal(few.problem.newest.mean(axis=0), few.outputs[-1])
    np.testing.assert_allclose(few.predict(X_TEST), few.test_outputs[-1], atol=1e-12)


@pytest.mark.parametrize("rate", [1e6, 1e100, 1e200])
def test_divergence_is_said(rate):
    sol = iw.solve(DynamicalMeanField(2, "relu", 1024), X, Y, iw.GradientDescent(rate, 5), rng=0)
    assert not sol.success and "diverged at step 1" in sol.message


def test_the_tangent_kernel_moves_the_outputs_at_the_rates_of_the_layers():
    model = DynamicalMeanField(2, "tanh", 4096, rates=(0.0, 2.0, 0.5), weight_std=(1.0, 1.3, 0.7), tolerance=1e-4)
    start, first = (iw.solve(model, X, Y, iw.GradientDescent(1e-3, steps), rng=0) for steps in (0, 1))
    kernel = start.problem.kernels().tangent[:, 0, :, 0]
    np.testing.assert_allclose(first.outputs[1, :, 0], 1e-3 * kernel @ Y / 4, rtol=0.02)
