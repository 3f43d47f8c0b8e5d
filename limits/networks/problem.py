"""A finite network joined to its data: layers whose scales and rates are powers of the width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...solvers.data import Data
from ..activations import Activation
from .layers import LayeredProblem, Rates
from .parameterization import Parameterization

__all__ = ["NetworkProblem"]

Array = np.ndarray


class NetworkProblem(LayeredProblem):
    """Problem of a finite network.

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

    def __init__(
        self,
        data: Data,
        sizes: tuple[int, ...],
        activation: Activation,
        parameterization: Parameterization,
        rng: np.random.Generator,
    ) -> None:
        p, width = parameterization, float(sizes[1])

        def rates_of(c: Sequence[float]) -> list[float]:
            return [q * width**-exponent for q, exponent in zip(p.rates, c, strict=False)]  # without biases there are none

        rates = Rates(rates_of(p.c), rates_of(p.bias_c or ()))
        first_rates = Rates(rates_of(p.first_c or p.c), rates_of(p.first_bias_c or p.bias_c or ()))
        super().__init__(data, sizes, activation, [width**-a for a in p.a], rates, first_rates, p.has_first_step)
        self._start = np.empty(self.size, data.X.dtype)
        weights, biases = self.layers(self._start)
        for w, b, mean, std in zip(weights, p.b, p.mean, p.weight_std, strict=True):
            w[...] = width**-b * (mean + std * rng.standard_normal(w.shape))
        for bias, std in zip(biases, p.bias_std or (), strict=True):
            bias[...] = std * rng.standard_normal(bias.shape)

    def start(self) -> Array:
        return self._start.copy()
