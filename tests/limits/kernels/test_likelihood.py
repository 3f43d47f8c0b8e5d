"""Marginal likelihood against scipy's Gaussian and scikit-learn's, and where it is largest."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, WhiteKernel

from infwidth.limits import kernels
from infwidth.limits.kernels import log_marginal_likelihood, maximize_likelihood

X = np.random.default_rng(0).standard_normal((12, 2))
Y = np.stack([X[:, 0] + 0.3, X[:, 1] ** 2], axis=1) + 0.1 * np.random.default_rng(1).standard_normal((12, 2))


def shallow(W_std, b_std):
    return kernels.serial(kernels.Dense(W_std, b_std), kernels.Relu(), kernels.Dense(W_std, b_std))


def linear(W_std, b_std):
    return kernels.Dense(W_std, b_std)


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_density(noise):
    inputs, targets = X[:5], Y[:5]
    covariance = shallow(1.3, 0.4).nngp(inputs) + noise * np.eye(5)
    exact = sum(multivariate_normal(cov=covariance).logpdf(targets[:, i]) for i in range(2))
    assert log_marginal_likelihood(shallow(1.3, 0.4), inputs, targets, noise_variance=noise) == pytest.approx(exact, rel=1e-9)


def test_maximum_of_a_linear_network_is_scikit_learns():
    theirs = GaussianProcessRegressor(
        ConstantKernel(1.0, (1e-6, 1e6)) * DotProduct(1.0, (1e-6, 1e6)) + WhiteKernel(1.0, (1e-6, 1e6)), alpha=0.0
    ).fit(X, Y[:, 0])
    found = maximize_likelihood(linear, X, Y[:, 0], {"W_std": 1.0, "b_std": 1.0, "noise_variance": 1.0})
    assert found.log_likelihood == pytest.approx(theirs.log_marginal_likelihood_value_, abs=1e-6)
    assert found.log_likelihood > found.start_log_likelihood + 5
    scale, noise = theirs.kernel_.k1.k1.constant_value, theirs.kernel_.k2.noise_level
    assert found.parameters["W_std"] ** 2 / 2 == pytest.approx(scale, rel=1e-2)
    assert found.noise_variance == found.parameters["noise_variance"] == pytest.approx(noise, rel=1e-2)
    assert found.success and found.evaluations > 1


def test_no_neighbour_is_more_likely():
    found = maximize_likelihood(shallow, X, Y, {"W_std": 1.0, "b_std": 0.5}, noise_variance=0.02)
    best = log_marginal_likelihood(found.kernel, X, Y, noise_variance=0.02)
    assert best == pytest.approx(found.log_likelihood)
    for factor in (0.9, 1.1):
        for name in ("W_std", "b_std"):
            near = shallow(**{**found.parameters, name: factor * found.parameters[name]})
            assert log_marginal_likelihood(near, X, Y, noise_variance=0.02) < best - 1e-3
    again = maximize_likelihood(shallow, X, Y, {"W_std": 3.0, "b_std": 0.1}, noise_variance=0.02)
    assert again.parameters == pytest.approx(found.parameters, rel=1e-2)


def test_a_bound_is_told():
    bounds = {"W_std": (0.5, 0.7)}
    found = maximize_likelihood(linear, X, Y, {"W_std": 0.6, "b_std": 0.5}, noise_variance=0.05, bounds=bounds)
    assert found.parameters["W_std"] == pytest.approx(0.7) and not found.success
    assert found.message.endswith("at a bound: W_std")


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"start": {}}, TypeError, "start: need names with their first values"),
        ({"start": {"W_std": 0.0}}, ValueError, r"start\['W_std'\]: need a finite number > 0"),
        ({"start": {"W_std": 1.0, "noise_variance": 1.0}}, ValueError, "noise_variance: give it once"),
        ({"noise_variance": None}, ValueError, "noise_variance: give it once"),
        ({"bounds": {"b_std": (0.1, 1.0)}}, ValueError, "bounds: need .* of names in start"),
        ({"bounds": {"W_std": (2.0, 3.0)}}, ValueError, r"bounds\['W_std'\]: \(2, 3\) must hold the start 1 inside"),
        ({"bounds": {"W_std": 2.0}}, ValueError, r"bounds\['W_std'\]: need \(lower, upper\), got 2.0"),
        ({"architecture": lambda W: kernels.Dense(W)}, ValueError, "architecture: failed with TypeError"),
        ({"architecture": lambda W_std: W_std}, TypeError, "architecture: must return a Kernel, gave float"),
        ({"noise_variance": 0.0}, ValueError, "noise_variance: at 0 the targets of 12 points have no density.*rank 2; give"),
        ({"iterations": 0}, ValueError, "iterations: need an integer >= 1"),
    ],
)
def test_bad_arguments(change, error, message):
    arguments = {
        "architecture": lambda W_std: kernels.Dense(W_std),
        "X": X,
        "y": Y,
        "start": {"W_std": 1.0},
        "noise_variance": 0.1,
        **change,
    }
    with pytest.raises(error, match=message):
        maximize_likelihood(**arguments)
