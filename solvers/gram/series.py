r"""The step of an activation without a closed form on one tile of pairs: a power series in the cosine, as far as the tile needs."""

from __future__ import annotations

import numpy as np

from ..machine.compilation import jit
from .elementary import within

__all__ = ["ROWS", "series", "terms_needed"]

PARTS = 0xC60745F5  # checksum of elementary.py
ROWS = 16  # of a tile, at once
ODD = 1e-20  # sum of the squares of even coefficients that are rounding


@jit(inline=True)
def terms_needed(D, same, tails, tolerance):  # type: ignore[no-untyped-def]
    """Number of terms that this tile needs; 0 if there are not enough."""
    largest = 0.0
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            if not (same and i == j):
                largest = max(largest, abs(1 - D[i, j]))
    power = largest**4
    bound = power
    for k in range(len(tails)):
        if bound * tails[k] <= tolerance:
            return 4 * (k + 1)
        bound *= power
    return 0


@jit(inline=True)
def series(D, T, values, others, slopes, other_slopes, terms, value, slope):  # type: ignore[no-untyped-def]
    """A few rows at a time, which stay in the first-level cache with four terms of the columns."""
    rest, rests = np.empty((2, D.shape[0])), np.empty((2, D.shape[1]))
    odd = _rest(values, terms, rest[0]) + _rest(others, terms, rests[0]) < ODD
    odd_slopes = _rest(slopes, terms, rest[1]) + _rest(other_slopes, terms, rests[1]) < ODD
    for start in range(0, D.shape[0], ROWS):
        stop = min(start + ROWS, D.shape[0])
        _horner(D, values, others, rest[0], rests[0], odd, terms, value, start, stop)
        _horner(D, slopes, other_slopes, rest[1], rests[1], odd_slopes, terms, slope, start, stop)
        for i in range(start, stop):
            for j in range(D.shape[1]):
                T[i, j] *= slope[i - start, j]
            for j in range(D.shape[1]):
                D[i, j] = within(1 - value[i - start, j])


@jit(inline=True)
def _rest(a, terms, out):  # type: ignore[no-untyped-def]
    """Root of what the terms leave of 1, written into ``out``, and the sum of the squares of the even ones."""
    even = 0.0
    for j in range(len(out)):
        out[j] = 0.0
    for k in range(terms):
        for j in range(len(out)):
            out[j] += a[k, j] ** 2
        if k % 2 == 0:
            for j in range(len(out)):
                even += a[k, j] ** 2
    for j in range(len(out)):
        out[j] = np.sqrt(max(1 - out[j], 0.0)) if out[j] > 0 else 0.0
    return even


@jit(inline=True)
def _horner(D, a, b, rest, rests, odd, terms, out, start, stop):  # type: ignore[no-untyped-def]
    """The terms, and in the power after them all that they leave out: so that of a point with itself nothing is missing."""
    for i in range(stop - start):
        for j in range(D.shape[1]):
            out[i, j] = rest[start + i] * rests[j] * ((1 - D[start + i, j]) if odd else 1.0)
    for k in range(terms - 4, -1, -4):
        for i in range(stop - start):
            a0, a1, a2, a3 = a[k, start + i], a[k + 1, start + i], a[k + 2, start + i], a[k + 3, start + i]
            for j in range(D.shape[1]):
                c = 1 - D[start + i, j]
                p = (out[i, j] * c + a3 * b[k + 3, j]) * c + a2 * b[k + 2, j]
                out[i, j] = (p * c + a1 * b[k + 1, j]) * c + a0 * b[k, j]
