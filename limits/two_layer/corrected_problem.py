"""The initialization-corrected limit, and its networks, on data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...solvers.abilities import WithRemark
from ...solvers.data import Data
from ..activations import Activation
from ..gaussian.draws import Drawn
from .scaled_problem import ScaledParticles

__all__ = ["CorrectedParticles"]

Array = np.ndarray


class CorrectedParticles(ScaledParticles, Drawn, WithRemark):
    r"""Particles with outputs :math:`c\,(F_t - F_0) + G`, replica by replica with a G of its own.

    Parameters
    ----------
    data : Data
    activation : Activation
    W, a : ndarray, shapes (N, d) and (N, k)
    start : callable
        G: inputs (n, d) to outputs (R, n, k), the same for the same inputs.
    scale : float
        c.
    replicas : int
    note : str
        What a result should say.
    """

    def __init__(
        self,
        data: Data,
        activation: Activation,
        W: Array,
        a: Array,
        start: Callable[[Array], Array],
        scale: float,
        replicas: int = 1,
        note: str = "",
    ) -> None:
        self.note = note
        self._known: dict[bytes, Array] = {}  # training and test points are asked for again and again
        super().__init__(data, activation, W, a, start, scale, replicas)

    def _offset(self, X: Array) -> Array:
        key = X.tobytes()
        if key not in self._known:
            self._known[key] = super()._offset(X)
        return self._known[key]

    def _judge_systems(self, f: Array, mean: Array, y: Array) -> tuple[float, Array]:
        """The mean of the losses of the draws."""
        return self._judge_each(f, y)

    def remark(self, state: Array) -> str:
        return self.note
