"""Points that are one and the same: what they have with one another is what each has with itself, to the last digit.

As pairs they would carry the rounding of every step, of which a kink makes the root: 1e-16 before a relu is 1e-8 in its slope, and a Gram
matrix of repeated points would not look singular.
"""

from __future__ import annotations

import numpy as np

from .program import Program
from .tiles import Gram

__all__ = ["equal_points", "settle_equal_points"]

Array = np.ndarray

BLOCK = 2**20  # numbers that are copied at a time


def equal_points(points: Array) -> list[Array]:
    """Groups of two or more rows of ``points`` (n, d), in float64, that are equal."""
    parts = np.array_split(points, -(-points.size // BLOCK) or 1)
    keys = np.array([hash(row.tobytes()) for part in parts for row in part + 0.0])  # + 0.0 makes one zero of two
    order = np.argsort(keys, kind="stable")
    _, starts, counts = np.unique(keys[order], return_index=True, return_counts=True)
    groups = [order[i : i + count] for i, count in zip(starts[counts > 1], counts[counts > 1], strict=True)]
    return [group for group in groups if (points[group] == points[group[0]]).all()]


def settle_equal_points(into: Gram, program: Program, points: Array, rows: int | None) -> None:
    """Set the pairs of equal points in the matrices of ``into``.

    Parameters
    ----------
    into : Gram
    program : Program
        Of all points. Where it draws masks for every point, no two are equal.
    points : ndarray, shape (n, d)
    rows : int, optional
        How many of the points belong to the rows, the others to the columns; by default all belong to both.
    """
    if program.draws_masks:
        return
    for group in equal_points(points):
        i, j = (group, group) if rows is None else (group[group < rows], group[group >= rows] - rows)
        for matrix, scale in zip(into, (program.std, program.tangent), strict=True):
            if matrix is not None:
                matrix[np.ix_(i, j)] = scale[group[0]] ** 2
