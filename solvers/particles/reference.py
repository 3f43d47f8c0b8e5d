r"""One evaluation of a two-layer particle system in plain numpy: the readable twin of the compiled engines.

With inputs :math:`x_i` (a constant 1 appended where there are biases), particles :math:`(w_j, a_j)` and residuals
:math:`r_i = \partial\,\mathrm{Loss}/\partial f(x_i)`,

.. math::
    F_i = \sum_j a_j\, \phi(w_j \cdot x_i), \qquad
    \dot a_j = -\sum_i r_i\, \phi(w_j \cdot x_i), \qquad
    \dot w_j = -\sum_i (a_j \cdot r_i)\, \phi'(w_j \cdot x_i)\, x_i .

The three methods are those of every :class:`~.contract.Engine`. User-defined activations run
here too, so the particles are taken in blocks whose pre-activations stay in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .contract import Elementwise

__all__ = ["NumpyEngine"]

Array = np.ndarray

BLOCK = 1 << 16  # pre-activations at once
SAMPLES = 512  # of them, at most


class NumpyEngine:
    """The formulas as they stand.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> engine = NumpyEngine(activations.get("relu"))
    >>> W, a, X = np.array([[1.0, 0.0], [0.0, -2.0]]), np.array([[1.0], [3.0]]), np.array([[1.0, 1.0], [2.0, -1.0]])
    >>> engine.outputs(W, a, engine.prepare(X))[0].ravel()
    array([1., 8.])
    """

    def __init__(self, activation: Elementwise) -> None:
        self.activation = activation

    def prepare(self, X: Array) -> Any:
        """Inputs (n, D) in the form that this engine works on."""
        return X

    def outputs(self, W: Array, a: Array, inputs: Any, keep: bool = True) -> tuple[Array, Any]:
        """Sums F, shape (n, k), over particles W (N, D), a (N, k); and a memo for :meth:`move`, with what is worth keeping for it."""
        F = np.zeros((len(inputs), a.shape[1]), a.dtype)
        for block, rows in _blocks(len(W), len(inputs)):
            F[rows] += self.activation.value(inputs[rows] @ W[block].T) @ a[block]
        return F, None

    def move(self, W: Array, a: Array, inputs: Any, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any) -> None:
        """Write ``rate`` times the velocities to ``out = (W, a)``, or add them to it; ``out`` may be the particles themselves."""
        out_W, out_a = out
        r = -rate * r
        r = r.astype(a.dtype, copy=False)
        particles, da, dW = slice(0, 0), a[:0], W[:0]
        for block, rows in _blocks(len(W), len(inputs)):
            if block != particles:
                _put(out_W, out_a, particles, dW, da, add)
                particles, da, dW = block, np.zeros_like(a[block]), np.zeros_like(W[block])
            h = inputs[rows] @ W[block].T  # (samples, particles)
            da += self.activation.value(h).T @ r[rows]
            dW += (self.activation.derivative(h) * (r[rows] @ a[block].T)).T @ inputs[rows]
        _put(out_W, out_a, particles, dW, da, add)


def _put(out_W: Array, out_a: Array, block: slice, dW: Array, da: Array, add: bool) -> None:
    out_a[block] = out_a[block] + da if add else da
    out_W[block] = out_W[block] + dW if add else dW


def _blocks(particles: int, samples: int) -> Iterator[tuple[slice, slice]]:
    """Blocks of particles, and within each blocks of samples: thin products, of few particles with many samples, are slow."""
    rows = min(samples, SAMPLES)
    size = max(1, BLOCK // max(rows, 1))
    for begin in range(0, particles, size):
        for first in range(0, samples, SAMPLES):
            yield slice(begin, min(begin + size, particles)), slice(first, min(first + SAMPLES, samples))
