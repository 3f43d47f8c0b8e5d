r"""The error of a mean over independent replicas.

R replicas of a function on n points give its mean and, from their scatter, the law of the mean's error. A bound that holds at all points
at once needs the correlations between points: the multiplier bootstrap [1]_ draws
:math:`\max_x |R^{-1} \sum_r \xi_r (f_r(x) - \bar f(x))|` with standard Gaussian :math:`\xi_r`. R is small, so its quantile is widened by
the ratio of the Student and Gaussian quantiles.

References
----------
.. [1] Chernozhukov, Chetverikov and Kato, "Gaussian approximations and multiplier bootstrap for maxima of sums of high-dimensional
   random vectors", arXiv:1212.6906.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

__all__ = ["interval", "simultaneous_error"]

Array = np.ndarray

DRAWS = 2000


def interval(outputs: Array, level: float = 0.95) -> Array:
    r"""Half-width of the Student interval for the mean over replicas, point by point.

    Parameters
    ----------
    outputs : ndarray, shape (R, ...)
        R >= 2 independent replicas.
    level : float
        Probability with which the interval holds the truth at one point.

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> interval(np.array([[1.0], [2.0], [3.0]])).round(4)  # 4.303 / sqrt(3)
    array([2.4841])
    """
    replicas = len(outputs)
    if replicas < 2:
        raise ValueError(f"outputs: need at least 2 replicas for an error, got {replicas}; raise replicas")
    quantile = special.stdtrit(replicas - 1, (1 + level) / 2)
    return quantile * outputs.std(axis=0, ddof=1) / math.sqrt(replicas)


def simultaneous_error(outputs: Array, level: float = 0.95) -> float:
    """Bound that the error of the mean over replicas keeps at all points at once, with that probability.

    Parameters
    ----------
    outputs : ndarray, shape (R, n, k)
    level : float

    Examples
    --------
    For one point it is the Student interval, up to the bootstrap's sampling:

    >>> replicas = np.random.default_rng(0).standard_normal((8, 1, 1))
    >>> bool(abs(simultaneous_error(replicas) / interval(replicas).item() - 1) < 0.05)
    True
    """
    replicas = len(outputs)
    if replicas < 2:
        raise ValueError(f"outputs: need at least 2 replicas for an error, got {replicas}; raise replicas")
    scatter = (outputs - outputs.mean(axis=0)).reshape(replicas, -1).astype(np.float64)
    if scatter.shape[1] == 0:
        return 0.0
    multipliers = np.random.default_rng(0).standard_normal((DRAWS, replicas))  # fixed: the same outputs have the same error
    largest = np.abs(multipliers @ scatter).max(axis=1) / math.sqrt(replicas * (replicas - 1))
    widen = special.stdtrit(replicas - 1, (1 + level) / 2) / special.ndtri((1 + level) / 2)
    return float(np.quantile(largest, level) * widen)
