r"""The error of a mean over independent replicas.

R replicas of a function on n points give its mean and, from their scatter, the law of the mean's error. A bound that holds at all points
at once needs the correlations between points: the multiplier bootstrap [chernozhukov2012]_ draws
:math:`\max_x |R^{-1} \sum_r \xi_r (f_r(x) - \bar f(x))|` with standard Gaussian :math:`\xi_r`. R is small, so its quantile is widened by
the ratio of the Student and Gaussian quantiles.

References
----------
.. [chernozhukov2012] Chernozhukov, Chetverikov and Kato, arXiv:1212.6906.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from ..checks import numbers, real

__all__ = ["interval", "simultaneous_error"]

Array = np.ndarray

DRAWS = 2000
PART = 1 << 24  # entries of a product of all draws with all points at once


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
    scatter = (outputs - outputs.mean(axis=0)).reshape(replicas, -1)
    if scatter.shape[1] == 0:
        return 0.0
    scale = float(np.abs(scatter).max()) or 1.0  # so that squares neither overflow nor vanish
    multipliers = np.random.default_rng(0).standard_normal((DRAWS, replicas))  # fixed: the same outputs have the same error
    size = max(1, PART // scatter.shape[1])
    parts = (multipliers[begin : begin + size] @ (scatter / scale) for begin in range(0, DRAWS, size))
    largest = np.concatenate([np.abs(part).max(axis=1) for part in parts]) / math.sqrt(replicas * (replicas - 1))
    widen = special.stdtrit(replicas - 1, (1 + level) / 2) / special.ndtri((1 + level) / 2)
    return float(np.quantile(largest, level) * widen * scale)


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
