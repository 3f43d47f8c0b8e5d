r"""Teacher and student on Gaussian inputs: population risk and gradients in closed form.

For :math:`x \sim N(0, I_d)`, students :math:`\frac1N\sum_j a_j\phi(w_j\cdot x)` and teachers
:math:`\frac1M\sum_m a^*_m\phi(w^*_m\cdot x)`,

.. math::
    \mathrm{Loss} = \tfrac12\, \mathbb E\,(f - f^*)^2 = \tfrac12\big[\langle a a' K(w, w')\rangle
    - 2 \langle a a^* K(w, w^*)\rangle + \langle a^* a^{*\prime} K(w^*, w^{*\prime})\rangle\big], \qquad
    K(w, v) = \mathbb E\,\phi(w\cdot x)\,\phi(v\cdot x),

where :math:`K` has a closed form for many activations (:mod:`infwidth.limits.gaussian`): the arcsine kernel for erf, the arc-cosine kernel
for relu. Its gradient, by Stein's identity with :math:`u = w\cdot x`, :math:`z = v\cdot x`, is

.. math:: \nabla_w K(w, v) = \mathbb E\,\phi''(u)\phi(z)\; w + \mathbb E\,\phi'(u)\phi'(z)\; v .
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from ...solvers.checks import array, choice, flag, instance, integer, real, squarable
from .. import activations
from ..activations import Activation
from ..gaussian.closed_forms import ClosedForm

__all__ = ["GaussianTeacher"]

Array = np.ndarray

BLOCK = 1 << 20  # kernel entries at once
TINY = 1e-200  # least |w|^2, so that a zero weight has a correlation: 0


class GaussianTeacher:
    r"""A two-layer teacher :math:`f^*(x) = \frac1M \sum_m a^*_m\, \phi(w^*_m \cdot x)` on inputs :math:`x \sim N(0, I_d)`.

    Parameters
    ----------
    weights : array_like, shape (M, d)
    output_weights : array_like, shape (M,)
    activation : str or Activation
        Of teacher and student: a continuous one with closed-form expectations (linear, relu, leaky_relu, abs, erf, gelu, sin, cos,
        gaussian, ``activations.hermite(k)``: He_k). For a teacher of another function than the students' see :class:`SampledTeacher`.
    noise : float, default 0
        Standard deviation s of label noise. It is in the labels of samples, and adds :math:`s^2/2` to the loss.

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

    def __init__(self, weights: Any, output_weights: Any, activation: str | Activation, noise: float = 0.0) -> None:
        if isinstance(activation, Activation):
            if activation.duals is None or activation.name in ("sign", "step"):
                raise ValueError(f"activation: {activation.name} has no closed-form population risk; take SampledTeacher(f, d)")
            self.phi = activation
        else:
            known = [name for name in activations.names() if activations.get(name).duals and name not in ("sign", "step")]
            way_out = "others have no closed-form population risk: take SampledTeacher(f, d)"
            self.phi = activations.get(choice("activation", activation, known, way_out))
        self.activation = self.phi.name
        self.noise = squarable("noise", np.array(real("noise", noise, least=0))).item()
        double = np.dtype(np.float64)  # the risk is a small difference of large terms
        self.weights = squarable("weights", array("weights", weights, dtype=double))
        self.output_weights = squarable("output_weights", array("output_weights", output_weights, dtype=double, columns=1))
        if len(self.weights) != len(self.output_weights):
            raise ValueError(f"output_weights: need one per teacher neuron ({len(self.weights)}), got {len(self.output_weights)}")

    @property
    def dim(self) -> int:
        """Input dimension d."""
        return self.weights.shape[1]

    def __call__(self, X: Array) -> Array:
        """Targets, shape (n, 1), at inputs (n, d)."""
        X = array("X", X, columns=self.dim)
        return self.phi.value(X @ self.weights.T) @ self.output_weights / len(self.weights)

    def sample(self, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Fresh inputs (size, d) and labels (size, 1), noisy ones where there is noise, drawn by ``rng``. ValueError or TypeError where
        an argument is none."""
        instance("rng", rng, np.random.Generator, "numpy.random.default_rng(0)")
        size = integer("size", size, least=1, most=100_000_000)
        X = rng.standard_normal((size, self.dim))
        y = self(X)
        return X, y + self.noise * rng.standard_normal(y.shape) if self.noise else y

    def risk(self, W: Array, a: Array) -> float:
        """Population loss of students ``W`` (N, d) and ``a`` (N, 1)."""
        risk, _, _ = self.risk_and_velocity(W, a, velocity=False)
        return risk

    def risk_and_velocity(self, W: Array, a: Array, velocity: bool = True) -> tuple[float, Array, Array]:
        r"""Population loss, :math:`\dot w` (N, d) and :math:`\dot a` (N, 1) of particles ``W`` (N, d), ``a`` (N, 1); in O(N (N + M) d), by
        blocks of particles. Without ``velocity`` the last two are zero. ValueError where a shape does not fit."""
        W, a = squarable("W", array("W", W, columns=self.dim)), squarable("a", array("a", a, columns=1))
        if len(a) != len(W):
            raise ValueError(f"a: need one output weight per particle ({len(W)}), got {len(a)}")
        velocity = flag("velocity", velocity)
        form = self.phi.duals
        assert form is not None  # the constructor takes no other
        kernel = _linear if self.activation == "linear" else partial(_potential, form)
        centres = np.concatenate([W, self.weights])
        charges = np.concatenate([a[:, 0] / len(a), -self.output_weights[:, 0] / len(self.weights)])
        dW, da = np.zeros_like(W), np.zeros_like(a)
        size, risk = max(1, BLOCK // len(self.weights)), 0.5 * self.noise**2
        for begin in range(0, len(self.weights), size):
            own = kernel(self.weights[begin : begin + size], self.weights, charges[len(W) :], False)[0]
            risk += 0.5 * float(charges[len(W) :][begin : begin + size] @ own)
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


def _linear(W: Array, V: Array, charges: Array, gradient: bool) -> tuple[Array, Array | None]:
    """As below, without the matrix of all pairs."""
    mean = charges @ V
    return W @ mean, np.broadcast_to(mean, W.shape) if gradient else None


def _potential(form: ClosedForm, W: Array, V: Array, charges: Array, gradient: bool) -> tuple[Array, Array | None]:
    r""":math:`\sum_v c_v K(w, v)`, shape (N,), and its gradient in w, shape (N, d)."""
    q1, q2 = np.maximum((W**2).sum(axis=1, keepdims=True), TINY), np.maximum((V**2).sum(axis=1), TINY)
    c = np.clip((W @ V.T) / (np.sqrt(q1) * np.sqrt(q2)), -1, 1)
    s = np.sqrt((1 - c) * (1 + c))
    potential = form.value(q1, q2, c, s) @ charges
    if not gradient:
        return potential, None
    bend = form.curvature(q1, q2, c, s) @ charges
    return potential, (form.slope(q1, q2, c, s) * charges) @ V + bend[:, None] * W
