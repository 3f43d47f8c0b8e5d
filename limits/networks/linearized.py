r"""A network that is linear in its parameters: the first Taylor polynomial of a finite network around its start.

.. math:: f^{lin}_\theta(x) = f_{\theta_0}(x) + J_{\theta_0}(x)\,(\theta - \theta_0)

It is what training makes of this very network where its features stay as they were [lee2019]_, not a limit: with growing width, smooth
networks of the kernel regime come nearer to it like 1/m, relu networks, whose neurons switch, more slowly. Products with J go
forward through the layers, those with its transpose backward.

References
----------
.. [lee2019] Lee et al., arXiv:1902.06720 (linearized networks).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import FirstStep, Rated
from ...solvers.checks import instance
from ...solvers.data import Data
from ...solvers.machine.memory import by_parts
from ...solvers.machine.products import product
from ...solvers.problem import Coordinates, Evaluation, Model, Problem
from .network import Network
from .problem import NetworkProblem

__all__ = ["LinearizedNetwork", "LinearizedProblem"]

Array = np.ndarray


@dataclass(frozen=True)
class LinearizedNetwork:
    r"""A finite network, linearized in its parameters around the initial ones; a model for :func:`~infwidth.solve` like the network itself.

    With the same ``rng`` both start at the same parameters and outputs.

    Parameters
    ----------
    network : Network

    Raises
    ------
    TypeError
        Where it is no Network.

    Examples
    --------
    Wide networks train like their linearization:

    >>> import infwidth as iw
    >>> from infwidth.limits import LinearizedNetwork
    >>> X, y = np.array([[1.0, 0.5], [-0.5, 1.0]]), np.array([1.0, -1.0])
    >>> method = iw.GradientDescent(0.3, 50)
    >>> def gap(width):
    ...     network = iw.Network(2, 2, width, "erf", iw.Parameterization.ntk(2))
    ...     runs = [iw.solve(model, X, y, method, rng=0) for model in (network, LinearizedNetwork(network))]
    ...     return float(abs(runs[0].outputs - runs[1].outputs).max())
    >>> gap(16) > 10 * gap(1024) > 0
    True
    """

    network: Network

    def __post_init__(self) -> None:
        instance("network", self.network, Network, "Network(2, 1, 64, 'relu', Parameterization.ntk(1))")

    @property
    def width(self) -> int:
        """Of the network."""
        return self.network.width

    def limit(self) -> Model:
        """That of the network, where it is one of the kernel regime; ValueError otherwise."""
        from ..kernels.network import of  # which knows the networks

        of(self.network)
        return self.network.limit()

    def bind(self, data: Data | None, rng: np.random.Generator) -> LinearizedProblem:
        """Draw the initial weights and join them to the data."""
        return LinearizedProblem(self.network.bind(data, rng))


class LinearizedProblem(Rated, FirstStep, Problem):
    """A linearized network on its data; the state is all parameters, as in the network's problem.

    Parameters
    ----------
    origin : NetworkProblem
        The network, linearized at its start.
    """

    coordinates: ClassVar[Coordinates] = "parameters"

    def __init__(self, origin: NetworkProblem) -> None:
        self.origin, self.data, self.first_step = origin, origin.data, origin.first_step
        self._start = origin.start()
        self._layers = origin.forward(self._start, origin.data.X)

    def start(self) -> Array:
        return self._start.copy()

    def rates_of_parameters(self) -> Array:
        return self.origin.rates_of_parameters()

    def predict(self, state: Array, X: Array) -> Array:
        numbers = 4 * sum(rows for rows, _ in self.origin.shapes)
        return by_parts(lambda part: self._outputs(state, *self.origin.forward(self._start, part)), X, numbers)

    def _outputs(self, state: Array, x: list[Array], h: list[Array]) -> Array:
        """Value and tangent of every layer together, from the inputs to the outputs."""
        weights, _ = self.origin.layers(self._start)
        moves, shifts = self.origin.layers(state - self._start)
        below: Array | None = None
        for l, (w, move) in enumerate(zip(weights, moves, strict=True)):
            tangent = product(x[l], move.T, self.origin.scales[l])
            if below is not None:
                tangent += product(below, w.T, self.origin.scales[l])
            if shifts:
                tangent += shifts[l]
            if l < len(weights) - 1:
                below = tangent * self.origin.slope(l + 1, x, h)
        return h[-1] + tangent

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        x, h = self._layers if rows is None else ([part[rows] for part in parts] for parts in self._layers)
        f = self._outputs(state, x, h)
        loss, residual = self.data.judge(f, rows)
        if velocity is not None:
            rates = self.origin.rates if step else self.origin.first_rates
            dw, db = self.origin.layers(velocity)
            for l, g, inputs in self.origin.signals(self._start, residual, x, h, step, rows):
                dw[l][...] = product(g.T, inputs, -rates.weights[l] * self.origin.scales[l])
                if db:
                    np.multiply(g.sum(axis=0), -rates.biases[l], out=db[l])
        return Evaluation(loss, f)
