r"""Gaussian fields on the neurons of a layer.

Through independent Gaussian weights of standard deviation :math:`\sigma` a vector of the layer below becomes, in units of its size, a
Gaussian field: :math:`\sigma N^{-1/2} G x_i` over samples i has the covariance :math:`\sigma^2 \langle x_i, x_j\rangle`, and does not
depend on what else is in the layer.

*Mirrored* fields hold :math:`(\pm u, \pm v)` with every pair of a forward field u and a backward field v. They keep :math:`E[u\,F(v)] = 0`
exactly, which independent samples have up to :math:`N^{-1/2}` only: enough to bring to life what stands still in the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["Fields"]

Array = np.ndarray
Kind = Literal["forward", "backward"]

SIGNS = {"forward": (1, 1, -1, -1), "backward": (1, -1, 1, -1)}


@dataclass(frozen=True)
class Fields:
    """Draws fields on N neurons.

    Attributes
    ----------
    rng : numpy Generator
    neurons : int
        N; a multiple of 4 where mirrored.
    mirrored : bool
    """

    rng: np.random.Generator
    neurons: int
    mirrored: bool = False

    def independent(self, rows: int, kind: Kind) -> Array:
        """Independent standard Gaussians, shape (rows, N)."""
        if not self.mirrored:
            return self.rng.standard_normal((rows, self.neurons))
        draws = self.rng.standard_normal((rows, self.neurons // 4))
        return np.concatenate([sign * draws for sign in SIGNS[kind]], axis=1)

    def through(self, vectors: Array, std: float, kind: Kind) -> Array:
        r"""The field :math:`\sigma N'^{-1/2} G x` of vectors (n, N') of the layer that the weights come from, shape (n, N).

        Examples
        --------
        >>> fields = Fields(np.random.default_rng(0), 40_000)
        >>> u = fields.through(np.array([[1.0, 1.0], [1.0, -1.0]]), 2.0, "forward")
        >>> (u @ u.T / 40_000).round(1)  # 4 <x, x'>
        array([[4., 0.],
               [0., 4.]])
        """
        n, size = vectors.shape
        if n >= size:  # then the matrix itself is the smaller thing to draw
            return (std / np.sqrt(size)) * (vectors @ self.independent(size, kind))
        values, axes = np.linalg.eigh(vectors @ vectors.T / size)
        return (std * axes * np.sqrt(values.clip(0))) @ self.independent(n, kind)
