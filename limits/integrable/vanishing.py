r"""The signs of pre-activations that vanish in the limit, where the activation has a kink at 0.

The initial weights act as the zero operator in the limit: what they carry is :math:`m^{-1/2}` times a Gaussian field :math:`\xi_t(i)` of
covariance :math:`\sigma^2 \langle x_{t,i}, x_{s,j}\rangle` over times and samples. It counts for nothing beside anything of order 1. But
a relu neuron whose pre-activation was negative on all samples at step 0 has learned nothing: its limit stays exactly 0, and the
*sign* of :math:`\xi_t` alone says whether it is on. As the layer below moves, signs change, and the neuron wakes up and learns. Without
this the limit of relu networks is wrong from the second step on.

The field of all later times is :math:`N^{-1/2} G x_t` with one Gaussian matrix G, of which only the rows of those neurons are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers.machine.memory import refuse_above_available
from .germ import Germ

__all__ = ["VanishingField", "undecided"]

Array = np.ndarray


def undecided(slope: Array, residual: Array) -> Array:
    """Neurons that learn nothing at step 0, a mask of shape (N,): off wherever there is something to learn.

    Parameters
    ----------
    slope : ndarray, shape (n, N)
        Of the activation at step 0; 0 where the neuron is off.
    residual : ndarray, shape (n, k)
        Where a sample's is 0 (a target of 0 at f = 0), neurons that are on learn nothing either.
    """
    return (slope[residual.any(axis=1)] == 0).all(axis=0)


@dataclass(frozen=True)
class VanishingField:
    """The field on one layer.

    Attributes
    ----------
    first : ndarray, shape (n, N)
        At step 0, on the training samples.
    matrix : ndarray, shape (R, N')
        Rows of :math:`\\sigma N'^{-1/2} G`, given the field at step 0.
    row : ndarray of int, shape (N,)
        Row of each neuron in ``matrix``, or -1.
    """

    first: Array
    matrix: Array
    row: Array

    @classmethod
    def draw(cls, rng: np.random.Generator, below: Array, std: float, first: Array, kept: Array, dtype: np.dtype) -> VanishingField:
        r"""Given the field ``first`` of the vectors ``below`` (n, N'), for the neurons ``kept``, a mask of shape (N,).

        :math:`G` conditioned on :math:`G x_i = \xi_i` is :math:`G' + (\xi - G' x)\, x^+` with an independent :math:`G'`.
        """
        size = below.shape[1]
        refuse_above_available(
            "neurons",
            f"a matrix of the {kept.sum():.3g} neurons that need the signs of a vanishing field times {size:.3g} below",
            24.0 * size * int(kept.sum()),
            "lower it, or split it into replicas",
        )
        matrix = rng.standard_normal((int(kept.sum()), size))
        matrix *= std / np.sqrt(size)
        missing = first[:, kept].T - matrix @ below.T
        matrix += missing @ np.linalg.pinv(below).T
        row = np.full(len(kept), -1)
        row[kept] = np.arange(len(matrix))
        return cls(first.astype(dtype), matrix.astype(dtype, copy=False), row)

    def at(self, neurons: Array, below: Array) -> Array:
        """The field on these neurons (indices) of vectors (n, N') of the layer below, shape (n, number of neurons).

        0 on neurons without a row: they learned at step 0, so their pre-activation vanishes only where all of ``below`` does.
        """
        rows = self.row[neurons]
        if not len(self.matrix):
            return np.zeros((len(below), len(rows)), self.matrix.dtype)
        if 4 * len(rows) > len(self.matrix):  # copying rows costs more than the product with all of them
            field = (below @ self.matrix.T)[:, rows]
        else:
            field = below @ self.matrix[rows].T
        field[:, rows < 0] = 0
        return field

    def slope(self, germ: Germ, slope: Array, h: Array, below: Array) -> Array:
        r""":math:`\phi'(h)` with the signs of the field where h is exactly 0; all of shape (n, N), ``below`` (n, N')."""
        zero = h == 0
        neurons = np.flatnonzero(zero.any(axis=0))
        if neurons.size:
            slope[:, neurons] = np.where(zero[:, neurons], germ.slope(self.at(neurons, below)), slope[:, neurons])
        return slope
