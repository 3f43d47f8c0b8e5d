r"""Kernels that are singular at equal points, and what stands for them there on a grid: their average over a cell.

A kernel's value at 0 says nothing of this. What does is how it changes on the way there: from one difference to another that is a hundred
times smaller a continuous one changes by ever less, :math:`-\log|z|` by as much each time and :math:`|z|^{-s}` by more.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

__all__ = ["cell_average", "grows"]

Array = np.ndarray

APPROACH = np.array([1e-1, 1e-3, 1e-5, 1e-7])  # differences in units of the width of a cell
SLOWER = 0.9  # ratio of two changes; of |z|^s it is 100^-s
ROUNDING = 1e-9  # change, in units of the kernel, that is none
SHELLS, NODES = 60, 8  # each shell half as wide as the one around it, and Gauss nodes in it per axis


def grows(kernel: Callable[[Array], Array], widths: Array) -> bool:
    """Whether a kernel of differences (q, dims) -> (q,) is singular at 0, seen on cells of those widths (dims,).

    Examples
    --------
    >>> grows(lambda z: -np.log(np.abs(z[:, 0])), np.array([0.1])), grows(lambda z: np.sqrt(np.abs(z[:, 0])), np.array([0.1]))
    (True, False)
    """
    with np.errstate(all="ignore"):
        values = np.asarray(kernel(APPROACH[:, None] * widths), float)
    if not np.isfinite(values).all():
        return True
    _, before, last = np.abs(np.diff(values))
    return bool(last > ROUNDING * np.abs(values).max() and last > SLOWER * before)


def cell_average(kernel: Callable[[Array], Array], widths: Array) -> float:
    """Average of an even kernel over a cell around 0, by Gauss' rule in shells that shrink towards it.

    Examples
    --------
    >>> round(cell_average(lambda z: -np.log(np.abs(z[:, 0])), np.array([0.2])), 8), float(round(1 - np.log(0.1), 8))
    (3.30258509, 3.30258509)
    """
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    dims = len(widths)
    points, volumes = [], []
    for outer in product((False, True), repeat=dims):  # of a cell of side 1 in two parts per axis those but the inner one
        if not any(outer):
            continue
        axes = [0.75 + nodes / 4 if out else (0.25 + nodes / 4) for out in outer]
        points.append(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dims))
        volumes.append(np.prod(np.meshgrid(*[weights / 4] * dims, indexing="ij"), axis=0).ravel())
    shell, volume = np.concatenate(points), np.concatenate(volumes)
    scales = 0.5 ** np.arange(SHELLS)
    total = 0.0
    for signs in product((1.0, -1.0), repeat=dims - 1):
        corner = np.array([1.0, *signs]) * widths / 2
        every = (scales[:, None, None] * shell * corner).reshape(-1, dims)
        with np.errstate(all="ignore"):
            values = np.asarray(kernel(every), float).reshape(SHELLS, -1)
        total += float(np.sum(scales**dims * (values @ volume)))
    return total / 2 ** (dims - 1)
