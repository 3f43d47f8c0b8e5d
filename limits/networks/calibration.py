r"""First rates that are set, layer by layer, by what the first step does.

With base rate 1, the update of step 0 moves the pre-activations of layer l by :math:`\Delta W^l x^{l-1}`. The calibration of [hajjar2021]_
goes up the layers, each with inputs from the layers below as calibrated, and multiplies the first rate of the layer by

.. math:: q_l = \min\!\big(s_l \,/\, \mathrm{mean}\,|\Delta W^l x^{l-1}|,\; \mathrm{cap}\big), \qquad
          s_l = 1 \;\; (2 \le l \le L), \quad s_{L+1} = 0.1 .

The published runs of IP-LLR have it. It is a change of the parameterization where those means depend on the width: for linear, tanh, elu
and gelu networks under IP-LLR they fall like :math:`m^{-1/2}` from layer 3 on, because the limits of those vectors are 0, and the factors
grow like :math:`\sqrt m`.

References
----------
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596, and the code of its experiments,
   https://github.com/karl-hajjar/wide-networks (``calibrate_base_lr`` in ``schedulers.py``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers.checks import instance, integer, real, settle
from ...solvers.data import Data
from ...solvers.machine.products import product
from .layers import Rates
from .network import Network
from .problem import NetworkProblem

__all__ = ["CalibratedNetwork"]

Array = np.ndarray


@dataclass(frozen=True)
class CalibratedNetwork:
    r"""A network whose first step is calibrated on its own initial weights and training data.

    Parameters
    ----------
    network : Network
        Without biases.
    first_layer : float
        Factor :math:`q_1` of the first rate of layer 1, which is not calibrated.
    size, output_size : float
        Means that the moves of layers 2..L and of the output shall have, for ``first_learning_rate=1`` of the method.
    cap : float
        Largest factor.
    samples : int, optional
        The step is tried on the first so many training samples, and measured on the next so many (the published way). Default: both on all
        of them.

    Raises
    ------
    TypeError, ValueError
        Where an argument is of the wrong kind or out of its range, the network has biases, or there are not twice that many samples.

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits import CalibratedNetwork
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((2, 20, 3))
    >>> net = iw.Network(3, 6, 256, "tanh", iw.Parameterization.integrable_large_lr(6), output_dim=3)
    >>> calibrated = CalibratedNetwork(net)
    >>> method = iw.GradientDescent(0.01, 1, first_learning_rate=1.0)
    >>> sol = iw.solve(calibrated, X, y, method, rng=0)
    >>> bool(calibrated.factors(sol.problem).max() > 20)  # links that the limit breaks are mended, at this width
    True
    """

    network: Network
    first_layer: float = 1.0
    size: float = 1.0
    output_size: float = 0.1
    cap: float = 500.0
    samples: int | None = None

    def __post_init__(self) -> None:
        instance("network", self.network, Network, "Network(2, 3, 64, 'tanh', Parameterization.integrable_large_lr(3))")
        if isinstance(self.network.width, tuple):
            raise ValueError(f"network: has hidden layers of widths {self.network.width}, and this calibration knows one; give one number")
        if self.network.parameterization.bias_std is not None:
            raise ValueError("network: has biases, whose first rates this calibration does not know; take a parameterization without")
        settle(self, **{name: real(name, getattr(self, name), above=0) for name in ("first_layer", "size", "output_size", "cap")})
        if self.samples is not None:
            settle(self, samples=integer("samples", self.samples, least=1))

    @property
    def width(self) -> int:
        """Width of the hidden layers."""
        return self.network.width

    def bind(self, data: Data | None, rng: np.random.Generator) -> NetworkProblem:
        """Draw the initial weights, join them to the data, and calibrate the rates of step 0."""
        problem = self.network.bind(data, rng)
        rates = problem.first_rates.weights
        factors = self._factors(problem)
        problem.first_rates = Rates([rate * factor for rate, factor in zip(rates, factors, strict=True)], [])
        problem.first_step = True
        return problem

    def factors(self, problem: NetworkProblem) -> Array:
        """Factors q of every weight layer in a problem of this network, shape (L + 1,); TypeError where it is of another."""
        instance("problem", problem, NetworkProblem, "sol.problem of solve(CalibratedNetwork(..), ..)")
        p = self.network.parameterization
        plain = [q * self.width**-c for q, c in zip(p.rates, p.first_c or p.c, strict=True)]
        return np.array(problem.first_rates.weights) / plain

    def _factors(self, problem: NetworkProblem) -> list[float]:
        data, state, scales = problem.data, problem.start(), problem.scales
        n = data.n
        if self.samples is not None and 2 * self.samples > n:
            raise ValueError(f"samples: is {self.samples}, and calibration needs twice as many of {n} training samples; lower it")
        tried, measured = (slice(None),) * 2 if self.samples is None else (slice(self.samples), slice(self.samples, 2 * self.samples))
        x, h = problem.forward(state, data.X[tried])
        residual = data.judge(h[-1], tried)[1]  # type: ignore[arg-type]
        passes = {l: (g, inputs) for l, g, inputs in problem.signals(state, residual, x, h, 0, tried)}
        weights, _ = problem.layers(state)
        factors, v = [], data.X[measured]
        for l, w in enumerate(weights):
            g, inputs = passes[l]
            move = product(product(v, inputs.T), g, -problem.first_rates.weights[l] * scales[l] ** 2)
            if l == 0:
                factors.append(self.first_layer)
            else:
                mean = float(np.abs(move).mean())
                size = self.size if l < len(weights) - 1 else self.output_size
                factors.append(self.cap if mean * self.cap <= size else size / mean)
            if l < len(weights) - 1:
                v = problem.activation.value(product(v, w.T, scales[l]) + factors[-1] * move)
        return factors
