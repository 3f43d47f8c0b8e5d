"""Fluctuations: closed form at the start and for the quadratic case, replicas against the linearised dynamics."""

import numpy as np
import pytest
from scipy import stats

import infwidth as iw
from infwidth.limits import GaussianTeacher, fluctuations

X = np.array([[1.0, 0.0], [0.3, 0.9], [-1.0, 0.4]])
Y = np.array([1.0, -0.5, 0.3])
X_TEST = np.array([[0.5, 0.5], [-0.7, -0.7], [1.0, -1.0]])
METHOD = iw.GradientDescent(0.5, 20)


def test_variance_at_the_start_of_relu_particles():
    """Var(a relu(w.x)) = |x|^2 / 2 for standard Gaussian particles."""
    model = iw.TwoLayerMeanField("relu", 100_000, replicas=1000)
    found = fluctuations.replica_fluctuations(model, X, Y, iw.GradientDescent(0.5, 0), X_TEST, rng=0)
    exact = (X_TEST**2).sum(axis=1, keepdims=True) / 2
    assert (np.abs(found.variance - exact) < 4 * found.error).all()
    linear = fluctuations.linearized_fluctuations(
        iw.TwoLayerMeanField("relu", 20_000), X, Y, iw.GradientDescent(0.5, 0), X_TEST, draws=300, rng=0
    )
    assert (np.abs(linear.variance - exact) < 4 * linear.error).all()


def test_a_constant_is_no_fluctuation():
    """Particles a (w.x) around 6 |x|_1, ten times their scatter: the variance at the start is that over the particles, about the mean.
    400 draws: s.e. .07."""
    rng = np.random.default_rng(3)
    sample = 3 + 0.1 * rng.standard_normal((500, 2)), 2 + 0.1 * rng.standard_normal((500, 1))
    model = iw.TwoLayerMeanField("linear", 500, initial=sample, offset=lambda X: 5 + X[:, 0])
    found = fluctuations.linearized_fluctuations(model, X, Y, iw.GradientDescent(0.5, 0), X_TEST[[0, 1]], draws=400, rng=0)
    each = sample[1] * (sample[0] @ X_TEST[[0, 1]].T)  # (particles, points)
    exact = each.var(axis=0)[:, None]
    assert (np.abs(found.variance - exact) < 4 * found.error).all()
    assert (each.mean(axis=0)[:, None] ** 2 > 100 * exact).all()
    np.testing.assert_allclose(found.mean, each.mean(axis=0)[:, None] + 5 + X_TEST[[0, 1], :1], rtol=1e-12)


def test_errors_and_intervals_are_those_of_repeated_runs():
    """200 runs each of linear particles at |x| = 1, where the variance is 1: with 8 degrees of freedom the stated variances scatter by
    half, which their root mean square shows with a s.e. of 7%. The interval holds in 95% (s.e. 1.5%), two standard errors in 86% (2.5%)."""
    method, x = iw.GradientDescent(0.5, 0), [[0.6, 0.8]]
    runs = {
        "replicas": lambda seed: fluctuations.replica_fluctuations(
            iw.TwoLayerMeanField("linear", 9 * 100, replicas=9), X, Y, method, x, rng=seed
        ),
        "linearised": lambda seed: fluctuations.linearized_fluctuations(
            iw.TwoLayerMeanField("linear", 1000), X, Y, method, x, draws=8, rng=seed
        ),
    }
    for name, run in runs.items():
        found = [run(seed) for seed in range(200)]
        for one in found:
            gaussian = one.variance / 2  # (2 / 8)^{1/2}
            assert one.error == pytest.approx(gaussian, rel=1e-12) if name == "linearised" else one.error > gaussian * (1 - 1e-12)
            assert one.upper / one.variance > 8 / 2.19 and one.variance / one.lower > 17.5 / 8  # quantiles of chi-square with 8, or fewer
        assert np.sqrt(np.mean([(one.variance - 1) ** 2 for one in found])) == pytest.approx(0.5, rel=0.2)
        assert np.mean([one.error / one.variance for one in found]) == pytest.approx(0.5, rel=0.15)
        assert 0.91 <= np.mean([one.lower <= 1 <= one.upper for one in found]) <= 0.99
        assert np.mean([abs(one.variance - 1) < one.variance for one in found]) < 0.92


def test_excess_kurtosis():
    """Without bias, as scipy has it; 0 where it is negative, and of three replicas."""
    outputs = np.random.default_rng(0).standard_normal((12, 30, 1)) ** np.array([1, 3])
    exact = stats.kurtosis(outputs, axis=0, bias=False)
    assert (exact < 0).any() and (exact > 2).any()
    np.testing.assert_allclose(fluctuations._excess_kurtosis(outputs), np.maximum(exact, 0), rtol=1e-12, atol=1e-12)
    assert not fluctuations._excess_kurtosis(outputs[:3]).any()


def test_the_interval_knows_of_outputs_that_are_not_gaussian():
    """Systems of two linear particles have an excess kurtosis of 3: of 200 variances of 40, the interval of a Gaussian one holds 83%, this
    one 92% (s.e. 2%)."""
    method, x = iw.GradientDescent(0.5, 0), [[0.6, 0.8]]
    model = iw.TwoLayerMeanField("linear", 2 * 40, replicas=40)
    found = [fluctuations.replica_fluctuations(model, X, Y, method, x, rng=seed) for seed in range(200)]
    holds = np.mean([one.lower <= 1 <= one.upper for one in found])
    gaussian = np.mean([39 / 58.12 * one.variance <= 1 <= 39 / 23.65 * one.variance for one in found])
    assert 0.87 < holds and holds > gaussian + 0.03


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_replicas_and_linearised_dynamics_agree(activation):
    """After training, on test points, within their standard errors (a chi-square of 3 points would be 3); the variances have changed."""
    replicas = fluctuations.replica_fluctuations(iw.TwoLayerMeanField(activation, 200 * 600, replicas=600), X, Y, METHOD, X_TEST, rng=1)
    linear = fluctuations.linearized_fluctuations(
        iw.TwoLayerMeanField(activation, 4000, quasi_random=True), X, Y, METHOD, X_TEST, draws=200, epsilon=0.3, rng=2
    )
    deviation = (linear.variance - replicas.variance) / np.hypot(linear.error, replicas.error)
    assert np.abs(deviation).max() < 3
    assert (linear.error < 0.12 * linear.variance).all()
    start = fluctuations.replica_fluctuations(
        iw.TwoLayerMeanField(activation, 200 * 600, replicas=600), X, Y, iw.GradientDescent(0.5, 0), X_TEST, rng=1
    )
    assert np.abs((start.variance - replicas.variance) / np.hypot(start.error, replicas.error)).max() > 5
    np.testing.assert_allclose(linear.mean, replicas.mean, atol=0.05)


def test_fluctuations_decay_on_training_points_but_not_on_test_points():
    model = iw.TwoLayerMeanField("tanh", 50 * 60, replicas=60)
    points = np.concatenate([X, X_TEST])
    early, late = (
        fluctuations.replica_fluctuations(model, X, Y, iw.GradientDescent(0.5, steps), points, rng=1).variance[:, 0] for steps in (100, 500)
    )
    assert late[:3].max() < 0.2 * early[:3].max()
    assert late[:3].max() < 0.2 * late[3:].min()


@pytest.mark.parametrize("activation", ["relu", "sin", pytest.param("tanh", marks=pytest.mark.slow)])  # tanh compiles everything again
def test_linearised_dynamics_in_single_precision(activation):
    """The same draws in both precisions; in float32 the difference of two runs keeps some five digits."""
    found = [
        fluctuations.linearized_fluctuations(iw.TwoLayerMeanField(activation, 500), X.astype(dtype), Y, METHOD, X_TEST, draws=20, rng=0)
        for dtype in (np.float32, np.float64)
    ]
    assert found[0].mean.dtype == np.float32 and found[0].variance.dtype == np.float64
    np.testing.assert_allclose(found[0].variance, found[1].variance, rtol=2e-2)


def test_divergence_is_refused_by_both():
    method = iw.GradientDescent(1e3, 30)
    with pytest.raises(FloatingPointError, match="diverged"):
        fluctuations.replica_fluctuations(iw.TwoLayerMeanField("relu", 40, replicas=4), X, Y, method, X_TEST, rng=0)
    with pytest.raises(FloatingPointError, match="diverged"):
        fluctuations.linearized_fluctuations(iw.TwoLayerMeanField("relu", 40), X, Y, method, X_TEST, draws=2, rng=0)


@pytest.mark.parametrize(("rate", "steps", "by"), [(30.0, 4, "[1-4]"), (1e200, 1, "1")])
def test_divergence_of_the_linearised_dynamics_that_ends_finite_or_at_once(rate, steps, by):
    """The loss passes a million times its start on the way, or the outputs of the last step, whose loss nobody sees, are infinite."""
    with pytest.raises(FloatingPointError, match=f"method: diverged at step {by} .*; try learning_rate="):
        fluctuations.linearized_fluctuations(
            iw.TwoLayerMeanField("linear", 40), X, Y, iw.GradientDescent(rate, steps), X_TEST, draws=2, rng=0
        )


def test_variance_of_two_replicas():
    """Of two outputs it is half the square of their difference, times the particles of one."""
    model = iw.TwoLayerMeanField("tanh", 40, replicas=2)
    found = fluctuations.replica_fluctuations(model, X, Y, METHOD, X_TEST, rng=6)
    sol = iw.solve(model, X, Y, METHOD, rng=6)
    first, second = sol.problem.replica_outputs(sol.state, X_TEST)
    np.testing.assert_allclose(found.variance, 20 * (first - second) ** 2 / 2, rtol=1e-12)
    np.testing.assert_allclose(found.upper, found.variance / 0.000982, rtol=1e-3)  # of chi-square with one degree of freedom
    np.testing.assert_allclose(found.lower, found.variance / 5.0239, rtol=1e-4)
    np.testing.assert_allclose(found.mean, (first + second) / 2, rtol=1e-12)


def test_linearised_dynamics_holds_blas_to_one_thread_and_gives_it_back(monkeypatch):
    """The engines bring threads of their own, as in solve."""
    from threadpoolctl import threadpool_info, threadpool_limits

    from infwidth.limits.two_layer.problem import ParticleProblem

    seen, forward = [], ParticleProblem._forward

    def watching(*arguments):
        seen.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return forward(*arguments)

    monkeypatch.setattr(ParticleProblem, "_forward", watching)
    with threadpool_limits(2, "blas"):
        fluctuations.linearized_fluctuations(iw.TwoLayerMeanField("tanh", 20), X, Y, METHOD, X_TEST, draws=2, rng=0)
        after = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
    assert seen and set(seen) == {1} and set(after) == {2}


def test_offset_and_first_rate_of_the_linearised_dynamics():
    """The mean of the reference system is the prediction of the same system in solve."""
    model = iw.TwoLayerMeanField("tanh", 50, offset=lambda X: 10 * X[:, 0])
    method = iw.GradientDescent(0.5, 5, first_learning_rate=2.0)
    found = fluctuations.linearized_fluctuations(model, X, Y, method, X_TEST, draws=2, rng=4)
    np.testing.assert_allclose(found.mean, iw.solve(model, X, Y, method, rng=4).predict(X_TEST), rtol=1e-11)


def test_fluctuations_on_a_population():
    """At the start relu particles have the variance |x|^2 / 2 whatever they learn."""
    model = iw.TwoLayerMeanField("relu", 20 * 200, replicas=200, population=GaussianTeacher([[1.0, 0.0]], [1.0], "relu"))
    found = fluctuations.replica_fluctuations(model, None, None, iw.GradientDescent(0.5, 0, batch_size=5), X_TEST, rng=0)
    assert (np.abs(found.variance - (X_TEST**2).sum(axis=1, keepdims=True) / 2) < 4 * found.error).all()


def test_errors_name_the_argument():
    model = iw.TwoLayerMeanField("tanh", 10)
    with pytest.raises(ValueError, match="replicas: need at least 2"):
        fluctuations.replica_fluctuations(model, X, Y, METHOD, X_TEST)
    with pytest.raises(ValueError, match="method: the linearised dynamics follows full-batch"):
        fluctuations.linearized_fluctuations(model, X, Y, iw.HeavyBall(0.1, 1.0, 3), X_TEST)
    with pytest.raises(ValueError, match="replicas: the reference is one system"):
        fluctuations.linearized_fluctuations(iw.TwoLayerMeanField("tanh", 10, replicas=2), X, Y, METHOD, X_TEST)
    with pytest.raises(ValueError, match="X_test: need 2 columns"):
        fluctuations.replica_fluctuations(iw.TwoLayerMeanField("tanh", 10, replicas=2), X, Y, METHOD, X_TEST[:, :1])
    teacher = GaussianTeacher([[1.0, 0.0]], [1.0], "relu")
    with pytest.raises(ValueError, match="population: the linearised dynamics needs data"):
        fluctuations.linearized_fluctuations(iw.TwoLayerMeanField("relu", 10, population=teacher), None, None, METHOD, X_TEST)
    with pytest.raises(ValueError, match="draws: need an integer from 2"):
        fluctuations.linearized_fluctuations(model, X, Y, METHOD, X_TEST, draws=1)
