r"""Finite fully connected networks: the reference that every limit is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ...solvers.checks import integer, settle, shown
from ...solvers.data import Data, needed
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import Model
from .. import activations
from ..activations import Activation
from .parameterization import Parameterization
from .problem import NetworkProblem

__all__ = ["Network"]

COPIES = 3  # of the weights: the start, the state, the velocity
PASSES = 4  # of the layers: inputs, pre-activations, gradients, and one in passing
MOST_DIGITS = 150  # powers of ten whose squares are floats


@dataclass(frozen=True)
class Network:
    r"""A network of ``hidden_layers`` layers of one width under an abc-parameterization.

    .. math::
        h^1 = m^{-a_1} w^1 x + b^1, \quad h^l = m^{-a_l} w^l \phi(h^{l-1}) + b^l, \quad f = m^{-a_{L+1}} w^{L+1} \phi(h^L) + b^{L+1}

    Parameters
    ----------
    input_dim : int
        Dimension d of the inputs.
    hidden_layers : int
        Number L of hidden layers; the network has L + 1 weight matrices.
    width : int
        Width m of every hidden layer.
    activation : str or Activation
    parameterization : Parameterization
        Of the same number of hidden layers. It also says whether there are biases.
    output_dim : int, default 1
        Number k of outputs.

    Raises
    ------
    ValueError
        Where a number is not a positive integer, the activation is not known, or the parameterization is of another depth.

    Examples
    --------
    >>> from infwidth.limits import Network, Parameterization
    >>> import infwidth as iw
    >>> X, y = np.eye(3), np.array([1.0, -1.0, 0.5])
    >>> net = Network(3, 2, 256, "relu", Parameterization.mup(2))
    >>> sol = iw.solve(net, X, y, iw.GradientDescent(learning_rate=0.3, steps=60), rng=0)
    >>> sol.outputs.shape, bool(sol.loss[-1] < 1e-3)
    ((61, 3, 1), True)
    """

    input_dim: int
    hidden_layers: int
    width: int
    activation: str | Activation
    parameterization: Parameterization
    output_dim: int = 1

    def __post_init__(self) -> None:
        settle(
            self, **{name: integer(name, getattr(self, name), least=1) for name in ("input_dim", "hidden_layers", "width", "output_dim")}
        )
        activations.get(self.activation)
        if not isinstance(self.parameterization, Parameterization):
            raise TypeError(
                f"parameterization: need a Parameterization, got {shown(self.parameterization)};"
                f" for example Parameterization.mup({self.hidden_layers})"
            )
        if self.parameterization.hidden_layers != self.hidden_layers:
            raise ValueError(
                f"parameterization: is for {self.parameterization.hidden_layers} hidden layers, the network has"
                f" hidden_layers={self.hidden_layers}; build it with that number"
            )

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Input dimension, hidden widths, output dimension."""
        return (self.input_dim, *(self.width,) * self.hidden_layers, self.output_dim)

    def limit(self) -> Model:
        """Its infinite-width limit, by :func:`infwidth.limits.scaling.limit` with its defaults."""
        from ..scaling.choice import limit  # which knows the networks

        return limit(self)

    def bind(self, data: Data | None, rng: np.random.Generator) -> NetworkProblem:
        """Draw the initial weights and join them to the data."""
        return NetworkProblem(self.check(data), self.layer_sizes, activations.get(self.activation), self.parameterization, rng)

    def check(self, data: Data | None) -> Data:
        """The data, if they fit this network, and it fits into memory; ValueError otherwise."""
        data = needed(data)
        if data.X.shape[1] != self.input_dim:
            raise ValueError(f"X: has {data.X.shape[1]} columns, the network has input_dim={self.input_dim}")
        if data.outputs != self.output_dim:
            hint = (
                f"; labels 0..k-1 make k columns, so give one-hot rows where a class is missing: np.eye({self.output_dim})[labels]"
                if data.loss.name == "cross_entropy"
                else ""
            )
            raise ValueError(f"y: has {data.outputs} columns, the network has output_dim={self.output_dim}{hint}")
        self._check_size(data)
        return data

    def _check_size(self, data: Data) -> None:
        """Refuse what would not fit into memory or into the range of floats."""
        sizes = self.layer_sizes
        weights = float(sum(rows * columns for columns, rows in pairwise(sizes)))
        needs = data.X.itemsize * (COPIES * weights + PASSES * data.n * sum(sizes))
        what = f"{weights:.3g} weights with their moves, and the layers of {data.n} samples,"
        refuse_above_available("width", what, needs, "lower it, or train on fewer samples")
        p = self.parameterization
        steepest = max(abs(e) for exponents in (p.a, p.b, p.c, p.first_c, p.bias_c, p.first_bias_c) for e in exponents or ())
        if steepest * math.log10(self.width) > MOST_DIGITS:
            raise ValueError(
                f"parameterization: width**{steepest:g} leaves the range of floats at width={self.width}; lower the exponents or the width"
            )
