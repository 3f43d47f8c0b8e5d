r"""The dynamical mean-field equations as they are written, with the whole past: what :mod:`.march` is tested against.

An index p = (t, i) is a time and a sample, q = (t, i, c) an output besides. Each layer has S independent copies of the processes
[bordelon2022]_

.. math::
    h_p &= u_p + \sum_{t_q < t_p} M_{pq}\, g_q, & M &= A^{l-1} - \Phi^{l-1} D, & u &\sim N(0, \Phi^{l-1}), \\
    z_q &= r_q + \sum_{t_p \le t_q} N_{qp}\, \phi(h_p), & N &= B^{l+1} - G^{l+1} D, & r &\sim N(0, G^{l+1}), \qquad g_q = \phi'(h_p)\, z_q,

with :math:`\Phi = \langle\phi(h)\phi(h)\rangle`, :math:`G = \langle g g\rangle`, :math:`D = \eta\gamma\,\partial_f\mathrm{Loss}` (in N
at earlier times only), and the responses :math:`A = \langle\partial\phi(h)/\partial r\rangle`,
:math:`B = \langle\partial g/\partial u\rangle` in one of two ways: by differentiation along the path of each copy, which needs
:math:`\phi''`, or by Stein's identity, :math:`A = \langle\phi(h)\, r\rangle G^+`, which does not. Memory is :math:`O(L S P^2)` or
:math:`O(L S P)` for P times and samples, and numpy is all it needs.

References
----------
.. [bordelon2022] Bordelon and Pehlevan, arXiv:2205.09653, section 3.2; there samples and kernels are found in turn
   (algorithm 1 in appendix B).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal

import numpy as np

from ..activations import Activation

__all__ = ["ABLATIONS", "Uncompressed"]

Array = np.ndarray

CUT = 1e-7  # relative eigenvalues of covariances below which fields vanish almost surely
ABLATIONS = ("A", "B", "B at equal times")


class Processes:
    """S copies of one layer, whose columns are the indices p or q, and derivatives along their paths (S, indices, indices)."""

    def __init__(self, samples: int) -> None:
        self.u, self.phi, self.r, self.g = (np.zeros((samples, 0)) for _ in range(4))
        self.phi_u, self.phi_r, self.g_u, self.g_r = (np.zeros((samples, 0, 0)) for _ in range(4))
        self.h = np.zeros((samples, 0))  # of the newest time, and its derivatives
        self.h_u = self.h_r = np.zeros((samples, 0, 0))


class Uncompressed:
    """The processes of all layers, from the first time on.

    Parameters
    ----------
    activation : Activation
        With a second derivative for ``responses="path"``.
    hidden_layers : int
    X : ndarray, shape (n, d)
    outputs : int
        k.
    samples : int
        S.
    rng : numpy Generator
    gamma : float
    responses : {"path", "stein"}
    dropped : collection of str
        Members of ``ABLATIONS`` to leave out, to see that they matter.

    Raises
    ------
    ValueError
        Where path responses are asked of an activation whose slope jumps, or something unknown is dropped.
    """

    def __init__(
        self,
        activation: Activation,
        hidden_layers: int,
        X: Array,
        outputs: int,
        samples: int,
        rng: np.random.Generator,
        gamma: float = 1.0,
        responses: Literal["path", "stein"] = "path",
        dropped: Collection[str] = (),
    ) -> None:
        if responses == "path" and activation.second_derivative is None:
            raise ValueError(f"responses: {activation.name} has no second derivative to follow along the path; take 'stein'")
        if set(dropped) - set(ABLATIONS):
            raise ValueError(f"dropped: {sorted(set(dropped) - set(ABLATIONS))} is not among {ABLATIONS}")
        self.activation, self.X, self.k, self.samples, self.rng, self.gamma = activation, X, outputs, samples, rng, gamma
        self.path, self.dropped = responses == "path", dropped
        self.layers = [Processes(samples) for _ in range(hidden_layers)]
        self.inputs = rng.standard_normal((samples, X.shape[1]))  # of a neuron of layer 1
        self.readout = rng.standard_normal((samples, outputs))  # of a neuron of layer L
        self.drive = np.zeros(0)  # D

    def train(self, residual: Callable[[Array], Array], rate: float, steps: int) -> Array:
        r"""Outputs of gradient descent, shape (steps + 1, n, k).

        Parameters
        ----------
        residual : callable
            Outputs (n, k) to :math:`\partial\mathrm{Loss}/\partial f`, shape (n, k).
        rate : float
        steps : int
        """
        found = []
        for t in range(steps + 1):
            self._forward(t)
            found.append(self._backward(t))
            self.drive = np.append(self.drive, rate * self.gamma * residual(found[-1]))
        return np.array(found)

    def _forward(self, t: int) -> None:
        n, k, phi, slope = len(self.X), self.k, self.activation.value, self.activation.derivative
        Phi, A = np.tile(self.X @ self.X.T, (1, t + 1)), np.zeros((n, t * n * k))
        for l, layer in enumerate(self.layers):
            u = self.inputs @ self.X.T if l == 0 else _drawn(self.layers[l - 1].phi, layer.u, self.rng)
            M = A - np.repeat(Phi[:, : t * n], k, axis=1) * self.drive
            layer.h = u + layer.g @ M.T
            layer.u, layer.phi = np.hstack([layer.u, u]), np.hstack([layer.phi, phi(layer.h)])
            newest = layer.phi[:, t * n :]
            Phi = newest.T @ layer.phi / self.samples
            if self.path:
                layer.h_u = np.concatenate([M @ layer.g_u, np.broadcast_to(np.eye(n), (self.samples, n, n))], axis=2)
                layer.h_r = M @ layer.g_r
                layer.phi_u = _with_rows(layer.phi_u, slope(layer.h)[:, :, None] * layer.h_u)
                layer.phi_r = _with_rows(layer.phi_r, slope(layer.h)[:, :, None] * layer.h_r)
            A = layer.phi_r[:, t * n :].mean(axis=0) if self.path else _stein(newest, layer.r)
            A = A * ("A" not in self.dropped)

    def _backward(self, t: int) -> Array:
        n, k, S, L = len(self.X), self.k, self.samples, len(self.layers)
        G, B, f = np.tile(np.eye(k), (n, (t + 1) * n)), np.zeros((n * k, (t + 1) * n)), np.zeros((n, k))
        for l in range(L - 1, -1, -1):
            layer = self.layers[l]
            r = np.tile(self.readout, (1, n)) if l == L - 1 else _drawn(self.layers[l + 1].g, layer.r, self.rng)
            N = B.copy()
            N[:, : t * n] -= (G[:, : t * n * k] * self.drive).reshape(n * k, t * n, k).sum(axis=2)
            z = r + layer.phi @ N.T
            if l == L - 1:
                f = np.einsum("sic,si->ic", z.reshape(S, n, k), layer.phi[:, t * n :]) / (S * self.gamma)
            slope = np.repeat(self.activation.derivative(layer.h), k, axis=1)
            layer.r, layer.g = np.hstack([layer.r, r]), np.hstack([layer.g, slope * z])
            newest = layer.g[:, t * n * k :]
            G = newest.T @ layer.g / S
            if self.path:
                self._respond(layer, N, slope, z)
            B = layer.g_u[:, t * n * k :].mean(axis=0) if self.path else _stein(newest, layer.u)
            if "B" in self.dropped:
                B = np.zeros_like(B)
            if "B at equal times" in self.dropped:
                B[:, t * n :] = 0
        return f

    def _respond(self, layer: Processes, N: Array, slope: Array, z: Array) -> None:
        """Derivatives of the newest g = phi'(h) z."""
        assert self.activation.second_derivative is not None
        k, rows = self.k, len(N)
        bend = np.repeat(self.activation.second_derivative(layer.h), k, axis=1) * z
        z_u, z_r = N @ layer.phi_u, N @ layer.phi_r
        z_r = np.concatenate([z_r, np.broadcast_to(np.eye(rows), (self.samples, rows, rows))], axis=2)
        g_u = slope[:, :, None] * z_u + bend[:, :, None] * np.repeat(layer.h_u, k, axis=1)
        g_r = slope[:, :, None] * z_r
        g_r[:, :, : layer.h_r.shape[2]] += bend[:, :, None] * np.repeat(layer.h_r, k, axis=1)
        layer.g_u, layer.g_r = _with_rows(layer.g_u, g_u), _with_rows(layer.g_r, g_r)


def _with_rows(older: Array, newest: Array) -> Array:
    """Older fields do not depend on newer noise."""
    return np.concatenate([np.pad(older, ((0, 0), (0, 0), (0, newest.shape[2] - older.shape[2]))), newest], axis=1)


def _drawn(fields: Array, past: Array, rng: np.random.Generator) -> Array:
    """Gaussian values of the newest fields' covariance, given the ``past`` ones of the older."""
    C, old = fields.T @ fields / len(fields), past.shape[1]
    regression = C[old:, :old] @ np.linalg.pinv(C[:old, :old], rcond=CUT, hermitian=True)
    variance, axes = np.linalg.eigh(C[old:, old:] - regression @ C[:old, old:])
    return past @ regression.T + rng.standard_normal((len(past), len(variance))) @ (axes * np.sqrt(np.maximum(variance, 0))).T


def _stein(fields: Array, noise: Array) -> Array:
    """Responses of the newest fields to the noise that was drawn, whose sample covariance stands for the true one."""
    return (fields.T @ noise) @ np.linalg.pinv(noise.T @ noise, rcond=CUT, hermitian=True)
