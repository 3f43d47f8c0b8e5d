r"""Deep mean-field limits by N neurons per layer, their kernels in memory as matrices.

.. math::
    h^l = N^{-1} W_l\, \phi(h^{l-1}) + b^l, \quad f = N^{-1} w^{L+1} \phi(h^L) + b^{L+1}, \qquad
    \dot W_l = -\mathrm{mean}_i\; \delta^l_i \otimes \phi(h^{l-1}_i), \quad
    \delta^l = \phi'(h^l)\, N^{-1} W_{l+1}^\top \delta^{l+1}, \quad \delta^L = \phi'(h^L)\, w^{L+1} r:

the network of width N whose centred initial kernels are zero, because they act as the zero operator in the limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from ...solvers.data import Data
from ..activations import Activation
from ..networks.layers import LayeredProblem, Rates
from .germ import Germ
from .start import Start

__all__ = ["NeuronProblem", "dense_bytes"]

Array = np.ndarray


def dense_bytes(sizes: tuple[int, ...], itemsize: int) -> int:
    """Memory of the kernels between hidden layers of those sizes."""
    return itemsize * sum(above * below for below, above in pairwise(sizes))


class NeuronProblem(LayeredProblem):
    """Problem of one system of neurons, whose state is a vector.

    Parameters
    ----------
    data : Data
    activation : Activation
    germ : Germ
    start : Start
    first_step : bool
    """

    def __init__(self, data: Data, activation: Activation, germ: Germ, start: Start, first_step: bool) -> None:
        kernel_rows = [kernel_shape(kernel, len(start.first))[0] for kernel in start.kernels]
        sizes = (data.X.shape[1], len(start.first), *kernel_rows, data.outputs)
        counts = [1.0, *map(float, sizes[1:-1]), 1.0]
        rates = Rates([below * above for below, above in pairwise(counts)], counts[1:] if start.biases else [])
        super().__init__(data, sizes, activation, [1 / count for count in counts[:-1]], rates, rates, first_step)
        self._initial, self._germ, self._counts = start, germ, counts
        self.neurons = len(start.first)

    def start(self) -> Array:
        state = np.zeros(self.size, self.data.X.dtype)
        weights, biases = self.layers(state)
        weights[0][:], weights[-1][:] = self._initial.first, self._initial.last
        for w, kernel in zip(weights[1:-1], self._initial.kernels, strict=True):
            if isinstance(kernel, tuple):
                np.matmul(kernel[0], kernel[1].T, out=w)
            elif kernel is not None:
                w[:] = kernel
        for b, values in zip(biases, self._initial.biases, strict=True):
            b[:] = values
        return state

    def slope(self, l: int, x: list[Array], h: list[Array]) -> Array:
        slope = super().slope(l, x, h)
        field = self._initial.fields.get(l)
        return slope if field is None else field.slope(self._germ, slope, h[l - 1], x[l - 1])

    def signals(
        self, state: Array, residual: Array, x: list[Array], h: list[Array], step: int, rows: Any
    ) -> Iterator[tuple[int, Array, Array]]:
        first = self._initial.first_pass
        if step or first is None:
            yield from super().signals(state, residual, x, h, step, rows)
            return
        for l in range(len(self.shapes) - 1, -1, -1):
            g, inputs = (v if rows is None else v[rows] for v in (first.signals[l], first.inputs[l]))
            yield l, g * g.dtype.type(1 / (len(g) * self._counts[l + 1])), inputs


def kernel_shape(kernel: Any, below: int) -> tuple[int, int]:
    """Of a kernel above a layer of that many neurons; zero kernels are square."""
    if kernel is None:
        return below, below
    return (len(kernel[0]), len(kernel[1])) if isinstance(kernel, tuple) else kernel.shape
