"""Expectations of pairs that have no closed form: Mehler's series as long as it must be, and the plane where that is not enough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..activation import Activation
from .kinks import Kink, coefficients, kinks_of, product, without
from .line import EPS
from .mehler import HermiteSeries, hermite_series
from .plane import integrate_pairs

__all__ = ["numerical"]

Array = np.ndarray

TERMS = (32, 128, 512, 2048)  # of Mehler's series


def numerical(phi: Activation, of: str, q1: Array, q2: Array, c: Array, s: Array, tolerance: float) -> tuple[Array, Array]:
    """Expectations (P,) of pairs with variances above 0, and their errors."""
    f = phi.value if of == "value" else phi.derivative
    value, error = np.empty(len(c)), np.full(len(c), np.inf)
    open_ = s > 0  # on a line the integral is one-dimensional, and exact to rounding
    method = _kinked if phi.kinks else _series
    for terms in TERMS:
        rows = np.flatnonzero(open_)
        if not len(rows):
            break
        variances, index = np.unique(np.concatenate([q1[rows], q2[rows]]), return_inverse=True)
        first, second = index[: len(rows)], index[len(rows) :]
        value[rows], error[rows], size = method(f, phi.kinks, variances, terms, first, second, c[rows], s[rows])
        open_[rows] = error[rows] > tolerance * size[first] * size[second]
    rest = np.flatnonzero(open_ | (s == 0))
    if len(rest):
        value[rest], error[rest] = integrate_pairs(f, q1[rest], q2[rest], c[rest], s[rest], phi.kinks, tolerance)
    return value, error


def _series(
    f: Callable[[Array], Array], kinks: tuple[float, ...], q: Array, terms: int, first: Array, second: Array, c: Array, s: Array
) -> tuple[Array, Array, Array]:
    """Values and errors of pairs of variances, and the root mean squares at these."""
    series: HermiteSeries = hermite_series(f, q, terms)
    return *series.pairs(first, second, c), np.sqrt((series.coefficients**2).sum(axis=1) + series.tail**2)


def _kinked(
    f: Callable[[Array], Array], kinks: tuple[float, ...], q: Array, terms: int, first: Array, second: Array, c: Array, s: Array
) -> tuple[Array, Array, Array]:
    """The same for f = g + k, k its jumps of value and slope: kk in closed form, gg + gk + kg by the series, which ends where g does.

    What is missing is bounded by the tails of g and k, that of g by the second half of its coefficients.
    """
    known = [Kink(at, (*jumps[:2], 0.0)) for at, jumps in kinks_of(f, kinks)]
    root = np.sqrt(q)
    g: HermiteSeries = hermite_series(without(f, known), q, terms, kinks)
    k = coefficients(known, root, terms)
    largest = sum(abs(jumps[0]) + abs(jumps[1]) * root for _, jumps in known)
    tail = 2 * np.sqrt((g.coefficients[:, terms // 2 :] ** 2).sum(axis=1))
    size = np.sqrt((g.coefficients**2).sum(axis=1))
    whole = HermiteSeries(g.coefficients + k, tail, g.error)
    value, error = product(known, root[first], root[second], c, s)
    value += whole.sums(first, second, c) - whole._replace(coefficients=k).sums(first, second, c)
    error += np.abs(c) ** terms * (tail[first] * (tail + largest)[second] + largest[first] * tail[second])
    error += (size + largest)[first] * (g.error[second] + 8 * EPS * (size + largest)[second]) + g.error[first] * (size + largest)[second]
    return value, error, np.sqrt((whole.coefficients**2).sum(axis=1))
