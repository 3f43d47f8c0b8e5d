r"""Losses where logits vanish or diverge: the residuals that are left, and the loss that they are the gradient of.

Logits :math:`f = u g` of the unit :math:`u \to 0, 1` or :math:`\infty` have the residuals

.. math:: \partial_f \ell(0, y), \qquad \partial_f \ell(g, y), \qquad \lim_{u\to\infty} \partial_f \ell(u g, y),

the gradients of :math:`g\,\partial_f\ell(0, y)`, of :math:`\ell(g, y)` and of :math:`\lim_u \ell(u g, y)/u`. For the logistic loss
these are :math:`-\tfrac12 y g`, :math:`\log(1 + e^{-yg})` and the perceptron's :math:`\max(0, -y g)`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...solvers.losses import Loss

__all__ = ["LimitLoss"]

Array = np.ndarray

LARGE = 1e30  # unit of logits that diverge; squares are not taken
BOUND = 1e6  # of residuals that count as bounded


@dataclass(frozen=True)
class LimitLoss:
    """The loss of logits whose change and whose start have units that vanish (-1), stay (0) or diverge (1) with the width.

    Attributes
    ----------
    loss : Loss
    start, change : int
        Of the logits at the start, which count as long as their change is zero, and of their change.
    """

    loss: Loss
    start: int
    change: int

    def judge(self, g: Array, start: Array, y: Array) -> tuple[float, Array]:
        """Mean over samples of the loss in the unit of the logits, and residuals divided by the number of samples.

        ``g`` are logits (n, k) in units of their change, ``start`` those at the start in units of their own.
        """
        if self.change == 0:
            return self.loss.judge(g, y)
        if self.change < 0:
            _, residual = self.loss.judge(np.zeros_like(g), y)
            return float((residual * g).sum()), residual
        moved = np.abs(g).max(axis=1, keepdims=True) > np.finfo(g.dtype).eps ** 0.75  # less is rounding
        before = start * g.dtype.type((0, 1, LARGE)[self.start + 1])
        values, residual = self.loss.value_and_residual(np.where(moved, g * g.dtype.type(LARGE), before), y)
        residual *= 1 / len(y)
        return float(np.where(moved[:, 0], values / LARGE, 0).mean()), residual

    def refuse_unbounded(self, y: Array) -> None:
        """ValueError where logits diverge and the residuals would too."""
        if self.change <= 0:
            return
        for sign in (-1, 1):
            _, residual = self.loss.value_and_residual(np.full_like(y, sign * LARGE), y)
            if not np.abs(residual).max() < BOUND:
                raise ValueError(
                    f"loss: logits diverge in this class, and with them the residuals of {self.loss.name!r}; take a loss of bounded "
                    "residuals ('logistic', 'cross_entropy'), or a class of finite kernels"
                )
