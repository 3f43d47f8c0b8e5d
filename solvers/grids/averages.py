"""Averages of a function over cells, by Gauss' rule; where it jumps inside a cell, over ever smaller parts of that."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

__all__ = ["GAUSS_NODES", "GAUSS_WEIGHTS", "averages"]

Array = np.ndarray

GAUSS_NODES, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(3)
TOLERANCES = {1: 1e-4, 2: 1e-2}  # of an average, in units of the largest of all cells; by the number of axes
MOST = 100_000  # parts at a time, or as many as cells


def averages(function: Callable[[Array], Array], lower: Array, upper: Array) -> Array:
    """Average over each of q boxes.

    Parameters
    ----------
    function : callable
        Points (r, dims) to numbers (r,).
    lower, upper : ndarray, shape (q, dims)
        Corners.

    Returns
    -------
    ndarray, shape (q,)
        By Gauss' rule of three nodes per axis. A box on whose halves the rule gives another average, as at a jump, has that of its halves,
        and these of theirs, until the difference is below a tolerance, or there are too many of them.

    Examples
    --------
    >>> edges = np.linspace(0, 1, 5)[:, None]
    >>> averages(lambda x: (x[:, 0] < 0.3) * 1.0, edges[:-1], edges[1:]).round(4)  # of the second cell a fifth
    array([1. , 0.2, 0. , 0. ])
    """
    found = _gauss(function, lower, upper)
    return _refined(function, lower, upper, found, TOLERANCES[lower.shape[1]] * np.abs(found).max(), max(len(lower), MOST))


def _refined(function: Callable[[Array], Array], lower: Array, upper: Array, found: Array, tolerance: float, most: int) -> Array:
    parts = _halves(lower, upper)
    finer = [_gauss(function, *part) for part in parts]
    rough = np.abs(np.mean(finer, axis=0) - found) > tolerance
    if not rough.any():
        return found
    if rough.sum() * len(parts) <= most and tolerance > 0:
        # A jump fills half as much of the parts as of the whole: twice the tolerance of each is the same of all
        finer = [
            _refined(function, low[rough], high[rough], part[rough], 2 * tolerance, most // len(parts))
            for (low, high), part in zip(parts, finer, strict=True)
        ]
    else:
        finer = [part[rough] for part in finer]
    found = found.copy()
    found[rough] = np.mean(finer, axis=0)
    return found


def _halves(lower: Array, upper: Array) -> list[tuple[Array, Array]]:
    """The two parts of each box, or four, one list entry per part."""
    half = (upper - lower) / 2
    return [(lower + half * corner, lower + half * (np.array(corner) + 1)) for corner in product((0, 1), repeat=lower.shape[1])]


def _gauss(function: Callable[[Array], Array], lower: Array, upper: Array) -> Array:
    total = np.zeros(len(lower))
    for nodes in product(range(len(GAUSS_NODES)), repeat=lower.shape[1]):
        at = (lower + upper) / 2 + (upper - lower) * GAUSS_NODES[list(nodes)] / 2
        total += np.prod(GAUSS_WEIGHTS[list(nodes)] / 2) * function(at)
    return total
