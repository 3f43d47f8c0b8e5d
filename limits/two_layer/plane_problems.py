r"""Limits of the plane of scalings on data: particles at the upper edge, a constant kernel below.

Both follow :math:`g`, the logits in units of their change, with the residuals of :class:`.limit_loss.LimitLoss`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import NormalisedOnly, Stepwise
from ...solvers.data import Data
from ...solvers.problem import Coordinates, Evaluation
from ..activations import Activation
from ..kernels.kernel import Kernel
from ..kernels.tangent_limit import TangentProblem, Tangents
from .limit_loss import LimitLoss
from .scaled_problem import ScaledParticles

__all__ = ["NormalisedParticles", "PlaneKernel", "PlaneParticles"]

Array = np.ndarray
Start = Callable[[Array], Array]

WAYS_OUT = MappingProxyType(
    {
        "noise": "use a finite Network",
        "rates": "use GradientDescent or HeavyBall, or RMSProp on a finite Network, or on its own limit, PlaneLimit(..., method='rmsprop')",
    }
)
NO_FLOW = (
    "logits diverge in the first step, and a flow in the time of the learning rate has none; use GradientDescent or HeavyBall, or a class "
    "of finite kernels"
)


class PlaneParticles(ScaledParticles, Stepwise):
    r"""Particles with outputs :math:`g = c\,(F_t - F_0)`, c the root of the reference width, and the residuals of a limit loss.

    Parameters
    ----------
    data : Data
    activation : Activation
    W, a : ndarray, shapes (N, d) and (N, k)
    loss : LimitLoss
    start : callable
        Inputs (n, d) to the logits at the start in their own unit, (n, k).
    scale : float
        c.
    """

    coordinates: ClassVar[Coordinates] = "reduced"
    ways_out: ClassVar[Mapping[str, str]] = WAYS_OUT

    def __init__(self, data: Data, activation: Activation, W: Array, a: Array, loss: LimitLoss, start: Start, scale: float) -> None:
        self.limit_loss = loss
        self.no_flow = NO_FLOW if loss.change > 0 else ""
        self._logits = start(data.X)
        super().__init__(data, activation, W, a, None, scale)

    def _rows(self, rows: Any) -> tuple[Any, Array | None, Array]:
        """Targets, and the logits at the start beside them."""
        inputs, offsets, y = super()._rows(rows)
        return inputs, offsets, np.concatenate([y, self._logits if rows is None else self._logits[rows]], axis=1)

    def _residual(self, f: Array, y: Array) -> tuple[float, Array]:
        k = f.shape[1]
        return self.limit_loss.judge(f, y[:, k:], y[:, :k])


class NormalisedParticles(PlaneParticles, NormalisedOnly):
    r"""The same moved by RMSProp, for its upper edge :math:`\tilde q = 0`, where a step is the rate itself.

    The change of f is there of order :math:`d^{q_\sigma + 1}` and the start, of order :math:`d^{q_\sigma + 1/2}`, is always smaller, as at
    the upper edge of gradient descent; residuals are therefore the same, and gaps to networks have the same powers. Gradients of the
    parameters of a network, :math:`\sigma_d\nabla_{w, a} \tfrac1n\sum_i \rho_i\, a\phi(w \cdot x_i)`, are
    :math:`(d/d_*)^{q_\sigma}` times those of the particles,
    :math:`d_*^{-1/2}\,\nabla_{w, a} \tfrac1n\sum_i \rho_i\, a\phi(w \cdot x_i)`. Normalised moves do not see the factor, but for
    :math:`\varepsilon`: a fixed one is negligible at large widths where :math:`q_\sigma > 0`, and where :math:`q_\sigma < 0` it makes
    the method gradient descent with :math:`s = q_\sigma`. Networks are therefore stored as :math:`d^{q_\sigma} w` and
    :math:`\sigma_d\, a`, moved in proportion. Their gradients are those of the particles at :math:`d_* = 1`, with the same
    :math:`\varepsilon`; at other reference widths those of the two layers differ by a factor, and only :math:`\varepsilon = 0` is the same.
    """

    coordinates: ClassVar[Coordinates] = "parameters"
    no_gradients: ClassVar[str] = (
        "this is the limit of networks under RMSProp, and under other methods networks of these rates have another one; use RMSProp, or "
        "plane_limit(..., method='gradient')"
    )


class PlaneKernel(TangentProblem, Stepwise):
    r"""Outputs :math:`g = \Theta\alpha`, and the logits at the start added where those are of the same unit.

    Parameters
    ----------
    data : Data
    kernel : Kernel
    loss : LimitLoss
    start : callable
        Inputs (n, d) to the logits at the start in their own unit, (n, k).
    level : bool
        Whether that is the unit of the change.
    tangents : callable
        The kernel and points to their tangent kernel.
    """

    ways_out: ClassVar[Mapping[str, str]] = WAYS_OUT

    def __init__(self, data: Data, kernel: Kernel, loss: LimitLoss, start: Start, level: bool, tangents: Tangents) -> None:
        self.limit_loss = loss
        self.no_flow = NO_FLOW if loss.change > 0 and not level else ""
        self._logits = start(data.X)
        super().__init__(data, kernel, start if level else lambda X: np.zeros((len(X), data.outputs), X.dtype), tangents)

    def _judged(self, f: Array, rows: Any) -> tuple[Evaluation, Array]:
        chosen = slice(None) if rows is None else rows
        loss, residual = self.limit_loss.judge(f, self._logits[chosen], self.data.y[chosen])
        return Evaluation(loss, f), residual
