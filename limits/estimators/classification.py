r"""Classification by infinitely wide networks: regression on one-hot targets of mean zero, and the largest output."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from ..kernels.kernel import Kernel
from .largest import probability_of_largest
from .regression import NNGPRegressor, NTKRegressor
from .scikit import BaseEstimator, ClassifierMixin, check_classification_targets, check_is_fitted, validate_data

__all__ = ["NNGPClassifier", "NTKClassifier"]

Array = np.ndarray


class _Classifier(ClassifierMixin, BaseEstimator):
    """What both have in common: the regression that answers for them has the same parameters.

    There is no ``decision_function``: scikit-learn wants one that ranks points as ``predict_proba`` does, which outputs do not: some are
    less certain than others.
    """

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

    def outputs(self, X: Any) -> Array:
        """Mean outputs (n', k) at points X (n', d), in the order of ``classes_``; they sum to zero."""
        check_is_fitted(self, "condition_")
        mean: Array = self._trained.predict(validate_data(self, X, reset=False, dtype=(np.float64, np.float32)))
        return mean

    def predict_proba(self, X: Any) -> Array:
        """Probabilities (n', k) at points X (n', d), in the order of ``classes_``: what they are is said above."""
        check_is_fitted(self, "condition_")
        mean, std = self._trained.predict(validate_data(self, X, reset=False, dtype=(np.float64, np.float32)), return_std=True)
        return probability_of_largest(mean, np.hypot(std[:, 0], self._noise_std()))

    def _noise_std(self) -> float:
        """Of what is compared, beside the spread of the outputs."""
        return 0.0

    def predict(self, X: Any) -> Array:
        """The class (n',) of the largest output."""
        largest = self.outputs(X).argmax(axis=1)
        labels: Array = self.classes_[largest]
        return labels


class NNGPClassifier(_Classifier):
    r"""Infinitely wide Bayesian networks, by regression on targets :math:`1 - 1/k` of the class and :math:`-1/k` of the others.

    ``predict_proba`` is the probability that, of the targets of a new observation, the one of the class is the largest. They are Gaussian
    and independent given the data, with means :math:`m_c` and one variance, that v of the outputs and that of the noise: for two classes
    :math:`\Phi\big((m_1 - m_0)/\sqrt{2 (v + \sigma^2)}\big)`. This is the law of the regression, read as ``predict`` reads its mean. It
    is no posterior over classes: that of labels with a likelihood of their own is not Gaussian. It is as good as kernel and
    :math:`\sigma^2` are: take those of the largest ``log_marginal_likelihood_``, or choose them by ``scoring="neg_log_loss"``; little noise
    where classes overlap, or a prior that does not fit, is far too sure. As :math:`\sigma \to 0` it is the probability that a network of
    the posterior answers with the class.

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
    log_marginal_likelihood_ : float
        Of the targets, as that of :class:`NNGPRegressor`.
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

    Halfway between two points of two classes nothing is known, and noise makes all answers less certain:

    >>> points, new = [[-1.0], [1.0]], [[0.0], [1.0]]
    >>> [NNGPClassifier(noise_variance=v).fit(points, [0, 1]).predict_proba(new)[:, 1].round(2).tolist() for v in (0.01, 0.3)]
    [[0.5, 1.0], [0.5, 0.77]]
    """

    _regressor = NNGPRegressor

    def __init__(self, kernel: Kernel | None = None, noise_variance: float = 1e-2) -> None:
        self.kernel = kernel
        self.noise_variance = noise_variance

    def fit(self, X: Any, y: Any) -> NNGPClassifier:
        """Take in points X (n, d) and labels y (n,)."""
        super().fit(X, y)
        self.log_marginal_likelihood_ = self._trained.log_marginal_likelihood_
        return self

    def _noise_std(self) -> float:
        return float(self._trained.noise_variance) ** 0.5


class NTKClassifier(_Classifier):
    r"""The mean of infinitely wide networks trained by gradient flow on the squared loss, with targets as in :class:`NNGPClassifier`.

    ``predict_proba`` is the part of all such networks, over their initial weights, whose largest output is that of the class. It tells how
    far they agree, not how often they are right: labels have no noise here, and in the end all networks agree at the training points,
    wrong labels too. Where classes overlap, stop early, or add a ridge.

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
