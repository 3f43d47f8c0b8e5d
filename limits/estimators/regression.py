r"""Regression by infinitely wide networks, in scikit-learn's terms."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.checks import real
from ...solvers.data import Data
from ..kernels.combinators import serial
from ..kernels.ensembles import TrainedEnsemble
from ..kernels.inverse import noise_of
from ..kernels.kernel import Kernel, needed_kernel
from ..kernels.layers import Dense
from ..kernels.named import Relu
from ..kernels.regression import GaussianRegression
from .scikit import BaseEstimator, RegressorMixin, check_is_fitted, validate_data

__all__ = ["NNGPRegressor", "NTKRegressor", "time_of"]

Array = np.ndarray


def kernel_of(kernel: Kernel | None) -> Kernel:
    """The kernel, or the one of a relu network with one hidden layer and biases."""
    return serial(Dense(2**0.5, 0.5), Relu(), Dense(1.0, 0.5)) if kernel is None else needed_kernel(kernel)


def time_of(t: Any) -> float:
    """A time of training."""
    if isinstance(t, float | np.floating) and t == np.inf:
        return np.inf
    return real("t", t, least=0, way_out="it is the time of training, inf for its end")


class _Regressor(RegressorMixin, BaseEstimator):
    """What both have in common: data in and out in scikit-learn's ways."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _take(self, X: Any, y: Any) -> Data:
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=(np.float64, np.float32))
        self._vector = np.ndim(y) == 1
        return Data.check(X, y, "squared")

    def _ask(self, X: Any) -> Array:
        check_is_fitted(self, "condition_")
        points: Array = validate_data(self, X, reset=False, dtype=(np.float64, np.float32)).astype(float)
        return points

    def _answer(self, mean: Array, variance: Array | None) -> Any:
        shaped = mean[:, 0] if self._vector else mean
        if variance is None:
            return shaped
        std = np.sqrt(variance)
        return shaped, std if self._vector else np.tile(std[:, None], mean.shape[1])


class NNGPRegressor(_Regressor):
    r"""Infinitely wide Bayesian networks: :func:`infwidth.limits.kernels.posterior` as an estimator.

    Parameters
    ----------
    kernel : Kernel, optional
        Of :mod:`infwidth.limits.kernels`; by default that of one hidden relu layer, with biases.
    noise_variance : float, default 1e-2
        Of the targets, added to the diagonal of the kernel; in the units of :math:`y^2`.

    Attributes
    ----------
    log_marginal_likelihood_ : float
        Of the targets; compare kernels by it. It is -inf where the kernel is singular, as with repeated points, and the noise none, or less
        than about 1e-10 of its largest eigenvalue.
    condition_ : float
        Condition number of what was inverted.
    n_features_in_ : int

    Raises
    ------
    TypeError, ValueError
        By ``fit``, where the kernel is no Kernel, the noise is negative, or the data do not fit.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from infwidth.limits import kernels
    >>> from infwidth.limits.estimators import NNGPRegressor
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> y = np.sin(3 * X[:, 0])
    >>> deep = kernels.serial(kernels.Dense(1.5, 0.5), kernels.Erf(), kernels.Dense(1.5, 0.5), kernels.Erf(), kernels.Dense(1.5))
    >>> search = GridSearchCV(NNGPRegressor(), {"kernel": [None, deep], "noise_variance": [1e-4, 1e-1]}).fit(X, y)
    >>> mean, std = search.best_estimator_.predict([[0.5], [5.0]], return_std=True)
    >>> bool(abs(mean[0] - np.sin(1.5)) < 0.05), bool(std[0] < 0.1 < std[1])
    (True, True)
    """

    def __init__(self, kernel: Kernel | None = None, noise_variance: float = 1e-2) -> None:
        self.kernel = kernel
        self.noise_variance = noise_variance

    def fit(self, X: Any, y: Any) -> NNGPRegressor:
        """Take in points X (n, d) and targets y (n,) or (n, k)."""
        kernel, data = kernel_of(self.kernel), self._take(X, y)
        self._made = GaussianRegression(kernel, data, noise_of(self.noise_variance))
        self.log_marginal_likelihood_ = self._made.log_likelihood
        self.condition_ = self._made.inverse.condition
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Mean (n',) or (n', k) at points X (n', d); with ``return_std`` also the standard deviation, without that of the noise."""
        points = self._ask(X)
        return self._answer(*self._made.predict(points, "diagonal" if return_std else "none"))


class NTKRegressor(_Regressor):
    r"""Infinitely wide networks trained by gradient flow: :func:`infwidth.limits.kernels.ensemble` as an estimator.

    Parameters
    ----------
    kernel : Kernel, optional
        Of :mod:`infwidth.limits.kernels`; by default that of one hidden relu layer, with biases.
    t : float, default inf
        Time of training on the mean squared loss, learning rate times steps; early stopping where it is finite.
    noise_variance : float, default 0
        Ridge, added to the diagonal of the tangent kernel: decay to the initial weights.

    Attributes
    ----------
    condition_ : float
        Condition number of the tangent kernel on the directions that count, the ridge added.
    n_features_in_ : int

    Raises
    ------
    TypeError, ValueError
        By ``fit``, where the kernel is no Kernel, time or ridge are negative, or the data do not fit.

    Examples
    --------
    >>> from infwidth.limits.estimators import NTKRegressor
    >>> X = np.linspace(-1, 1, 20)[:, None]
    >>> y = np.sin(3 * X[:, 0])
    >>> [round(NTKRegressor(t=t).fit(X, y).score(X, y), 3) for t in (0.0, 3.0, np.inf)]
    [0.0, 0.62, 1.0]
    """

    def __init__(self, kernel: Kernel | None = None, t: float = np.inf, noise_variance: float = 0.0) -> None:
        self.kernel = kernel
        self.t = t
        self.noise_variance = noise_variance

    def fit(self, X: Any, y: Any) -> NTKRegressor:
        """Take in points X (n, d) and targets y (n,) or (n, k)."""
        kernel, data, _ = kernel_of(self.kernel), self._take(X, y), time_of(self.t)
        self._made = TrainedEnsemble(kernel, data, noise_of(self.noise_variance))
        self.condition_ = self._made.condition
        return self

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Mean over networks (n',) or (n', k) at points X (n', d); with ``return_std`` also their standard deviation."""
        points = self._ask(X)
        mean, variance = self._made.predict(points, np.array([time_of(self.t)]), "diagonal" if return_std else "none")
        return self._answer(mean[0], None if variance is None else variance[0])
