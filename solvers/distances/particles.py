r"""Wasserstein distance between two clouds of particles of equal weight."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import array, integer, squarable

__all__ = ["wasserstein"]

Array = np.ndarray

LARGEST = 5000  # particles of an assignment: memory grows with the square, time with the cube


def wasserstein(first: Any, second: Any, order: int = 1) -> float:
    r"""Wasserstein distance :math:`W_p = \big(\inf_\pi \int |\theta - \theta'|^p d\pi\big)^{1/p}` of two equally weighted clouds.

    In one dimension exact by sorting, also for clouds of different sizes; otherwise by an optimal assignment.

    Parameters
    ----------
    first, second : array_like, shapes (N, D) and (N', D)
        N = N' <= 5000 unless D = 1.
    order : {1, 2}
        p.

    Raises
    ------
    ValueError
        Where the shapes do not fit, or the clouds are too large for an assignment.

    Examples
    --------
    >>> from infwidth.solvers import wasserstein
    >>> wasserstein([[0.0, 0.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 1.0]])
    1.0
    >>> wasserstein([0.0, 1.0], [0.5])  # half of the mass moves by .5 to the right, half to the left
    0.5
    """
    double = np.dtype(float)
    first = squarable("first", array("first", first, dtype=double))
    second = squarable("second", array("second", second, dtype=double, columns=first.shape[1]))
    order = integer("order", order, least=1, most=2)
    if first.shape[1] == 1:
        gaps, masses = _monotone(np.sort(first[:, 0]), np.sort(second[:, 0]))
        return float((masses @ gaps**order) ** (1 / order))
    if len(first) != len(second):
        raise ValueError(
            f"second: has {len(second)} particles, first has {len(first)}; take equally many (in one dimension they may differ)"
        )
    if len(first) > LARGEST:
        raise ValueError(
            f"first: an assignment of {len(first)} particles is too large (limit {LARGEST}); take a random subset of each cloud"
        )
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = cdist(first, second) ** order
    return float(cost[linear_sum_assignment(cost)].mean() ** (1 / order))


def _monotone(x: Array, y: Array) -> tuple[Array, Array]:
    """Distances and masses of the monotone coupling of two sorted samples."""
    levels = np.union1d(np.arange(1, len(x) + 1) / len(x), np.arange(1, len(y) + 1) / len(y))
    masses = np.diff(levels, prepend=0)
    middle = levels - masses / 2  # below 1
    return np.abs(x[(middle * len(x)).astype(int)] - y[(middle * len(y)).astype(int)]), masses
