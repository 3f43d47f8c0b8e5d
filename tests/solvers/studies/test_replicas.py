"""The stated Monte-Carlo error: coverage, and the rates at which it falls."""

import numpy as np
import pytest
from scipy import stats

import infwidth as iw
from infwidth.solvers.studies import replicas
from infwidth.solvers.studies.replicas import covariance, covariance_error, interval, simultaneous_error

X = np.array([[1.0, 0.0], [0.3, 0.9], [-1.0, 0.4], [-0.2, -1.1]])
Y = np.array([1.0, -0.5, 0.3, 0.8])
X_TEST = np.array([[0.5, 0.5], [-0.7, -0.7], [1.0, -1.0]])


def test_intervals_of_gaussian_samples_cover():
    """Correlated Gaussian outputs: point by point 95%, and all at once 95% (4000 trials: s.e. .0034)."""
    rng = np.random.default_rng(5)
    mixing = rng.standard_normal((6, 6))
    point, joint = [], []
    for _ in range(1000):
        sample = (rng.standard_normal((8, 6)) @ mixing)[:, :, None]
        error = np.abs(sample.mean(axis=0))
        point.append((error < interval(sample)).mean())
        joint.append(error.max() < simultaneous_error(sample))
    assert np.mean(point) == pytest.approx(0.95, abs=0.015)
    assert 0.93 < np.mean(joint) < 0.99


def test_few_replicas_are_no_worse():
    """With 4 replicas at one point the quantile is Student's: 95% (s.e. .007), where a Gaussian one would reach 86%; with more points
    the widened bound is cautious."""
    samples = np.random.default_rng(6).standard_normal((1000, 4, 6, 1))
    held = np.array([[np.abs(s[:, :m].mean(axis=0)).max() < simultaneous_error(s[:, :m]) for m in (1, 6)] for s in samples]).mean(axis=0)
    assert held[0] == pytest.approx(0.95, abs=0.02)
    assert held[1] > 0.95


def test_errors_of_two_and_three_replicas():
    """In closed form for two points that move against each other: Student's quantile times the standard error; the bootstrap of 2000
    draws has a standard error of 2%."""
    for values, error in (([0.0, 1.0], 0.5), ([1.0, 2.0, 3.0], 3**-0.5)):
        outputs = np.array([[[v], [-v]] for v in values])
        expected = stats.t(len(values) - 1).ppf(0.975) * error
        np.testing.assert_allclose(interval(outputs), expected, rtol=1e-12)
        assert simultaneous_error(outputs) == pytest.approx(expected, rel=0.06)
        assert simultaneous_error(outputs[:, :1]) == pytest.approx(expected, rel=0.06)


def test_identical_replicas_have_no_error():
    assert simultaneous_error(np.ones((4, 3, 1))) == 0
    assert simultaneous_error(np.ones((4, 0, 1))) == 0


def test_one_replica_has_no_scatter():
    for function in (interval, simultaneous_error, covariance, covariance_error):
        with pytest.raises(ValueError, match="need at least 2 replicas"):
            function(np.ones((1, 3, 1)))


def test_covariance_is_that_of_all_outputs_with_each_other():
    outputs = np.random.default_rng(3).standard_normal((7, 3, 2)) + 5
    found = covariance(outputs)
    assert found.shape == (3, 2, 3, 2)
    np.testing.assert_allclose(found.reshape(6, 6), np.cov(outputs.reshape(7, 6).T), atol=1e-12)
    np.testing.assert_allclose(covariance(1e100 * outputs), 1e200 * found, rtol=1e-12)
    assert covariance_error(1e100 * outputs) == pytest.approx(1e200 * covariance_error(outputs))
    assert not covariance(np.ones((4, 3, 1))).any() and covariance_error(np.ones((4, 3, 1))) == 0
    assert covariance(np.ones((4, 0, 1))).shape == (0, 1, 0, 1) and covariance_error(np.ones((4, 0, 1))) == 0


@pytest.mark.parametrize("points", [1, 6])
@pytest.mark.parametrize("size", [8, 64])
def test_errors_of_covariances_cover(points, size):
    """Gaussian outputs with correlations, 300 trials (s.e. .013): 95% for one output, whatever the number of replicas; more, not less, for
    several, where the skewness of few replicas is counted as if all entries were at their worst."""
    rng, held = np.random.default_rng(7), []
    mixing = rng.standard_normal((3, points))
    for _ in range(300):
        sample = (rng.standard_normal((size, 3)) @ mixing)[:, :, None]
        held.append(np.abs(covariance(sample)[:, 0, :, 0] - mixing.T @ mixing).max() < covariance_error(sample))
    assert 0.91 < np.mean(held)
    assert points > 1 or np.mean(held) < 0.99


def test_error_of_a_covariance_in_closed_form():
    """One output of 5000 Gaussian draws of variance 1: by how much the lower quantile of chi square misses, .041; the bootstrap's own
    quantile is right to 3%."""
    sample = stats.norm.ppf((np.arange(5000) + 0.5) / 5000)[:, None, None]
    for level in (0.95, 0.5):
        expected = 4999 / stats.chi2(4999).ppf((1 - level) / 2) - 1
        assert covariance_error(sample, level) == pytest.approx(expected, rel=0.08)


def test_covariances_of_many_points_take_fewer_draws_and_no_more_memory(monkeypatch):
    """The same bound, to the sampling of its quantile, block by block."""
    sample = np.random.default_rng(4).standard_normal((30, 40, 1))
    usual = covariance_error(sample)
    monkeypatch.setattr(replicas, "WORK", 1.0)
    monkeypatch.setattr(replicas, "PART", 30 * 40 * 7)
    assert covariance_error(sample) == pytest.approx(usual, rel=0.1)
    assert covariance_error(sample) != usual


def outputs_at_the_end(particles, seed, quasi_random=False, replicas=1):
    """After 20 steps (loss down to about a third); predictions at 3 test points."""
    model = iw.TwoLayerMeanField("tanh", particles, quasi_random=quasi_random, replicas=replicas)
    return iw.solve(model, X, Y, iw.GradientDescent(0.5, 20), rng=seed, save_at=[20])


def test_intervals_of_a_training_run_cover_the_limit():
    """200 runs of 8 x 100 particles against 2^18 quasi-random ones: between 88% and 99% of the stated errors hold."""
    limit = outputs_at_the_end(2**18, seed=1, quasi_random=True)
    truth = limit.predict(X_TEST)
    point, joint = [], []
    for seed in range(200):
        sol = outputs_at_the_end(800, seed, replicas=8)
        point.append(np.abs(sol.predict(X_TEST) - truth) < interval(sol.problem.replica_outputs(sol.state, X_TEST)))
        joint.append(np.abs(sol.outputs[0] - limit.outputs[0]).max() < sol.error[0])
    assert 0.88 < np.mean(point) < 0.99
    assert 0.88 < np.mean(joint) < 0.99


def test_stated_error_covers_the_test_points():
    """200 relu runs of 8 x 100 particles, whose loss has fallen to .0005: the error holds at all training and test points in 88% to 99%
    of them. That of the training points alone, which has decayed with the loss, holds at the test points in a quarter at most."""

    def train(particles, seed, **more):
        model = iw.TwoLayerMeanField("relu", particles, **more)
        return iw.solve(model, X[:3], Y[:3], iw.GradientDescent(0.5, 20), rng=seed, save_at=[20], X_test=X_TEST)

    limit = train(2**18, 10**6, quasi_random=True)
    assert limit.error is None
    held, held_by_training = [], []
    for seed in range(200):
        sol = train(800, seed, replicas=8)
        gap = max(np.abs(sol.outputs - limit.outputs).max(), np.abs(sol.test_outputs - limit.test_outputs).max())
        held.append(gap < sol.error[0])
        held_by_training.append(gap < simultaneous_error(sol.problem.replica_outputs(sol.state)))
    assert 0.88 < np.mean(held) < 0.99
    assert np.mean(held_by_training) < 0.25


def test_stated_error_is_of_training_and_test_points_at_once():
    model, method = iw.TwoLayerMeanField("tanh", 40, replicas=4), iw.GradientDescent(0.5, 3)
    sol = iw.solve(model, X, Y, method, rng=0, X_test=X_TEST)
    parts = [sol.problem.replica_outputs(sol.state, points) for points in (X, X_TEST)]
    assert sol.error.shape == (4,)
    assert sol.error[-1] == pytest.approx(simultaneous_error(np.concatenate(parts, axis=1)), rel=1e-12)
    assert sol.error[-1] > 1.01 * max(simultaneous_error(part) for part in parts)
    alone = iw.solve(model, X, Y, method, rng=0)
    assert alone.error[-1] == pytest.approx(simultaneous_error(parts[0]), rel=1e-12)


def test_a_sorted_sample_is_shuffled_before_it_is_split():
    """Its parts would be systems of different laws, and the error a hundred times too large."""
    rng = np.random.default_rng(8)
    W, a = rng.standard_normal((8000, 2)), rng.standard_normal((8000, 1))
    order = np.argsort(a[:, 0])

    def errors(sample, seeds):
        model = iw.TwoLayerMeanField("tanh", 8000, initial=sample, replicas=8)
        return [iw.solve(model, X, Y, iw.GradientDescent(0.5, 0), rng=seed).error[0] for seed in seeds]

    independent = np.mean(errors((W, a), range(10)))
    assert np.mean(errors((W[order], a[order]), range(10))) == pytest.approx(independent, rel=0.3)
    problem = iw.solve(iw.TwoLayerMeanField("tanh", 8000, initial=(W, a), replicas=8), X, Y, iw.GradientDescent(0.5, 0), rng=0).problem
    shuffled = np.column_stack(problem.particles(problem.start()))
    assert (shuffled[:, 0] != W[:, 0]).mean() > 0.99
    np.testing.assert_array_equal(shuffled[np.argsort(shuffled[:, 2])], np.column_stack([W, a])[order])  # particle by particle
    one, other = errors((W[order], a[order]), [0, 0])
    assert one == other  # the model's stream decides


def test_replicas_that_are_copies_are_refused():
    def fixed(rng, N, D, k):
        return np.ones((N, D)), np.ones((N, k))

    with pytest.raises(ValueError, match="initial: gave two replicas the same particles"):
        iw.solve(iw.TwoLayerMeanField("tanh", 8, initial=fixed, replicas=2), X, Y, iw.GradientDescent(0.5, 0), rng=0)
    iw.solve(iw.TwoLayerMeanField("tanh", 8, initial=fixed), X, Y, iw.GradientDescent(0.5, 0), rng=0)


def test_error_falls_with_the_root_of_the_number_of_particles():
    """Slope -1/2 within two standard errors for independent particles; steeper for quasi-random ones."""
    truth = outputs_at_the_end(2**18, seed=1, quasi_random=True).predict(X_TEST)
    sizes = 2 ** np.arange(6, 13, 2)

    def gaps(quasi_random):
        return np.array(
            [
                [np.sqrt(((outputs_at_the_end(N, seed, quasi_random).predict(X_TEST) - truth) ** 2).mean()) for seed in range(40)]
                for N in sizes
            ]
        )

    def slope_and_error(gap):
        logs = np.log(gap)
        x = np.log(sizes) - np.log(sizes).mean()
        slopes = x @ logs / (x @ x)  # one per seed
        return slopes.mean(), slopes.std(ddof=1) / np.sqrt(len(slopes))

    slope, error = slope_and_error(gaps(False))
    assert error < 0.05
    assert abs(slope + 0.5) < 2 * error
    steeper, error = slope_and_error(gaps(True))
    assert error < 0.05
    assert steeper + 2 * error < -0.6
