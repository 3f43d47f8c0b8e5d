r"""A finite network joined to its data: forward pass, backward pass, and the gradient step.

With :math:`x^0 = X`, :math:`h^l = s_l\, x^{l-1} w_l^\top + b_l`, :math:`x^l = \phi(h^l)`, :math:`f = h^{L+1}` (rows are samples,
:math:`s_l = m^{-a_l}`) and :math:`g^{L+1} = \partial\mathrm{loss}/\partial f`, :math:`g^l = \phi'(h^l) \odot (s_{l+1}\, g^{l+1} w_{l+1})`,

.. math::
    \dot w_l = -m^{-c_l} s_l\, (g^l)^\top x^{l-1}, \qquad \dot b_l = -m^{-c^b_l} \sum_i g^l_i .
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import FirstStep, Fused
from ...solvers.data import Data
from ...solvers.machine.products import add_product, product
from ...solvers.problem import Coordinates, Evaluation
from ..activations import Activation
from .parameterization import Parameterization

__all__ = ["NetworkProblem"]

Array = np.ndarray


class NetworkProblem(Fused, FirstStep):
    """Problem of a finite network. Its state is all weights and then all biases, layer by layer, in one vector.

    Parameters
    ----------
    data : Data
    sizes : sequence of int, length L + 2
        Layer sizes, input and output included. Exponents are powers of ``sizes[1]``.
    activation : Activation
    parameterization : Parameterization
    rng : numpy Generator
        Draws the initial weights, in float64 whatever the dtype, so that both precisions start at the same point.
    """

    coordinates: ClassVar[Coordinates] = "parameters"

    def __init__(
        self,
        data: Data,
        sizes: tuple[int, ...],
        activation: Activation,
        parameterization: Parameterization,
        rng: np.random.Generator,
    ) -> None:
        p, width = parameterization, float(sizes[1])
        self.data = data
        self.activation = activation
        self.first_step = p.has_first_step
        self.shapes = [(rows, columns) for columns, rows in pairwise(sizes)]
        self.biased = p.bias_std is not None
        self.scales = [width**-a for a in p.a]
        self.rates = [width**-c for c in p.c]
        self.first_rates = [width**-c for c in p.first_c or p.c]
        self.bias_rates = [width**-c for c in p.bias_c or ()]
        self.first_bias_rates = [width**-c for c in p.first_bias_c or p.bias_c or ()]
        self._start = np.empty(sum(r * c for r, c in self.shapes) + self.biased * sum(sizes[1:]), data.X.dtype)
        weights, biases = self.layers(self._start)
        for w, b, mean, std in zip(weights, p.b, p.mean, p.weight_std, strict=True):
            w[...] = width**-b * (mean + std * rng.standard_normal(w.shape))
        for bias, std in zip(biases, p.bias_std or (), strict=True):
            bias[...] = std * rng.standard_normal(bias.shape)

    def start(self) -> Array:
        return self._start.copy()

    def layers(self, state: Array) -> tuple[list[Array], list[Array]]:
        """Views of a state: weights, each (rows, columns), and biases, each (rows,); no biases give an empty list."""
        views, i = [], 0
        for shape in self.shapes + [(rows,) for rows, _ in self.shapes] * self.biased:
            size = int(np.prod(shape))
            views.append(state[i : i + size].reshape(shape))
            i += size
        layers = len(self.shapes)
        return views[:layers], views[layers:]

    def forward(self, state: Array, X: Array) -> tuple[list[Array], list[Array]]:
        """Layer inputs ``x^0 .. x^L`` and pre-activations ``h^1 .. h^{L+1}``, each (n, size)."""
        weights, biases = self.layers(state)
        x, h = [X], []
        for l, w in enumerate(weights):
            h.append(product(x[-1], w.T, self.scales[l]))
            if biases:
                h[-1] += biases[l]
            if l < len(weights) - 1:
                x.append(self.activation.value(h[-1]))
        return x, h

    def predict(self, state: Array, X: Array) -> Array:
        return self.forward(state, X)[1][-1]

    def _backward(self, state: Array, g: Array, h: list[Array]) -> Iterator[tuple[int, Array]]:
        """Yield ``(l, dloss/dh)`` from the last layer to the first. Weights of layer l may be changed once it was yielded."""
        weights, _ = self.layers(state)
        for l in range(len(weights) - 1, -1, -1):
            below = product(g, weights[l], self.scales[l]) if l else None
            yield l, g
            if below is not None:
                below *= self.activation.derivative(h[l - 1])
                g = below

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        x, h = self.forward(state, self.data.rows(rows)[0])
        loss, residual = self.data.judge(h[-1], rows)
        if velocity is not None:
            rates, bias_rates = self._rates(step)
            dw, db = self.layers(velocity)
            for l, g in self._backward(state, residual, h):
                add_product(dw[l], -rates[l] * self.scales[l], g.T, x[l], beta=0.0)
                if db:
                    np.multiply(g.sum(axis=0), -bias_rates[l], out=db[l])
        return Evaluation(loss, h[-1])

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Callable[[float], None]]:
        """Evaluate, and return ``update(rate)``, which makes the gradient step in place: one pass over the weights."""
        x, h = self.forward(state, self.data.rows(rows)[0])
        loss, residual = self.data.judge(h[-1], rows)

        def update(rate: float) -> None:
            rates, bias_rates = self._rates(step)
            weights, biases = self.layers(state)
            for l, g in self._backward(state, residual, h):
                add_product(weights[l], -rate * rates[l] * self.scales[l], g.T, x[l])
                if biases:
                    biases[l] -= (rate * bias_rates[l]) * g.sum(axis=0)

        return Evaluation(loss, h[-1]), update

    def _rates(self, step: int) -> tuple[list[float], list[float]]:
        return (self.rates, self.bias_rates) if step else (self.first_rates, self.first_bias_rates)
