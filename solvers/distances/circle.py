r"""Wasserstein-1 distance between two measures on the circle.

.. math::
    W_1(\mu, \nu) = \min_c \int_0^{2\pi} |F_\mu(\varphi) - F_\nu(\varphi) - c|\,d\varphi,

with distribution functions from any point on; c, how much mass crosses that point, is the median of their difference [rabin2011]_.

References
----------
.. [rabin2011] Rabin, Delon and Gousseau, Journal of Mathematical Imaging and Vision 41 (2011), 147-167.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import vector

__all__ = ["circular_wasserstein"]

Array = np.ndarray

MOST_TURNS = 1e6  # radians, which leave ten digits


def circular_wasserstein(angles: Any, masses: Any, other_angles: Any, other_masses: Any) -> float:
    """W1 in radians between atoms at angles, both measures scaled to total mass 1.

    Cells count as atoms at their centres, which moves mass that is spread evenly over a cell by a quarter of its width, on average.

    Parameters
    ----------
    angles, masses : array_like, shape (N,)
        Masses are not negative, and not all zero.
    other_angles, other_masses : array_like, shape (M,)

    Raises
    ------
    ValueError
        Where shapes do not fit, or masses are negative or all zero.

    Examples
    --------
    The short way round:

    >>> float(np.rad2deg(circular_wasserstein([np.deg2rad(350)], [2.0], [np.deg2rad(10)], [1.0])).round(12))
    20.0
    """
    first, second = _atoms("", angles, masses), _atoms("other_", other_angles, other_masses)
    where = np.concatenate((first[0], second[0]))
    order = np.argsort(where)
    above = np.cumsum(np.concatenate((first[1], -second[1]))[order])  # the difference after each atom
    lengths = np.diff(where[order], append=where[order[0]] + 2 * np.pi)
    ranks = np.argsort(above)
    middle = np.searchsorted(np.cumsum(lengths[ranks]), np.pi)
    return float(lengths @ np.abs(above - above[ranks[middle]]))


def _atoms(name: str, angles: Any, masses: Any) -> tuple[Array, Array]:
    where = vector(f"{name}angles", angles)
    if np.abs(where).max() > MOST_TURNS:
        raise ValueError(f"{name}angles: {np.abs(where).max():.3g} radians have no digits left on the circle; give angles modulo 2 pi")
    weight = vector(f"{name}masses", masses, length=len(where), least=0, each="angle")
    if not weight.max() > 0:
        raise ValueError(f"{name}masses: must not be all zero")
    weight = weight / weight.max()  # whose sum is finite
    return np.mod(where, 2 * np.pi), weight / weight.sum()
