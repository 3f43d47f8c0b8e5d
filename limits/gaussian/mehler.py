r"""Mehler's series: :math:`\mathbb E f(u) f(v) = \sum_k a_k(q_1)\, a_k(q_2)\, c^k`.

:math:`a_k(q) = \mathbb E f(\sqrt q z) h_k(z)` are the coefficients of f in normalised Hermite polynomials. After K terms at most
:math:`|c|^K \sqrt{T(q_1) T(q_2)}` is missing, :math:`T(q) = \mathbb E f^2 - \sum_{k<K} a_k^2` (Cauchy and Schwarz): an error bound for
every entry at no cost. The coefficients are integrals against Hermite functions
:math:`h_k(z)\, n(z)^{1/2}`, which stay bounded for every k, with the nodes of ``line``, until they settle.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...solvers.checks import asked, function, integer, returned, vector
from .line import EPS, nodes, walls

__all__ = ["HermiteSeries", "hermite_series"]

Array = np.ndarray

MOST_TERMS = 10_000
FINEST = 10
REACH = 30.0  # n(30)^(1/2) = 1e-98
LARGEST = 1 << 22  # Hermite functions at once
KEPT_LEVELS, KEPT_TERMS = 6, 512  # of those that are kept once they are known, 7 MB


class HermiteSeries(NamedTuple):
    """Hermite coefficients of a function at several variances.

    Attributes
    ----------
    coefficients : ndarray, shape (M, K)
    tail : ndarray, shape (M,)
        Root of what the mean square has beyond them, rounding included.
    error : ndarray, shape (M,)
        Of the coefficients, in the Euclidean norm.
    """

    coefficients: Array
    tail: Array
    error: Array

    def pairs(self, first: Array, second: Array, c: Array) -> tuple[Array, Array]:
        """Values and error bounds (P,) for pairs of rows, ``first`` (P,) and ``second`` (P,), and their correlations ``c`` (P,)."""
        value = np.empty(len(c))
        step = max(1, (1 << 20) // self.coefficients.shape[1])
        for i in range(0, len(c), step):
            part = slice(i, i + step)
            terms = self.coefficients[first[part]] * self.coefficients[second[part]]
            out = terms[:, -1]
            for k in range(terms.shape[1] - 2, -1, -1):
                out = out * c[part] + terms[:, k]
            value[part] = out
        size = np.sqrt((self.coefficients**2).sum(axis=1) + self.tail**2)
        missing = np.abs(c) ** self.coefficients.shape[1] * self.tail[first] * self.tail[second]
        inexact = size[first] * self.error[second] + size[second] * self.error[first]
        return value, missing + inexact + 8 * EPS * size[first] * size[second]


def hermite_series(f: Callable[[Array], Array], q: Array, terms: int) -> HermiteSeries:
    r"""Coefficients of a function at :math:`\sqrt q z` for every variance in q (M,).

    Parameters
    ----------
    f : callable
        Elementwise; with no kink but at 0, since a rule crosses others with few digits only: the error then says so.
    q : ndarray, shape (M,)
    terms : int
        K, the number of coefficients.

    Raises
    ------
    ValueError
        Where a variance is negative or f gives something else than numbers.

    Examples
    --------
    The mean square of tanh at variance 1, and what 20 coefficients leave out of it:

    >>> from infwidth.limits import gaussian
    >>> series = gaussian.hermite_series(np.tanh, np.array([1.0]), 20)
    >>> float((series.coefficients**2).sum()), float(series.tail[0] ** 2)
    (0.394291, 3.3e-06)
    """
    function("f", f, "points to values, elementwise")
    terms = integer("terms", terms, least=1, most=MOST_TERMS)
    q = vector("q", q, least=0)
    root = np.sqrt(q)
    points = np.linspace(-1, 1, 6)[None] * root[:1, None]
    returned("f", asked("f", f, points, signature="points to values, elementwise"), points.shape, "six points")
    coefficients, square, error = np.zeros((len(q), terms)), np.zeros(len(q)), np.full(len(q), np.inf)
    for level in range(FINEST):
        new, more = _sums(f, root, level, terms)
        before, coefficients, square = coefficients, coefficients / 2 + new, square / 2 + more
        if level > 3:
            error = np.sqrt(((coefficients - before) ** 2).sum(axis=1))
            if (error <= 1e-15 * math.sqrt(terms) * np.sqrt(square)).all():
                break
    tail = np.sqrt(np.maximum(square - (coefficients**2).sum(axis=1), 0) + 4 * EPS * square)
    return HermiteSeries(coefficients, tail, error + 4 * EPS * np.sqrt(square))


def _sums(f: Callable[[Array], Array], root: Array, level: int, terms: int) -> tuple[Array, Array]:
    """Contributions (M, terms) and (M,) of the nodes of this level to the coefficients and to the mean square."""
    coefficients, square = np.zeros((len(root), terms)), np.zeros(len(root))
    z, width = _nodes(level)
    kept = level <= KEPT_LEVELS and terms <= KEPT_TERMS
    for i, j in pairwise(np.linspace(0, len(z), 2 + len(z) * max(terms, len(root)) // LARGEST).astype(int)):
        part = slice(i, j)
        functions = _kept_functions(level)[:terms, part] if kept else _functions(z[part], terms)
        values = f(root[:, None] * z[part]) * functions[0]
        coefficients += values @ (functions * width[part]).T
        square += values**2 @ width[part]
    return coefficients, square


def _nodes(level: int) -> tuple[Array, Array]:
    z, width = nodes(level, walls(None))
    inside = np.abs(z[0]) < REACH
    return z[0, inside], width[0, inside]


@cache
def _kept_functions(level: int) -> Array:
    return _functions(_nodes(level)[0], KEPT_TERMS)


def _functions(z: Array, terms: int) -> Array:
    """h_k(z) n(z)^(1/2), shape (terms, J)."""
    out, part = np.empty((terms, len(z))), np.empty_like(z)
    out[0] = np.exp(-(z**2) / 4) / (2 * math.pi) ** 0.25
    if terms > 1:
        np.multiply(z, out[0], out=out[1])
    for k in range(1, terms - 1):  # z h_k = sqrt(k + 1) h_{k+1} + sqrt(k) h_{k-1}
        np.multiply(out[k - 1], math.sqrt(k / (k + 1)), out=part)
        np.multiply(out[k], z, out=out[k + 1])
        out[k + 1] *= 1 / math.sqrt(k + 1)
        out[k + 1] -= part
    return out
