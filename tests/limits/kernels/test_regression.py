"""The posterior of infinitely wide networks against scikit-learn's, against finite Bayesian networks, and on repeated points."""

import tracemalloc

import numpy as np
import pytest
from scipy.special import erf
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct
from sklearn.kernel_ridge import KernelRidge

import infwidth as iw
from infwidth.limits import kernels
from infwidth.solvers.machine import memory

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8], [0.1, 0.4]])
Y = np.array([[1.0, 0.0], [-0.5, 1.0], [0.7, 0.3], [0.0, -1.0]])
X_TEST = np.array([[0.6, 0.6], [-1.0, 0.1]])
KERNEL = kernels.serial(kernels.Dense(1.4, 0.2), kernels.Erf(), kernels.Dense(1.2, 0.1))


def test_a_linear_network_is_scikit_learns_dot_product():
    """W_std^2 x x' / d + b_std^2."""
    theirs = GaussianProcessRegressor(ConstantKernel(0.9) * DotProduct(np.sqrt(0.25 / 0.9)), alpha=0.3, optimizer=None).fit(X, Y)
    mean, covariance = theirs.predict(X_TEST, return_cov=True)
    found = kernels.posterior(kernels.Dense(np.sqrt(1.8), 0.5), X, Y, X_TEST, noise_variance=0.3)
    np.testing.assert_allclose(found.mean, mean, atol=1e-12)
    np.testing.assert_allclose(found.covariance, covariance[..., 0], atol=1e-12)
    single = kernels.posterior(kernels.Dense(np.sqrt(1.8), 0.5), X, Y, X_TEST, noise_variance=0.3, covariance="diagonal")
    np.testing.assert_allclose(single.covariance, np.diag(found.covariance), atol=1e-12)


@pytest.mark.parametrize("get", ["nngp", "ntk"])
def test_ridge_is_scikit_learns(get):
    matrix = getattr(KERNEL, get)
    for name, unit in (("noise_variance", 1.0), ("relative_ridge", np.trace(matrix(X)) / 4)):
        theirs = KernelRidge(alpha=0.2 * unit, kernel="precomputed").fit(matrix(X), Y)
        found = kernels.kernel_ridge(KERNEL, X, Y, X_TEST, get=get, **{name: 0.2})
        np.testing.assert_allclose(found.outputs, theirs.predict(matrix(X_TEST, X)), atol=1e-12)
        np.testing.assert_allclose(found.coefficients, theirs.dual_coef_, atol=1e-11)
        assert found.noise_variance == pytest.approx(0.2 * unit)


def test_the_relative_ridge_does_not_see_the_scale_of_a_kernel():
    one, four = (
        kernels.kernel_ridge(kernels.serial(kernels.Dense(), kernels.Relu(), kernels.Dense(w)), X, Y, X_TEST, relative_ridge=0.1)
        for w in (1.0, 2.0)
    )
    np.testing.assert_allclose(one.outputs, four.outputs, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_repeated_points_without_noise(dtype):
    """Two labels of one point: their mean, no variance left, and what counts is said."""
    twice, labels = np.vstack([X, X[:1]]).astype(dtype), np.vstack([Y, [[0.0, 0.0]]]).astype(dtype)
    found = kernels.posterior(KERNEL, twice, labels, X.astype(dtype))
    np.testing.assert_allclose(found.mean, np.vstack([Y[:1] / 2, Y[1:]]), atol=1e-6)
    np.testing.assert_allclose(found.covariance, 0, atol=1e-6)
    assert found.rank == 4 and 1 < found.condition < 1e4
    ridge = kernels.kernel_ridge(KERNEL, twice, labels, X.astype(dtype))
    np.testing.assert_allclose(ridge.outputs, found.mean, atol=1e-6)
    assert ridge.coefficients[0] == pytest.approx(ridge.coefficients[4], rel=1e-6)  # of minimum norm


def predictions(points):
    """Whose covariance is not asked for, or on its diagonal alone."""
    found = kernels.posterior(KERNEL, X, Y, points, noise_variance=0.1, covariance="diagonal")
    law = kernels.ensemble(KERNEL, X, Y, points, [0.5, np.inf], covariance="diagonal")
    mean = kernels.ensemble(KERNEL, X, Y, points, [0.5, np.inf], covariance="none")
    assert mean.covariance is None
    ridge = kernels.kernel_ridge(KERNEL, X, Y, points, noise_variance=0.1)
    return found.mean, found.covariance, law.mean.swapaxes(0, 1), law.covariance.T, mean.mean.swapaxes(0, 1), ridge.outputs


def test_predictions_at_many_points_go_by_parts(monkeypatch):
    """No more points at once than there are training points, or than fit; the answers are those of all at once."""
    points = np.random.default_rng(0).standard_normal((23, 2))
    whole = predictions(points)
    full = kernels.posterior(KERNEL, X, Y, points, noise_variance=0.1).covariance
    np.testing.assert_allclose(whole[1], np.diag(full), atol=1e-14)
    asked, call = [], kernels.Kernel.__call__
    monkeypatch.setattr(memory, "PART", 1)
    monkeypatch.setattr(kernels.Kernel, "__call__", lambda self, A, B=None, *a, **o: asked.append(len(A)) or call(self, A, B, *a, **o))
    for part, all_at_once in zip(predictions(points), whole, strict=True):
        np.testing.assert_allclose(part, all_at_once, rtol=0, atol=1e-13)
    assert max(asked) == len(X)


def test_predictions_at_many_points_take_little_memory(monkeypatch):
    rng = np.random.default_rng(0)
    train, points = rng.standard_normal((100, 2)), rng.standard_normal((20000, 2))
    kernels.posterior(KERNEL, train, train, points[:10], noise_variance=0.1, covariance="diagonal")  # compiles
    monkeypatch.setattr(memory, "PART", 1 << 16)
    tracemalloc.start()
    kernels.posterior(KERNEL, train, train, points, noise_variance=0.1, covariance="diagonal")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 100 * 20000 / 4  # of the kernel between both


def test_points_of_a_line():
    """100 points of linspace(-10 pi, 10 pi), a small ridge: no NaN, and the training points are fitted."""
    line = np.linspace(-10 * np.pi, 10 * np.pi, 100)
    k = kernels.serial(kernels.Dense(1.5, 0.05), kernels.Erf(), kernels.Dense(1.5, 0.05))
    found = kernels.kernel_ridge(k, line, np.sin(line), line, relative_ridge=1e-4)
    assert np.isfinite(found.outputs).all() and found.rank == 100
    assert found.condition < 1e7
    fine = kernels.kernel_ridge(k, line, np.sin(line), line)
    assert np.isfinite(fine.outputs).all() and 1e4 < fine.condition < 1e14


def bayes(width, draws, rng):
    """Posterior mean of finite networks: drawn first layers, weighed by their likelihood, with the Gaussian last layer exact."""
    w, b = rng.standard_normal((draws, 2, width)), rng.standard_normal((draws, 1, width))
    points = np.concatenate([X, X_TEST])
    features = erf(1.4 / np.sqrt(2) * points @ w + 0.2 * b)
    K = 1.2**2 / width * features @ features.transpose(0, 2, 1) + 0.01
    seen = K[:, :4, :4] + 0.1 * np.eye(4)
    solved = np.linalg.solve(seen, np.broadcast_to(Y, (draws, 4, 2)))
    log = -0.5 * (np.einsum("ik,aik->a", Y, solved) + 2 * np.linalg.slogdet(seen)[1])
    weight = np.exp(log - log.max())
    return np.einsum("a,aik->ik", weight / weight.sum(), K[:, 4:, :4] @ solved)


def test_finite_bayesian_networks():
    """The gap of posterior means falls like 1/m: odd orders of m^(-1/2) vanish in the mean; declared seeds 0..7."""
    limit = kernels.posterior(KERNEL, X, Y, X_TEST, noise_variance=0.1).mean
    widths = (16, 32, 64)
    gaps = [[np.linalg.norm(bayes(m, 6000, np.random.default_rng([m, seed])) - limit) for seed in range(8)] for m in widths]
    slope, error = iw.power_law(widths, gaps)
    assert error <= 0.06
    assert abs(slope + 1) < 2 * error


@pytest.mark.parametrize(
    ("function", "change", "error", "message"),
    [
        (kernels.posterior, {"noise_variance": -0.1}, ValueError, "noise_variance: need a finite number >= 0, got -0.1; it is added"),
        (kernels.posterior, {"covariance": "none"}, ValueError, "covariance: 'none' is not one of full, diagonal"),
        (kernels.posterior, {"kernel": "relu"}, TypeError, "kernel: need a Kernel, got str"),
        (kernels.posterior, {"y": [1.0]}, ValueError, "y: has 1 rows but X has 4"),
        (
            kernels.kernel_ridge,
            {"noise_variance": 1.0, "relative_ridge": 1.0},
            ValueError,
            "relative_ridge: is given beside noise_variance",
        ),
        (kernels.kernel_ridge, {"relative_ridge": -1.0}, ValueError, "relative_ridge: need a finite number >= 0"),
        (kernels.kernel_ridge, {"get": "both"}, ValueError, "get: 'both' is not one of ntk, nngp"),
    ],
)
def test_bad_arguments(function, change, error, message):
    with pytest.raises(error, match=message):
        function(**{"kernel": KERNEL, "X": X, "y": Y, "X_test": X_TEST, **change})
