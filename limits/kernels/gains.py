r"""How far each direction of the data is learned: the time courses of flow, gradient descent and momentum on a squared loss.

In the eigenbasis of the tangent kernel the coefficients :math:`\alpha` of a direction of eigenvalue :math:`\lambda` obey
:math:`\dot\alpha = -a (\alpha - y / \lambda)` with :math:`a = \lambda / n`, or with :math:`\lambda + \rho` for :math:`\lambda` under a
ridge. From rest, :math:`\alpha_t = (1 - r_t)\, y / \lambda` with

.. math::
    r_t = e^{-a t}, \qquad r_s = (1 - \eta a)^s, \qquad r_{s+1} = (1 + \beta - \eta a)\, r_s - \beta\, r_{s-1}, \;\; r_0 = r_{-1} = 1

for flow, gradient descent, and momentum :math:`\theta_{s+1} = \theta_s + \beta(\theta_s - \theta_{s-1}) - \eta\,\partial\mathrm{Loss}`,
whose powers are those of a matrix: any step costs the logarithm of its number.
"""

from __future__ import annotations

import numpy as np

__all__ = ["learned", "stable_rate"]

Array = np.ndarray


def stable_rate(fastest: float, momentum: float = 0.0) -> float:
    r"""The learning rate from which on steps diverge, :math:`2(1 + \beta) / \max a`."""
    return 2 * (1 + momentum) / fastest


def learned(a: Array, t: float, learning_rate: float | None = None, momentum: float = 0.0) -> Array:
    """The part 1 - r of each direction that is learned at t.

    Parameters
    ----------
    a : ndarray, shape (r,)
        Rates > 0 of the flow.
    t : float
        Time of the flow, or a number of steps where there is a learning rate; inf for the end of training.
    learning_rate : float, optional
        Of gradient descent.
    momentum : float

    Returns
    -------
    ndarray, shape (r,)
        Not finite where steps diverge for so long.
    """
    if learning_rate is None:
        return -np.expm1(-a * t)
    move = learning_rate * a
    if np.isinf(t):
        return np.where(move < 2 * (1 + momentum), 1.0, np.inf)
    with np.errstate(all="ignore"):  # what diverges is for the caller to see
        if momentum == 0:
            return _descent(move, int(t))
        return _momentum(move, momentum, int(t))


def _descent(move: Array, steps: int) -> Array:
    slow = move < 1
    decay = np.exp(steps * np.log(np.abs(1 - move)))
    sign = 1 if steps % 2 == 0 else -1
    return np.where(slow, -np.expm1(steps * np.log1p(-np.where(slow, move, 0.0))), 1 - sign * decay)


def _momentum(move: Array, momentum: float, steps: int) -> Array:
    """Powers of the map of (1 - r_s, 1 - r_(s-1), 1), which has no differences of nearly equal numbers."""
    step = np.zeros((len(move), 3, 3))
    step[:, 0, 0], step[:, 0, 1], step[:, 0, 2] = 1 + momentum - move, -momentum, move
    step[:, 1, 0] = step[:, 2, 2] = 1
    power: Array = np.linalg.matrix_power(step, steps)
    return power[:, 0, 2]
