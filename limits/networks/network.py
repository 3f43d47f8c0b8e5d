r"""Finite fully connected networks: the reference that every limit is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ...solvers.checks import integer, integers, settle, shown
from ...solvers.data import Data, needed
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import Model
from .. import activations
from ..activations import Activation
from .initial_weights import checked
from .parameterization import Parameterization
from .problem import NetworkProblem

__all__ = ["Network"]

COPIES = 3  # of the weights: the start, the state, the velocity
PASSES = 4  # of the layers: inputs, pre-activations, gradients, and one in passing
MOST_DIGITS = 150  # powers of ten whose squares are floats


@dataclass(frozen=True)
class Network:
    r"""A network of ``hidden_layers`` hidden layers under an abc-parameterization.

    .. math::
        h^1 = m^{-a_1} w^1 x + b^1, \quad h^l = m^{-a_l} w^l \phi(h^{l-1}) + b^l, \quad f = m^{-a_{L+1}} w^{L+1} \phi(h^L) + b^{L+1}

    Parameters
    ----------
    input_dim : int
        Dimension d of the inputs.
    hidden_layers : int
        Number L of hidden layers; the network has L + 1 weight matrices.
    width : int or sequence of int, length L
        Width m of every hidden layer, or one for each. With different ones, m in the exponents of a layer is its own fan-in, in those of
        the first layer (and of a hidden bias) its number of neurons; :func:`infwidth.compare` plots against the smallest. At fixed ratios
        the limit is that of equal widths in the kernel regime, and another one beyond it, unless there is a single hidden layer.
    activation : str or Activation
    parameterization : Parameterization
        Of the same number of hidden layers. It also says whether there are biases.
    output_dim : int, default 1
        Number k of outputs.
    initial : {"gaussian", "uniform", "orthogonal", "balanced"}, callable or sequence of ndarray
        Law of the entries :math:`\xi` of the weights :math:`w^l = m^{-b_l}(\mu_l + \sigma_l\xi^l)`, of mean 0 and variance 1: normal,
        uniform (as in PyTorch, with ``Parameterization.torch_default``), or orthonormal rows or columns up to scale. ``"balanced"`` is
        that of deep linear networks, :math:`w_{l+1}^\top w_{l+1}/\eta_{l+1} = w_l w_l^\top/\eta_l` with the learning rates of the layers;
        its scale is that of the first layer. A function ``f(rng, rows, columns)`` gives :math:`\xi^l`; L + 1 arrays are the weights
        :math:`w^l` themselves, each (neurons above, neurons below).

    Notes
    -----
    The infinite-width limit is that of Gaussian weights for ``"uniform"`` where the network is linear, and for ``"orthogonal"`` with one
    hidden layer or in the kernel regime [huang2020]_. With one hidden layer ``"uniform"`` has a limit of uniform particles.
    :meth:`limit` gives these and refuses the others.

    Raises
    ------
    ValueError
        Where a number is not a positive integer, the activation is not known, the parameterization is of another depth, or the initial
        weights do not fit.

    References
    ----------
    .. [huang2020] Huang, Du and Xu, arXiv:2004.05867.

    Examples
    --------
    >>> from infwidth.limits import Network, Parameterization
    >>> import infwidth as iw
    >>> X, y = np.eye(3), np.array([1.0, -1.0, 0.5])
    >>> net = Network(3, 2, 256, "relu", Parameterization.mup(2))
    >>> sol = iw.solve(net, X, y, iw.GradientDescent(learning_rate=0.3, steps=60), rng=0)
    >>> sol.outputs.shape, bool(sol.loss[-1] < 1e-3)
    ((61, 3, 1), True)
    >>> Network(3, 2, (64, 32), "tanh", Parameterization.ntk(2), initial="orthogonal").layer_sizes
    (3, 64, 32, 1)
    """

    input_dim: int
    hidden_layers: int
    width: Any  # int, or a tuple of L of them that differ
    activation: str | Activation
    parameterization: Parameterization
    output_dim: int = 1
    initial: Any = "gaussian"

    def __post_init__(self) -> None:
        settle(self, **{name: integer(name, getattr(self, name), least=1) for name in ("input_dim", "hidden_layers", "output_dim")})
        settle(self, width=self._width())
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

        settle(self, initial=checked(self.initial, [(rows, columns) for columns, rows in pairwise(self.layer_sizes)]))
        self._check_initial()

    def _width(self) -> int | tuple[int, ...]:
        if not isinstance(self.width, tuple | list | np.ndarray):
            return integer("width", self.width, least=1)
        widths = integers("width", self.width, least=1)
        if len(widths) != self.hidden_layers:
            raise ValueError(f"width: need one number, or one per hidden layer ({self.hidden_layers}), got {len(widths)}")
        return widths if len(set(widths)) > 1 else widths[0]

    def _check_initial(self) -> None:
        p = self.parameterization
        if not isinstance(self.initial, str) and not callable(self.initial) and (any(p.mean) or any(s != 1 for s in p.weight_std)):
            raise ValueError("initial: arrays are the weights themselves; mean and weight_std of the parameterization belong to the laws")
        if self.initial != "balanced":
            return
        if any(p.mean) or len(set(p.weight_std)) > 1 or min(p.rates) == 0:
            raise ValueError(
                "initial: 'balanced' has one scale, that of the first layer, and needs rates > 0; give a parameterization with one "
                "weight_std and without mean"
            )
        rank = min(self.input_dim, self.output_dim)
        if min(self.layer_sizes) < rank:
            raise ValueError(f"initial: 'balanced' weights have rank {rank}, so every hidden layer needs width >= {rank}")

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Input dimension, hidden widths, output dimension."""
        hidden = self.width if isinstance(self.width, tuple) else (self.width,) * self.hidden_layers
        return (self.input_dim, *hidden, self.output_dim)

    def limit(self) -> Model:
        """Its infinite-width limit, by :func:`infwidth.limits.scaling.limit` with its defaults."""
        from ..scaling.choice import limit  # which knows the networks

        return limit(self)

    def bind(self, data: Data | None, rng: np.random.Generator) -> NetworkProblem:
        """Draw the initial weights and join them to the data."""
        data, activation = self.check(data), activations.get(self.activation)
        return NetworkProblem(data, self.layer_sizes, activation, self.parameterization, rng, self.initial)

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
        widest = max(sizes[1:-1])
        steepest = max(abs(e) for exponents in (p.a, p.b, p.c, p.first_c, p.bias_c, p.first_bias_c) for e in exponents or ())
        if steepest * math.log10(widest) > MOST_DIGITS:
            raise ValueError(
                f"parameterization: width**{steepest:g} leaves the range of floats at width={widest}; lower the exponents or the width"
            )
