"""Regressors: scikit-learn's own checks, and the functions that they wrap."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from infwidth.limits import kernels
from infwidth.limits.estimators import NNGPRegressor, NTKRegressor

X = np.random.default_rng(0).standard_normal((15, 2))
Y = np.sin(X[:, 0]) + X[:, 1] ** 2
X_TEST = np.random.default_rng(1).standard_normal((4, 2))
KERNEL = kernels.serial(kernels.Dense(1.4, 0.2), kernels.Erf(), kernels.Dense(1.2, 0.1))


@pytest.mark.parametrize("estimator", [NNGPRegressor(), NTKRegressor(), NTKRegressor(t=30.0, noise_variance=0.1)], ids=str)
def test_scikit_learn_checks(estimator):
    results = check_estimator(estimator, on_skip=None)
    assert len(results) > 40
    assert {r["check_name"] for r in results if r["status"] != "passed"} <= {"check_array_api_input"}  # which needs packages


def test_bayes():
    model = NNGPRegressor(KERNEL, 0.1).fit(X, Y)
    mean, std = model.predict(X_TEST, return_std=True)
    exact = kernels.posterior(KERNEL, X, Y, X_TEST, noise_variance=0.1)
    np.testing.assert_allclose(mean, exact.mean[:, 0], atol=1e-12)
    np.testing.assert_allclose(std**2, np.diag(exact.covariance), atol=1e-12)
    assert model.log_marginal_likelihood_ == pytest.approx(kernels.log_marginal_likelihood(KERNEL, X, Y, noise_variance=0.1))
    assert model.condition_ == exact.condition


def test_targets_have_no_density_where_points_repeat_without_noise():
    """A kernel is not the better for being singular."""
    twice, both = np.concatenate([X, X]), np.concatenate([Y, -Y])
    assert NNGPRegressor(KERNEL, 0.0).fit(twice, both).log_marginal_likelihood_ == -np.inf
    assert (
        NNGPRegressor(kernels.serial(kernels.Dense(), kernels.Relu(), kernels.Dense()), 0.0).fit(0 * X, Y).log_marginal_likelihood_
        == -np.inf
    )
    assert np.isfinite(NNGPRegressor(KERNEL, 0.1).fit(twice, both).log_marginal_likelihood_)


@pytest.mark.parametrize("t", [0.0, 2.0, np.inf])
def test_training(t):
    both = np.stack([Y, 2 * Y], axis=1)
    mean, std = NTKRegressor(KERNEL, t=t, noise_variance=0.05).fit(X, both).predict(X_TEST, return_std=True)
    exact = kernels.ensemble(KERNEL, X, both, X_TEST, [t], noise_variance=0.05)
    np.testing.assert_allclose(mean, exact.mean[0], atol=1e-12)
    np.testing.assert_allclose(std**2, np.tile(np.diag(exact.covariance[0])[:, None], 2), atol=1e-12)


def test_clones_pipelines_and_searches():
    model = clone(NNGPRegressor(KERNEL, 0.3))
    assert model.get_params() == {"kernel": KERNEL, "noise_variance": 0.3}
    search = GridSearchCV(make_pipeline(StandardScaler(), NTKRegressor(KERNEL)), {"ntkregressor__t": [0.0, 1000.0]}, cv=3).fit(X, Y)
    assert search.best_params_ == {"ntkregressor__t": 1000.0}
    choice = GridSearchCV(NNGPRegressor(), {"kernel": [kernels.Dense(), KERNEL], "noise_variance": [0.01]}, cv=3).fit(X, Y)
    assert choice.best_params_["kernel"] == KERNEL  # the targets are not linear


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (NNGPRegressor("relu"), TypeError, "kernel: need a Kernel, got str"),
        (NNGPRegressor(noise_variance=-1.0), ValueError, "noise_variance: need a finite number >= 0"),
        (NTKRegressor(t=-1.0), ValueError, "t: need a finite number >= 0, got -1.0; it is the time of training, inf for its end"),
        (NTKRegressor(t=np.nan), ValueError, "t: need a finite number >= 0"),
        (NTKRegressor(t=10**400), ValueError, "t: need a finite number >= 0"),
        (NTKRegressor(t="end"), ValueError, "t: need a finite number >= 0"),
    ],
)
def test_bad_parameters(model, error, message):
    with pytest.raises(error, match=message):
        model.fit(X, Y)
    with pytest.raises(NotFittedError):
        model.predict(X)
