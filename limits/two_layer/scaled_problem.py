r"""Particles whose change alone is seen, in the unit of a reference width: what the plane of scalings and its correction share.

.. math::
    f_t(x) = c\,(F_t(x) - F_0(x)) + G(x), \qquad F_t = \frac1N \sum_j a_j\,\phi(w_j \cdot x), \qquad
    (\dot w_j, \dot a_j) = -\frac1c\, \nabla_{w, a}\, \frac1n \sum_i \rho_i\, a_j \phi(w_j \cdot x_i)

with the residuals :math:`\rho` and :math:`c = \sqrt{d_*}` of the reference width, at which :math:`c F = d_*^{-1/2} \sum a\phi` are the
outputs of a network of multiplier :math:`d_*^{-1/2}` and the moves are those of its gradient descent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.abilities import WithRemark
from ...solvers.data import Data
from ..activations import Activation
from .problem import ParticleProblem

__all__ = ["ScaledParticles"]

Array = np.ndarray

REMEMBERED = 4  # sets of points


class ScaledParticles(ParticleProblem, WithRemark):
    r"""Outputs :math:`c\,(F_t - F_0) + G` of each replica.

    Parameters
    ----------
    data : Data
    activation : Activation
    W, a : ndarray, shapes (N, d) and (N, k)
        The particles at the start, of all replicas.
    start : callable, optional
        G: inputs (n, d) to outputs (R, n, k); zero by default.
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
        start: Callable[[Array], Array] | None,
        scale: float,
        replicas: int = 1,
        note: str = "",
    ) -> None:
        self.scale, self._given, self.note = scale, start, note
        self._known: dict[bytes, Array] = {}  # the start at points that were asked for last, as test points are again and again
        super().__init__(data, activation, W, a, False, None, replicas, True)

    def _offset(self, X: Array) -> Array:
        """F at the start and G, (2, R, n, k): apart, so that no difference of large numbers is in the outputs at the start."""
        key = X.tobytes()
        if key not in self._known:
            if len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            own = super()._forward(self._start, self._prepare(X), None)[0]
            self._known[key] = np.stack([own, np.zeros_like(own) if self._given is None else self._given(X)])
        return self._known[key]

    def remark(self, state: Array) -> str:
        return self.note

    def _forward(self, state: Array, inputs: Any, offsets: Array | None, keep: bool = False) -> tuple[Array, Any]:
        F, memo = super()._forward(state, inputs, None, keep)
        assert offsets is not None
        own, given = offsets
        F -= own
        F *= F.dtype.type(self.scale)
        F += given
        return F, memo

    def _rows(self, rows: Any) -> tuple[Any, Array | None, Array]:
        assert self.data is not None and self._offsets is not None
        if rows is None:
            return self._inputs, self._offsets, self.data.y
        X, y = self.data.rows(rows)
        return self._prepare(X), self._offsets[:, :, rows], y

    def _judge(self, f: Array, y: Array) -> tuple[float, Array]:
        loss, residual = self._residual(f, y)
        return loss, residual / residual.dtype.type(self.scale)

    def _residual(self, f: Array, y: Array) -> tuple[float, Array]:
        """Mean loss and its derivatives in the outputs (n, k)."""
        return super()._judge(f, y)
