r"""Mehler's series: :math:`\mathbb E f(u) f(v) = \sum_k a_k(q_1)\, a_k(q_2)\, c^k`.

:math:`a_k(q) = \mathbb E f(\sqrt q z) h_k(z)` are the coefficients of f in normalised Hermite polynomials. After K terms at most
:math:`|c|^K \sqrt{T(q_1) T(q_2)}` is missing, :math:`T(q) = \mathbb E f^2 - \sum_{k<K} a_k^2` (Cauchy and Schwarz): an error bound for
every entry at no cost. The coefficients are integrals against Hermite functions
:math:`h_k(z)\, n(z)^{1/2}`, which stay bounded for every k, with the nodes of ``line``, until they settle; those of ``kinks`` are known.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...solvers.checks import asked, function, integer, numbers, reals, returned, shown, vector
from .hermite_functions import hermite_functions
from .kinks import coefficients, kinks_of, without
from .line import EPS, integrate, nodes, walls
from .plane import in_units

__all__ = ["HermiteSeries", "hermite_series"]

Array = np.ndarray

MOST_TERMS = 10_000
COARSEST, FINEST = 3, 10  # halvings of the step
REACH = 30.0  # n(30)^(1/2) = 1e-98
LARGEST = 1 << 22  # Hermite functions at once
KEPT_LEVELS, KEPT_TERMS = 6, 512  # of those that are kept once they are known, 4 MB


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
        """Values and error bounds (P,) for pairs of rows, ``first`` (P,) and ``second`` (P,), and their correlations ``c`` (P,).

        Raises
        ------
        ValueError
            Where there are no such rows, the three are not vectors of one length, or a correlation is not in [-1, 1].
        """
        c = numbers("c", c)
        if c.ndim != 1 or not (np.abs(c) <= 1).all():
            raise ValueError(f"c: need a vector of correlations in [-1, 1], one per pair, got {shown(c)}")
        first, second = (_rows(name, rows, len(c), len(self.tail)) for name, rows in (("first", first), ("second", second)))
        size = np.sqrt((self.coefficients**2).sum(axis=1) + self.tail**2)
        missing = np.abs(c) ** self.coefficients.shape[1] * self.tail[first] * self.tail[second]
        inexact = size[first] * self.error[second] + size[second] * self.error[first]
        return self.sums(first, second, c), missing + inexact + 8 * EPS * size[first] * size[second]

    def sums(self, first: Array, second: Array, c: Array) -> Array:
        """The values (P,) of :meth:`pairs` alone, for rows ``first`` and ``second`` and correlations ``c``."""
        value = np.empty(len(c))
        step = max(1, (1 << 20) // self.coefficients.shape[1])
        for i in range(0, len(c), step):
            part = slice(i, i + step)
            terms = self.coefficients[first[part]] * self.coefficients[second[part]]
            out = terms[:, -1]
            for k in range(terms.shape[1] - 2, -1, -1):
                out = out * c[part] + terms[:, k]
            value[part] = out
        return value


def _rows(name: str, rows: Array, length: int, of: int) -> Array:
    """Numbers of rows, one per pair."""
    given = numbers(name, rows)
    if given.shape != (length,) or not ((given >= 0) & (given < of) & (given == np.floor(given))).all():
        raise ValueError(f"{name}: need a vector of {length} row numbers from 0 to {of - 1}, one per correlation, got {shown(rows)}")
    return given.astype(np.intp)


def hermite_series(f: Callable[[Array], Array], q: Array, terms: int, kinks: tuple[float, ...] = ()) -> HermiteSeries:
    r"""Coefficients of a function at :math:`\sqrt q z` for every variance in q (M,).

    Parameters
    ----------
    f : callable
        Elementwise.
    q : ndarray, shape (M,)
    terms : int
        K, the number of coefficients.
    kinks : tuple of float
        Points at which f or one of its first two derivatives jumps. Between them, f may be anything smooth; coefficients are exact where
        it is a polynomial of second degree beside each, else a rule crosses what is left of a kink (but not at 0) with few digits: the
        error then says so.

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
    q, kinks = vector("q", q, least=0), reals("kinks", kinks)
    root = np.sqrt(q)
    points = np.linspace(-1, 1, 6)[None] * root[:1, None]
    returned("f", asked("f", f, points, signature="points to values, elementwise"), points.shape, "six points")
    known = [kink for kink in kinks_of(f, kinks) if kink.at]  # the nodes are dense at 0
    smooth, square, error = _smooth(without(f, known) if known else f, root, terms)
    if not known:
        return _series(smooth, square, error, 0.0 * q)
    taken = coefficients(known, root, terms)
    whole, inexact = integrate(lambda z, rows: f(root[rows, None] * z)[None] ** 2, len(q), in_units(kinks, root), 1e-13)
    return _series(smooth + taken, whole[0], error + 4 * EPS * np.sqrt(square + (taken**2).sum(axis=1)), inexact[0])


def _series(coefficients: Array, square: Array, error: Array, inexact: Array) -> HermiteSeries:
    """With what the mean square, known up to ``inexact``, has beyond the coefficients."""
    tail = np.sqrt(np.maximum(square - (coefficients**2).sum(axis=1), 0) + 4 * EPS * square + inexact)
    return HermiteSeries(coefficients, tail, error + 4 * EPS * np.sqrt(square))


def _smooth(f: Callable[[Array], Array], root: Array, terms: int) -> tuple[Array, Array, Array]:
    """Coefficients (M, K) of a function that has no kink but perhaps at 0, its mean square (M,) and the error of the coefficients (M,)."""
    found, square = _sums(f, root, COARSEST, terms)
    for level in range(COARSEST + 1, FINEST):
        new, more = _sums(f, root, level, terms)
        before, square = found, square / 2 + more
        found = [old / 2 + part for old, part in zip(before, new, strict=True)]
        error = np.sqrt(sum(((now - old) ** 2).sum(axis=1) for now, old in zip(found, before, strict=True)))
        if (error <= 1e-15 * math.sqrt(terms) * np.sqrt(square)).all():
            break
    else:
        error *= 10  # that of a sequence that has not settled, as in ``line``
    joined = np.empty((len(root), terms))
    joined[:, ::2], joined[:, 1::2] = found
    return joined, square, error


def _sums(f: Callable[[Array], Array], root: Array, level: int, terms: int) -> tuple[list[Array], Array]:
    """Contributions of the nodes of this level to the even and to the odd coefficients, and to the mean square (M,).

    Nodes come in pairs z and -z, to which even Hermite functions give the sum of f at the two, and odd ones the difference: one of them
    is 0 where f is odd or even.
    """
    found, square = [np.zeros((len(root), (terms + 1 - parity) // 2)) for parity in (0, 1)], np.zeros(len(root))
    z, width = _nodes(level)
    kept = level <= KEPT_LEVELS and terms <= KEPT_TERMS
    for i, j in pairwise(np.linspace(0, len(z), 2 + len(z) * max(terms, len(root)) // LARGEST).astype(int)):
        part = slice(i, j)
        functions = _kept_functions(level)[:terms, part] if kept else hermite_functions(z[part], terms)
        h = root[:, None] * z[part]
        right, left = f(h) * functions[0], f(-h) * functions[0]
        square += (right**2 + left**2) @ width[part]
        for sums, values, own in zip(found, (right + left, right - left), (functions[::2], functions[1::2]), strict=True):
            if values.any():
                sums += (values * width[part]) @ own.T
    return found, square


@cache
def _nodes(level: int) -> tuple[Array, Array]:
    """Those above 0 that this level adds, with their weights; at the coarsest, those of the levels below it too."""
    levels = range(level if level > COARSEST else 0, level + 1)
    parts = [nodes(l, walls(None)) for l in levels]
    z = np.concatenate([z[0] for z, _ in parts])
    width = np.concatenate([width[0] / 2 ** (level - l) for l, (_, width) in zip(levels, parts, strict=True)])
    half = (z > 0) & (z < REACH)
    return z[half], width[half]


@cache
def _kept_functions(level: int) -> Array:
    return hermite_functions(_nodes(level)[0], KEPT_TERMS)
