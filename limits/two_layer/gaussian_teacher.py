r"""Teacher and student on Gaussian inputs: population risk and gradients in closed form.

For :math:`x \sim N(0, I_d)`, students :math:`\frac1N\sum_j a_j\phi(w_j\cdot x)` and teachers
:math:`\frac1M\sum_m a^*_m\phi(w^*_m\cdot x)`,

.. math::
    \mathrm{Loss} = \tfrac12\, \mathbb E\,(f - f^*)^2 = \tfrac12\big[\langle a a' K(w, w')\rangle
    - 2 \langle a a^* K(w, w^*)\rangle + \langle a^* a^{*\prime} K(w^*, w^{*\prime})\rangle\big], \qquad
    K(w, v) = \mathbb E\,\phi(w\cdot x)\,\phi(v\cdot x),

where :math:`K` is the arcsine kernel for erf [1]_ and the arc-cosine kernel for relu [2]_:

.. math::
    K_{erf} = \tfrac2\pi \arcsin \frac{2\, w\cdot v}{\sqrt{(1 + 2|w|^2)(1 + 2|v|^2)}}, \qquad
    K_{relu} = \frac{|w||v|}{2\pi}\big(\sin\theta + (\pi - \theta)\cos\theta\big).

References
----------
.. [1] Williams, "Computing with infinite networks", NIPS 1996. [2] Cho and Saul, "Kernel methods for deep learning", NIPS 2009.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...solvers.checks import array
from .. import activations

__all__ = ["GaussianTeacher"]

Array = np.ndarray

BLOCK = 1 << 20  # kernel entries at once


class GaussianTeacher:
    r"""A two-layer teacher :math:`f^*(x) = \frac1M \sum_m a^*_m\, \phi(w^*_m \cdot x)` on inputs :math:`x \sim N(0, I_d)`.

    Parameters
    ----------
    weights : array_like, shape (M, d)
    output_weights : array_like, shape (M,)
    activation : {"erf", "relu", "linear"}
        Of teacher and student.

    Notes
    -----
    ``sol.loss`` is the population risk, a sum over all pairs of particles: :math:`O(N(N + M)d)` at every saved step, where a step of
    one-pass SGD on B samples takes :math:`O(NBd)`. Its default is to save every step: give a few by ``save_at``. The losses of the
    batches, in ``sol.stats["batch_loss"]``, cost nothing.

    There are no training points, so ``sol.outputs`` has shape (T, 0, 1); give ``X_test`` for ``sol.test_outputs``. The Monte-Carlo
    error of replicas is that of these outputs, so without ``X_test`` it is not in ``sol.error``, which is then the error of the loss by
    the stepper of a flow, and None for discrete methods. The loss itself is that of all particles as one network: from the limit it
    differs by the fluctuation, :math:`O(N^{-1/2})` and near its minimum :math:`O(N^{-1})`, which nothing here states.

    Raises
    ------
    ValueError
        Where the shapes do not fit or the activation has no closed form here.

    Examples
    --------
    One-pass SGD learns a single neuron:

    >>> import infwidth as iw
    >>> teacher = iw.limits.GaussianTeacher([[1.0, 0.0]], [1.0], "erf")
    >>> limit = iw.TwoLayerMeanField("erf", particles=500, population=teacher)
    >>> sol = iw.solve(limit, method=iw.GradientDescent(0.5, steps=400, batch_size=50), rng=0, save_at=[0, 400])
    >>> bool(sol.loss[0] > 0.1), bool(sol.loss[1] < 0.02)
    (True, True)
    """

    def __init__(self, weights: Any, output_weights: Any, activation: str) -> None:
        if activation not in _KERNELS:
            raise ValueError(
                f"activation: {activation!r} has no closed-form population risk; use one of {', '.join(_KERNELS)}, or sampled data"
            )
        self.weights = array("weights", weights, dtype=np.dtype(np.float64))  # the risk is a small difference of large terms
        self.output_weights = array("output_weights", output_weights, dtype=np.dtype(np.float64), columns=1)
        if len(self.weights) != len(self.output_weights):
            raise ValueError(f"output_weights: need one per teacher neuron ({len(self.weights)}), got {len(self.output_weights)}")
        self.activation = activation

    @property
    def dim(self) -> int:
        """Input dimension d."""
        return self.weights.shape[1]

    def __call__(self, X: Array) -> Array:
        """Targets, shape (n, 1), at inputs (n, d)."""
        phi = activations.get(self.activation).value
        return phi(X @ self.weights.T) @ self.output_weights / len(self.weights)

    def risk(self, W: Array, a: Array) -> float:
        """Population loss of students ``W`` (N, d) and ``a`` (N, 1)."""
        risk, _, _ = self.risk_and_velocity(W, a, velocity=False)
        return risk

    def risk_and_velocity(self, W: Array, a: Array, velocity: bool = True) -> tuple[float, Array, Array]:
        r"""Population loss, :math:`\dot w` (N, d) and :math:`\dot a` (N, 1); in O(N (N + M) d), by blocks of particles."""
        kernel = _KERNELS[self.activation]
        centres = np.concatenate([W, self.weights])
        charges = np.concatenate([a[:, 0] / len(a), -self.output_weights[:, 0] / len(self.weights)])
        dW, da = np.zeros_like(W), np.zeros_like(a)
        risk = 0.5 * float(charges[len(W) :] @ kernel(self.weights, self.weights, charges[len(W) :], False)[0])
        size = max(1, BLOCK // len(centres))
        for begin in range(0, len(W), size):
            block = slice(begin, begin + size)
            potential, gradient = kernel(W[block], centres, charges, velocity)
            teacher = kernel(W[block], self.weights, charges[len(W) :], False)[0]
            risk += 0.5 * float(charges[: len(W)][block] @ (potential + teacher))
            if velocity:
                da[block] = -potential[:, None]
                dW[block] = -a[block] * gradient
        return risk, dW, da


def _erf(W: Array, V: Array, charges: Array, gradient: bool) -> tuple[Array, Array | None]:
    r""":math:`\sum_v c_v K(w, v)`, shape (N,), and its gradient in w, shape (N, d)."""
    p, q = 1 + 2 * (W**2).sum(axis=1, keepdims=True), 1 + 2 * (V**2).sum(axis=1)
    dot = 2 * (W @ V.T)
    potential = (2 / math.pi) * np.arcsin(np.clip(dot / np.sqrt(p * q), -1, 1)) @ charges
    if not gradient:
        return potential, None
    # d arcsin(u), u = dot / sqrt(p q): (2 v - 2 w dot / p) / sqrt(p q) / sqrt(1 - u^2), and sqrt(p q (1 - u^2)) = sqrt(p q - dot^2)
    weights = charges / np.sqrt(p * q - dot**2)
    return potential, (4 / math.pi) * (weights @ V - W * ((weights * dot).sum(axis=1, keepdims=True) / p))


def _relu(W: Array, V: Array, charges: Array, gradient: bool) -> tuple[Array, Array | None]:
    long, wide = np.linalg.norm(W, axis=1, keepdims=True), np.linalg.norm(V, axis=1)
    dot = W @ V.T
    sine = np.sqrt(np.maximum((long * wide) ** 2 - dot**2, 0))  # |w| |v| sin(theta)
    angle = np.arctan2(sine, dot)
    potential = (sine + (math.pi - angle) * dot) @ charges / (2 * math.pi)
    if not gradient:
        return potential, None
    square = np.where(long > 0, long, 1) ** 2
    pull = (sine * charges).sum(axis=1, keepdims=True) / square
    return potential, (W * pull + ((math.pi - angle) * charges) @ V) / (2 * math.pi)


def _linear(W: Array, V: Array, charges: Array, gradient: bool) -> tuple[Array, Array | None]:
    mean = charges @ V
    return W @ mean, np.broadcast_to(mean, W.shape) if gradient else None


_KERNELS = {"erf": _erf, "relu": _relu, "linear": _linear}
