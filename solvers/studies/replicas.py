r"""The error of a mean over independent replicas, and their covariance with its own.

R replicas of a function on n points give its mean and, from their scatter, the law of the mean's error. A bound that holds at all points
at once needs the correlations between points: the multiplier bootstrap [chernozhukov2012]_ draws
:math:`\max_x |R^{-1} \sum_r \xi_r (f_r(x) - \bar f(x))|` with standard Gaussian :math:`\xi_r`. R is small, so its quantile is widened by
the ratio of the Student and Gaussian quantiles.

Where the limit is random itself its replicas are draws of it, and their covariance estimates its law. The error of that is the error of a
mean of products; a variance is too small by :math:`(R - 1)/\chi^2` at worst, and for few replicas that is skew: the widening is that of
this quantile against the Gaussian one, exact for one Gaussian output and cautious for many.

References
----------
.. [chernozhukov2012] Chernozhukov, Chetverikov and Kato, arXiv:1212.6906.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from ..checks import numbers, real, squarable
from ..machine.memory import refuse_above_available

__all__ = ["covariance", "covariance_error", "interval", "simultaneous_error"]

Array = np.ndarray

DRAWS = 2000
PART = 1 << 24  # entries of a product of all draws with all points at once
WORK = 4e9  # multiplications of the draws of a covariance
FEWEST = 200  # draws of a covariance: its quantile is right to 3%


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

    Raises
    ------
    ValueError
        Where there are fewer than two replicas, outputs are not finite, or the level is no probability.

    Examples
    --------
    >>> interval(np.array([[1.0], [2.0], [3.0]])).round(4)  # 4.303 / sqrt(3)
    array([2.4841])
    """
    outputs, level = _replicas(outputs), _level(level)
    replicas = len(outputs)
    quantile = special.stdtrit(replicas - 1, (1 + level) / 2)
    scale = float(np.abs(outputs).max(initial=0.0)) or 1.0  # so that squares neither overflow nor vanish
    return scale * (quantile * (outputs / scale).std(axis=0, ddof=1) / math.sqrt(replicas))


def simultaneous_error(outputs: Array, level: float = 0.95) -> float:
    """Bound that the error of the mean over replicas keeps at all points at once, with that probability.

    Parameters
    ----------
    outputs : ndarray, shape (R, n, k)
    level : float

    Raises
    ------
    ValueError
        Where there are fewer than two replicas, outputs are not finite, or the level is no probability.

    Examples
    --------
    For one point it is the Student interval, up to the bootstrap's sampling:

    >>> replicas = np.random.default_rng(0).standard_normal((8, 1, 1))
    >>> bool(abs(simultaneous_error(replicas) / interval(replicas).item() - 1) < 0.05)
    True
    """
    outputs, level = _replicas(outputs), _level(level)
    replicas = len(outputs)
    scatter, scale = _scatter(outputs)
    if scatter.shape[1] == 0:
        return 0.0
    multipliers = _multipliers(DRAWS, replicas)
    size = max(1, PART // scatter.shape[1])
    parts = (multipliers[begin : begin + size] @ scatter for begin in range(0, DRAWS, size))
    largest = np.concatenate([np.abs(part).max(axis=1) for part in parts]) / math.sqrt(replicas * (replicas - 1))
    widen = special.stdtrit(replicas - 1, (1 + level) / 2) / special.ndtri((1 + level) / 2)
    return float(np.quantile(largest, level) * widen * scale)


def covariance(outputs: Array) -> Array:
    """Unbiased covariance of all outputs with each other, over replicas.

    Parameters
    ----------
    outputs : ndarray, shape (R, n, k)
        R >= 2 independent draws.

    Returns
    -------
    ndarray, shape (n, k, n, k)
        ``[i, c, j, b]`` is that of output c at point i with output b at point j.

    Raises
    ------
    ValueError
        Where there are fewer than two replicas, outputs or their squares are not finite, or the matrix does not fit into memory.

    Examples
    --------
    >>> covariance(np.array([[[1.0], [2.0]], [[2.0], [4.0]], [[3.0], [6.0]]]))[:, 0, :, 0]
    array([[1., 2.],
           [2., 4.]])
    """
    outputs = squarable("outputs", _replicas(outputs))
    shape = outputs.shape[1:]
    scatter, scale = _scatter(outputs)
    entries = float(scatter.shape[1]) ** 2
    refuse_above_available("outputs", f"a covariance of {entries:.3g} entries", 16.0 * entries, "give fewer points")
    matrix: Array = scale**2 * (scatter.T @ scatter) / (len(outputs) - 1)
    return matrix.reshape(*shape, *shape)


def covariance_error(outputs: Array, level: float = 0.95) -> float:
    r"""Bound that the error of :func:`covariance` keeps in all its entries at once, with that probability.

    Parameters
    ----------
    outputs : ndarray, shape (R, n, k)
        The bound is that of R draws: about :math:`\max_i C_{ii}\sqrt{2/R}` times two to four.
    level : float

    Raises
    ------
    ValueError
        Where there are fewer than two replicas, outputs or their squares are not finite, or the level is no probability.

    Examples
    --------
    >>> draws = np.random.default_rng(0).standard_normal((400, 3, 1))
    >>> error = covariance_error(draws)
    >>> bool(np.abs(covariance(draws)[:, 0, :, 0] - np.eye(3)).max() < error), bool(error < 0.25)
    (True, True)
    """
    outputs, level = squarable("outputs", _replicas(outputs)), _level(level)
    replicas, points = len(outputs), math.prod(outputs.shape[1:])
    if points == 0:
        return 0.0
    scatter, scale = _scatter(outputs)
    draws = int(min(DRAWS, max(FEWEST, WORK // (replicas * points**2 / 2))))
    multipliers, largest = _multipliers(draws, replicas), np.zeros(draws)
    size = max(1, PART // (max(draws, replicas) * points))
    for begin in range(0, points, size):
        products = (scatter[:, begin : begin + size, None] * scatter[:, None, begin:]).reshape(replicas, -1)
        products -= products.mean(axis=0)
        np.maximum(largest, np.abs(multipliers @ products).max(axis=1), out=largest)
    tail = (1 - level) / 2
    skew = (replicas - 1) / (2 * special.gammaincinv((replicas - 1) / 2, tail)) - 1
    widen = skew / (special.ndtri(1 - tail) * math.sqrt(2 / (replicas - 1)))
    return float(np.quantile(largest, level) / (replicas - 1) * widen * scale**2)


def _scatter(outputs: Array) -> tuple[Array, float]:
    """Deviations from the mean (R, p) in the unit of the largest, so that squares neither overflow nor vanish; and that."""
    scatter = (outputs - outputs.mean(axis=0)).reshape(len(outputs), -1)
    scale = float(np.abs(scatter).max(initial=0.0)) or 1.0
    return scatter / scale, scale


def _multipliers(draws: int, replicas: int) -> Array:
    """Fixed, so that the same outputs have the same error."""
    return np.random.default_rng(0).standard_normal((draws, replicas))


def _replicas(outputs: Any) -> Array:
    """Finite float64 outputs of two replicas or more."""
    outputs = numbers("outputs", outputs).astype(np.float64)
    if outputs.ndim == 0 or len(outputs) < 2:
        raise ValueError(f"outputs: need at least 2 replicas for an error, got shape {outputs.shape}; raise replicas")
    if not np.isfinite(outputs).all():
        raise ValueError("outputs: hold NaN or infinity; leave those replicas out")
    return outputs


def _level(level: Any) -> float:
    return real("level", level, least=0.01, most=1 - 1e-9, way_out="it is the probability that the bound holds, such as 0.95")
