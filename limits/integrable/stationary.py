r"""The stationary points: limits in which f = 0 for all time.

* Naive IP with :math:`L \ge 3`: kernels act as zero, so that neither signal nor gradient passes two of them.
* IP-LLR with :math:`L \ge 5` and an activation that acts linearly on small pre-activations (tanh, elu, gelu, erf, linear): the kernels
  that step 0 makes read forward fields and write backward fields. A layer's forward field is orthogonal to its backward field, so the
  signal dies after layer 2, the gradient below layer L - 1, and no layer has both.
* Naive IP with L = 2 where :math:`\phi(0) = \phi'(0) = 0`: the kernel of layer 2 has no gradient.

Finite networks leave these points after times that grow with the width: :mod:`infwidth.limits.escape`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import FirstStep, WithRemark
from ...solvers.data import Data
from ...solvers.problem import Coordinates, Evaluation, Problem
from ..activations import Activation
from .germ import Germ
from .schemes import STATIONARY_FROM

__all__ = ["StationaryProblem", "why_stationary"]

Array = np.ndarray


def why_stationary(scheme: str, hidden_layers: int, activation: Activation, biases: bool) -> str | None:
    """Why f = 0 for all time, or None where it moves."""
    if activation.at_zero()[0] != 0 or biases:
        return None
    if scheme == "naive" and hidden_layers == 2 and Germ.of(activation) == (0, 0):
        return "f = 0 for all time: with phi(0) = phi'(0) = 0 naive IP starts at a stationary point with two hidden layers"
    if hidden_layers < STATIONARY_FROM.get(scheme, math.inf):
        return None
    if scheme == "naive":
        return "f = 0 for all time: from three hidden layers on naive IP starts at a stationary point; take scheme='large_lr'"
    if Germ.of(activation).linear:
        return (
            "f = 0 for all time: from five hidden layers on, and with an activation that acts linearly on small pre-activations, the large"
            " first step of IP-LLR leads to a stationary point; relu has none there"
        )
    return None


class StationaryProblem(FirstStep, WithRemark, Problem):
    """A limit that stands still: nothing is computed. Its state is one number that does not move."""

    coordinates: ClassVar[Coordinates] = "reduced"
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"noise": "use a finite Network"})

    def __init__(self, data: Data, remark: str, first_step: bool) -> None:
        self.data, self._remark, self.first_step = data, remark, first_step

    def remark(self, state: Array) -> str:
        return self._remark

    def start(self) -> Array:
        return np.zeros(1, self.data.X.dtype)

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        X, _ = self.data.rows(rows)
        f = self.predict(state, X)
        if velocity is not None:
            velocity[:] = 0
        return Evaluation(self.data.judge(f, rows)[0], f)

    def predict(self, state: Array, X: Array) -> Array:
        return np.zeros((len(X), self.data.outputs), self.data.X.dtype)
