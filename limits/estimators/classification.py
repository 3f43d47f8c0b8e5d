r"""Classification by infinitely wide networks: regression on one-hot targets of mean zero, and the largest output."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..kernels.kernel import Kernel
from .regression import NNGPRegressor, NTKRegressor
from .scikit import BaseEstimator, ClassifierMixin, check_classification_targets, check_is_fitted, validate_data

__all__ = ["NNGPClassifier", "NTKClassifier"]

Array = np.ndarray


class _Classifier(ClassifierMixin, BaseEstimator):
    """What both have in common: the regression that answers for them has the same parameters."""

    _regressor: ClassVar[type[NNGPRegressor | NTKRegressor]]

    def fit(self, X: Any, y: Any) -> _Classifier:
        """Take in points X (n, d) and labels y (n,)."""
        X, y = validate_data(self, X, y, dtype=(np.float64, np.float32))
        check_classification_targets(y)
        self.classes_, labels = np.unique(y, return_inverse=True)
        k = len(self.classes_)
        if k < 2:
            raise ValueError(f"y: need at least two classes to tell apart, got 1 class, {self.classes_[0]!r}")
        self._trained = self._regressor(**self.get_params(deep=False)).fit(X, np.eye(k)[labels] - 1 / k)
        self.condition_ = self._trained.condition_
        return self

    def decision_function(self, X: Any) -> Array:
        """Outputs (n', k) at points X (n', d), which sum to zero; of two classes the difference (n',), positive for the second."""
        check_is_fitted(self, "condition_")
        outputs: Array = self._trained.predict(validate_data(self, X, reset=False, dtype=(np.float64, np.float32)))
        return outputs[:, 1] - outputs[:, 0] if len(self.classes_) == 2 else outputs

    def predict(self, X: Any) -> Array:
        """The class (n',) of the largest output."""
        outputs = self.decision_function(X)
        labels: Array = self.classes_[(outputs > 0).astype(int) if outputs.ndim == 1 else outputs.argmax(axis=1)]
        return labels


class NNGPClassifier(_Classifier):
    r"""Infinitely wide Bayesian networks, by regression on targets :math:`1 - 1/k` of the class and :math:`-1/k` of the others.

    Parameters
    ----------
    kernel : Kernel, optional
        Of :mod:`infwidth.limits.kernels`; by default that of one hidden relu layer, with biases.
    noise_variance : float, default 1e-2
        Of the targets, added to the diagonal of the kernel.

    Attributes
    ----------
    classes_ : ndarray, shape (k,)
    condition_ : float
        Condition number of what was inverted.
    n_features_in_ : int

    Raises
    ------
    TypeError, ValueError
        By ``fit``, where the kernel is no Kernel, the noise is negative, there is one class, or the data do not fit.

    Examples
    --------
    >>> from infwidth.limits.estimators import NNGPClassifier
    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> NNGPClassifier().fit(X[:300] / 8 - 1, y[:300]).score(X[1000:] / 8 - 1, y[1000:]) > 0.9
    True
    """

    _regressor = NNGPRegressor

    def __init__(self, kernel: Kernel | None = None, noise_variance: float = 1e-2) -> None:
        self.kernel = kernel
        self.noise_variance = noise_variance


class NTKClassifier(_Classifier):
    r"""The mean of infinitely wide networks trained by gradient flow on the squared loss, with targets as in :class:`NNGPClassifier`.

    Parameters
    ----------
    kernel : Kernel, optional
        Of :mod:`infwidth.limits.kernels`; by default that of one hidden relu layer, with biases.
    t : float, default inf
        Time of training on the mean squared loss, learning rate times steps.
    noise_variance : float, default 0
        Ridge, added to the diagonal of the tangent kernel.

    Attributes
    ----------
    classes_ : ndarray, shape (k,)
    condition_ : float
        Condition number of the tangent kernel on the directions that count, the ridge added.
    n_features_in_ : int

    Raises
    ------
    TypeError, ValueError
        By ``fit``, where the kernel is no Kernel, time or ridge are negative, there is one class, or the data do not fit.

    Examples
    --------
    >>> from infwidth.limits.estimators import NTKClassifier
    >>> X = [[0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    >>> NTKClassifier().fit(X, ["odd", "odd", "even", "even"]).predict([[0.1, 0.1], [0.1, 0.9]]).tolist()
    ['even', 'odd']
    """

    _regressor = NTKRegressor

    def __init__(self, kernel: Kernel | None = None, t: float = np.inf, noise_variance: float = 0.0) -> None:
        self.kernel = kernel
        self.t = t
        self.noise_variance = noise_variance
