"""Expectations of two functions at a pair of Gaussian variables: Mehler's series, and the plane where that is not enough."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.checks import asked, function, real, reals, returned
from .duals import Estimate, checked_pairs
from .line import EPS
from .mehler import HermiteSeries, hermite_series
from .plane import integrate_pairs

__all__ = ["pair_expectation"]

Array = np.ndarray
Function = Callable[[Array], Array]

TERMS = (48, 512)  # of the series
TO_VALUES = "points to values, elementwise"


def pair_expectation(
    f: Function, g: Function, q1: Any, q2: Any, c: Any, kinks: tuple[float, ...] = (), tolerance: float = 1e-12
) -> Estimate:
    r""":math:`\mathbb E f(u)\, g(v)` for Gaussian u, v of variances q1, q2 and correlation c.

    Parameters
    ----------
    f, g : callable
        Elementwise, array to array.
    q1, q2, c : array_like
        Broadcast together.
    kinks : tuple of float
        Points at which f or g is not smooth.
    tolerance : float
        Of the error, relative to the product of the root mean squares. Where it is not met, the error says so.

    Returns
    -------
    Estimate
        Of the broadcast shape.

    Raises
    ------
    ValueError
        Where a variance is negative, a correlation beyond [-1, 1], or a function gives something else than numbers.

    Examples
    --------
    >>> from infwidth.limits import gaussian
    >>> value, error = gaussian.pair_expectation(lambda u: u**3, lambda v: v, 1.0, 4.0, 0.5)  # 3 q1 E uv
    >>> float(value), bool(error < 1e-11)
    (3.0, True)
    """
    kinks, tolerance = reals("kinks", kinks), max(real("tolerance", tolerance, above=0), 100 * EPS)
    q1, q2, c = checked_pairs(q1, q2, c)
    for name, given, q in (("f", f, q1), ("g", g, q2)):
        points = np.linspace(-1, 1, 6) * np.sqrt(q.max(initial=0.0))
        function(name, given, TO_VALUES)
        returned(name, asked(name, given, points, signature=TO_VALUES), points.shape, "six points")
    shape = c.shape
    q1, q2, c = (np.ascontiguousarray(part).ravel() for part in (q1, q2, c))
    value, error = np.empty(len(c)), np.full(len(c), np.inf)
    open_ = np.abs(c) < 1
    for terms in TERMS:
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        (at_u, first), (at_v, second) = (np.unique(q[rows], return_inverse=True) for q in (q1, q2))
        series = _joined(hermite_series(f, at_u, terms, kinks), hermite_series(g, at_v, terms, kinks))
        size = np.sqrt((series.coefficients**2).sum(axis=1) + series.tail**2)
        value[rows], error[rows] = series.pairs(first, second + len(at_u), c[rows])
        open_[rows] = error[rows] > tolerance * size[first] * size[second + len(at_u)]
    rest = np.flatnonzero(open_ | (np.abs(c) == 1))
    if len(rest):
        s = np.sqrt((1 - c[rest]) * (1 + c[rest]))
        value[rest], error[rest] = integrate_pairs(f, q1[rest], q2[rest], c[rest], s, kinks, tolerance, g)
    return Estimate(value.reshape(shape), error.reshape(shape))


def _joined(one: HermiteSeries, other: HermiteSeries) -> HermiteSeries:
    return HermiteSeries(*(np.concatenate(parts) for parts in zip(one, other, strict=True)))
