"""A finite network joined to its data: layers whose scales and rates are powers of their widths."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...solvers.abilities import Rated
from ...solvers.data import Data
from ..activations import Activation
from .initial_weights import Initial, balanced, entries
from .layers import LayeredProblem, Rates
from .parameterization import Parameterization

__all__ = ["NetworkProblem"]

Array = np.ndarray


class NetworkProblem(LayeredProblem, Rated):
    """Problem of a finite network.

    Parameters
    ----------
    data : Data
    sizes : sequence of int, length L + 2
        Layer sizes, input and output included. Exponents of a layer are powers of its fan-in, those of the first of ``sizes[1]``, those
        of hidden biases of their own layer's width.
    activation : Activation
    parameterization : Parameterization
    rng : numpy Generator
        Draws the initial weights, in float64 whatever the dtype, so that both precisions start at the same point.
    initial : str, callable or tuple of ndarray
    """

    def __init__(
        self,
        data: Data,
        sizes: tuple[int, ...],
        activation: Activation,
        parameterization: Parameterization,
        rng: np.random.Generator,
        initial: Initial = "gaussian",
    ) -> None:
        p, L = parameterization, len(sizes) - 2
        units = [float(sizes[max(l, 1)]) for l in range(L + 1)]
        bias_units = [float(sizes[min(l + 1, L)]) for l in range(L + 1)]

        def rates_of(c: Sequence[float], units: list[float]) -> list[float]:
            return [q * m**-exponent for q, m, exponent in zip(p.rates, units, c, strict=False)]  # without biases there are none

        rates = Rates(rates_of(p.c, units), rates_of(p.bias_c or (), bias_units))
        first_rates = Rates(rates_of(p.first_c or p.c, units), rates_of(p.first_bias_c or p.bias_c or (), bias_units))
        super().__init__(data, sizes, activation, [m**-a for m, a in zip(units, p.a, strict=True)], rates, first_rates, p.has_first_step)
        self.frozen = self._frozen(p.rates)
        self._start = np.empty(self.size, data.X.dtype)
        weights, biases = self.layers(self._start)
        if initial == "balanced":
            given: Sequence[Array] = balanced(rng, self.shapes, rates.weights, units[0] ** -p.b[0] * p.weight_std[0])
        else:
            given = initial if isinstance(initial, tuple) else ()
        for w, own in zip(weights, given, strict=False):
            w[...] = own
        for w, m, b, mean, std in zip(weights if not given else (), units, p.b, p.mean, p.weight_std, strict=False):
            w[...] = m**-b * (mean + std * entries(initial, rng, w.shape))
        for bias, std in zip(biases, p.bias_std or (), strict=True):
            bias[...] = std * rng.standard_normal(bias.shape)

    def rates_of_parameters(self) -> Array:
        rates = np.empty_like(self._start)
        for layers, of in zip(self.layers(rates), (self.rates.weights, self.rates.biases), strict=True):
            for layer, rate in zip(layers, of, strict=True):
                layer[...] = rate
        return rates

    def _frozen(self, rates: Sequence[float]) -> tuple[slice, ...]:
        """Where the state has layers of rate 0."""
        sizes = [rows * columns for rows, columns in self.shapes] + [rows for rows, _ in self.shapes] * self.biased
        ends = np.cumsum(sizes).tolist()
        return tuple(slice(end - size, end) for end, size, q in zip(ends, sizes, [*rates, *rates], strict=False) if q == 0)

    def start(self) -> Array:
        return self._start.copy()
