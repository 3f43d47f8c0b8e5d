r"""A stack of fully connected layers joined to its data: forward pass, backward pass, and the gradient step.

With :math:`x^0 = X`, :math:`h^l = s_l\, x^{l-1} w_l^\top + b_l`, :math:`x^l = \phi(h^l)`, :math:`f = h^{L+1}` (rows are samples) and
:math:`g^{L+1} = \partial\mathrm{loss}/\partial f`, :math:`g^l = \phi'(h^l) \odot (s_{l+1}\, g^{l+1} w_{l+1})`,

.. math::
    \dot w_l = -\eta_l\, s_l\, (g^l)^\top x^{l-1}, \qquad \dot b_l = -\eta^b_l \sum_i g^l_i .

A finite network (:mod:`.problem`) has powers of its width for the scales :math:`s_l` and the rates :math:`\eta_l`. The neurons of a
mean-field limit (:mod:`infwidth.limits.integrable`) have powers of their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...solvers.abilities import FirstStep, Fused
from ...solvers.data import Data
from ...solvers.machine.memory import by_parts
from ...solvers.machine.products import add_product, product
from ...solvers.noise_abilities import CommonParameters
from ...solvers.problem import Coordinates, Evaluation, Update
from ..activations import Activation

__all__ = ["LayeredProblem", "Rates"]

Array = np.ndarray


class Rates(NamedTuple):
    """Learning rates of each weight layer and of each bias layer, as multiples of the base rate; no biases give an empty list."""

    weights: list[float]
    biases: list[float]


class LayeredProblem(Fused, FirstStep, CommonParameters):
    """Problem of a stack of layers. Its state is all weights and then all biases, layer by layer, in one vector.

    Parameters
    ----------
    data : Data
    sizes : sequence of int, length L + 2
        Layer sizes, input and output included.
    activation : Activation
    scales : list of float, length L + 1
        The factors :math:`s_l`.
    rates, first_rates : Rates
        Of the later steps, and of step 0.
    first_step : bool
        Whether methods have to be given a rate for step 0.
    """

    coordinates: ClassVar[Coordinates] = "parameters"
    replicas = 1

    def __init__(
        self,
        data: Data,
        sizes: tuple[int, ...],
        activation: Activation,
        scales: list[float],
        rates: Rates,
        first_rates: Rates,
        first_step: bool,
    ) -> None:
        self.data = data
        self.activation = activation
        self.scales = scales
        self.rates, self.first_rates = rates, first_rates
        self.first_step = first_step
        self.shapes = [(rows, columns) for columns, rows in pairwise(sizes)]
        self.biased = bool(rates.biases)
        self.size = sum(r * c for r, c in self.shapes) + self.biased * sum(sizes[1:])
        self.common = slice(self.size - self.biased * sizes[-1], None)

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
        return by_parts(lambda part: self.forward(state, part)[1][-1], X, sum(map(sum, self.shapes)))

    def slope(self, l: int, x: list[Array], h: list[Array]) -> Array:
        r""":math:`\phi'(h^l)`, shape (n, size), for l = 1..L."""
        return self.activation.derivative(h[l - 1])

    def signals(
        self, state: Array, residual: Array, x: list[Array], h: list[Array], step: int, rows: Any
    ) -> Iterator[tuple[int, Array, Array]]:
        r"""Yield ``(l, dloss/dh^{l+1}, x^l)`` from the last layer to the first: factors of the gradients.

        Weights of a layer may be changed once it was yielded.
        """
        weights, _ = self.layers(state)
        g = residual
        for l in range(len(weights) - 1, -1, -1):
            below = product(g, weights[l], self.scales[l]) if l else None
            yield l, g, x[l]
            if below is not None:
                below *= self.slope(l, x, h)
                g = below

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        x, h = self.forward(state, self.data.rows(rows)[0])
        loss, residual = self.data.judge(h[-1], rows)
        if velocity is not None:
            rates = self.rates if step else self.first_rates
            dw, db = self.layers(velocity)
            for l, g, inputs in self.signals(state, residual, x, h, step, rows):
                add_product(dw[l], -rates.weights[l] * self.scales[l], g.T, inputs, beta=0.0)
                if db:
                    np.multiply(g.sum(axis=0), -rates.biases[l], out=db[l])
        return Evaluation(loss, h[-1])

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Update]:
        """Evaluate, and return ``update(rate)``, which makes the gradient step in place: one pass over the weights."""
        x, h = self.forward(state, self.data.rows(rows)[0])
        loss, residual = self.data.judge(h[-1], rows)

        def update(rate: float) -> None:
            rates = self.rates if step else self.first_rates
            weights, biases = self.layers(state)
            for l, g, inputs in self.signals(state, residual, x, h, step, rows):
                add_product(weights[l], -rate * rates.weights[l] * self.scales[l], g.T, inputs)
                if biases:
                    biases[l] -= (rate * rates.biases[l]) * g.sum(axis=0)

        return Evaluation(loss, h[-1]), update
