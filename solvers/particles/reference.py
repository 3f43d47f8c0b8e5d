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

from typing import Any

import numpy as np

from .contract import Elementwise

__all__ = ["NumpyEngine"]

Array = np.ndarray

BLOCK = 1 << 16  # pre-activations at once


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
        for block in _blocks(len(W), len(inputs)):
            F += self.activation.value(inputs @ W[block].T) @ a[block]
        return F, None

    def move(self, W: Array, a: Array, inputs: Any, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any) -> None:
        """Write ``rate`` times the velocities to ``out = (W, a)``, or add them to it; ``out`` may be the particles themselves."""
        out_W, out_a = out
        r = -rate * r
        r = r.astype(a.dtype, copy=False)
        for block in _blocks(len(W), len(inputs)):
            h = inputs @ W[block].T  # (n, particles of the block)
            da = self.activation.value(h).T @ r
            dW = (self.activation.derivative(h) * (r @ a[block].T)).T @ inputs
            if add:
                out_a[block] += da
                out_W[block] += dW
            else:
                out_a[block] = da
                out_W[block] = dW


def _blocks(particles: int, samples: int) -> list[slice]:
    size = max(1, BLOCK // samples)
    return [slice(begin, min(begin + size, particles)) for begin in range(0, particles, size)]
