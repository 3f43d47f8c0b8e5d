r"""An orthonormal basis of the fields of a layer that were seen so far: how the past is compressed.

Over S samples, :math:`\langle a b\rangle` is the mean of products. Consecutive gradient steps are almost collinear, so the fields
:math:`\phi(h_s)`, or :math:`g_s`, of all past times span few directions to any useful accuracy; T times of n samples are kept as their
coordinates in R of them. A new field enlarges the basis where the part of it outside has more than ``tolerance**2`` of its mean square.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from .rows import Budget, Rows

__all__ = ["Basis", "Growth", "inverse_root"]

Array = np.ndarray

ROUNDING = 1e-7  # relative length below which a direction is rounding: the square root of that of its mean square


class Growth(NamedTuple):
    """New directions as combinations of new fields and old directions, and the fields in all of them.

    Attributes
    ----------
    fields : ndarray, shape (new, q)
    old : ndarray, shape (new, R)
        A new direction is ``fields @ F + old @ directions``.
    coordinates : ndarray, shape (q, R + new)
        Of the fields F.
    """

    fields: Array
    old: Array
    coordinates: Array


class Basis:
    """Orthonormal directions :math:`e_j` over S samples, shape (R, S)."""

    def __init__(self, samples: int, tolerance: float, budget: Budget) -> None:
        self.rows = Rows(samples, budget)
        self.tolerance = max(tolerance, ROUNDING)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def values(self) -> Array:
        return self.rows.values

    def plan(self, gram: Array, coordinates: Array) -> Growth:
        r"""The directions that fields F (q, S) need beyond these.

        Parameters
        ----------
        gram : ndarray, shape (q, q)
            :math:`\langle F F^\top\rangle`.
        coordinates : ndarray, shape (q, R)
            :math:`\langle F e^\top\rangle`.
        """
        outside = gram - coordinates @ coordinates.T
        if not np.isfinite(outside).all():  # a diverging run ends elsewhere
            return Growth(np.zeros((0, len(gram))), np.zeros((0, len(self))), coordinates)
        variance, axes = np.linalg.eigh(outside)
        kept = variance > self.tolerance**2 * gram.diagonal().max()
        variance, axes = variance[kept][::-1], axes[:, kept][:, ::-1]
        axes = axes * np.where(np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0) < 0, -1, 1)  # one sign on every machine
        fields = (axes / np.sqrt(variance)).T
        return Growth(fields, -fields @ coordinates, np.hstack([coordinates, axes * np.sqrt(variance)]))

    def grow(self, growth: Growth, fields: Callable[[slice], Array], chunks: Iterable[slice]) -> Growth:
        """Append the new directions, orthonormal to rounding, and return them so. ``fields(chunk)`` are the F of some samples."""
        number, samples = len(growth.fields), self.rows.samples
        if number == 0:
            return growth
        new = growth.old @ self.values
        for chunk in chunks:
            new[:, chunk] += growth.fields @ fields(chunk)
        overlap = new @ self.values.T / samples  # of the order of rounding / tolerance: the subtraction above cancels
        new -= overlap @ self.values
        normal = inverse_root(new @ new.T / samples)
        self.rows.append(normal @ new)
        return Growth(normal @ growth.fields, normal @ (growth.old - overlap), growth.coordinates)


def inverse_root(matrix: Array) -> Array:
    """The symmetric inverse square root of a positive definite matrix."""
    variance, axes = np.linalg.eigh(matrix)
    return (axes / np.sqrt(variance)) @ axes.T
