r"""Two-layer relu steps with at most 4 weights per particle: one fused loop, nothing of size (particles x samples) is stored.

Both passes are pure reductions, the form that compilers turn into vector code: the forward pass sums over the particles of a block for
four samples at a time, the backward pass over the samples for one particle. Every positively 1-homogeneous
:math:`\phi(h) = \alpha h_+ - \beta h_-` is :math:`\beta h + (\alpha - \beta)\, h_+`, and the linear part needs no loop over pairs.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from ..machine.compilation import jit

__all__ = ["ThinEngine"]

Array = np.ndarray

PARTICLES = 512  # of a block: five rows of them stay in the first-level cache
CHUNKS = 64  # groups of blocks with one partial sum each, at most
SERIAL = 3_000_000  # particles x samples (about 1 ms) below which threads are not woken


class ThinEngine:
    r"""Engine for :math:`\phi(h) = \alpha h_+ - \beta h_-`, :math:`\phi'(0) = \beta`, one output; methods as in :class:`NumpyEngine`."""

    def __init__(self, alpha: float, beta: float) -> None:
        self.alpha, self.beta = alpha, beta

    def prepare(self, X: Array) -> tuple[Array, Array]:
        """Inputs (n, D), and by columns, (4, n), where missing ones are 0."""
        columns = np.zeros((4, len(X)), X.dtype)
        columns[: X.shape[1]] = X.T
        return np.ascontiguousarray(X), columns

    def outputs(self, W: Array, a: Array, inputs: tuple[Array, Array], keep: bool = True) -> tuple[Array, Any]:
        X, columns = inputs
        chunks = min(CHUNKS, -(-len(W) // PARTICLES))
        partial = np.zeros((chunks, len(X)), X.dtype)
        if len(W) * len(X) < SERIAL:
            _forward(W, a, columns, partial, 0, chunks)
        else:
            _forward_on_threads(W, a, columns, partial)
        F = (self.alpha - self.beta) * partial.sum(axis=0)[:, None]
        if self.beta:
            F += self.beta * (X @ (W.T @ a))
        return F.astype(X.dtype, copy=False), None

    def move(
        self, W: Array, a: Array, inputs: tuple[Array, Array], r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any
    ) -> None:
        X, columns = inputs
        total = np.zeros(4)
        total[: X.shape[1]] = self.beta * (r[:, 0] @ X)
        task = W, a, columns, (self.alpha - self.beta) * np.ascontiguousarray(r[:, 0]), total, rate, *out, add
        if len(W) * len(X) < SERIAL:
            _backward(*task, 0, len(W))
        else:
            _backward_on_threads(*task)


@jit
def _forward(W, a, X, partial, first, last):  # type: ignore[no-untyped-def]
    """Outputs of the ``first`` to the ``last`` chunk of particles, added to ``partial``."""
    N, D = W.shape
    n, chunks = X.shape[1], len(partial)
    blocks = (N + PARTICLES - 1) // PARTICLES
    w = np.zeros((5, PARTICLES), W.dtype)
    for c in range(first, last):
        for block in range(c * blocks // chunks, (c + 1) * blocks // chunks):
            size = min(N - block * PARTICLES, PARTICLES)
            for j in range(size):
                for d in range(D):
                    w[d, j] = W[block * PARTICLES + j, d]
                w[4, j] = a[block * PARTICLES + j, 0]
            zero = w[0, 0] * 0  # of the dtype of the particles
            for i in range(0, n - n % 4, 4):
                s0, s1, s2, s3 = zero, zero, zero, zero
                for j in range(size):
                    u, v, p, q, weight = w[0, j], w[1, j], w[2, j], w[3, j], w[4, j]
                    s0 += weight * max(u * X[0, i] + v * X[1, i] + p * X[2, i] + q * X[3, i], zero)
                    s1 += weight * max(u * X[0, i + 1] + v * X[1, i + 1] + p * X[2, i + 1] + q * X[3, i + 1], zero)
                    s2 += weight * max(u * X[0, i + 2] + v * X[1, i + 2] + p * X[2, i + 2] + q * X[3, i + 2], zero)
                    s3 += weight * max(u * X[0, i + 3] + v * X[1, i + 3] + p * X[2, i + 3] + q * X[3, i + 3], zero)
                partial[c, i] += s0
                partial[c, i + 1] += s1
                partial[c, i + 2] += s2
                partial[c, i + 3] += s3
            for i in range(n - n % 4, n):
                s0 = zero
                for j in range(size):
                    s0 += w[4, j] * max(w[0, j] * X[0, i] + w[1, j] * X[1, i] + w[2, j] * X[2, i] + w[3, j] * X[3, i], zero)
                partial[c, i] += s0


@jit(parallel=True)
def _forward_on_threads(W, a, X, partial):  # type: ignore[no-untyped-def]
    """The same, compiled for threads only where there is work for them."""
    for c in numba.prange(len(partial)):
        _forward(W, a, X, partial, np.int64(c), np.int64(c) + 1)


@jit
def _backward(W, a, X, r, total, rate, out_W, out_a, add, first, last):  # type: ignore[no-untyped-def]
    """Move the ``first`` to the ``last`` particle."""
    D = W.shape[1]
    w, s = np.zeros(4, W.dtype), np.zeros(4, W.dtype)
    for j in range(first, last):
        for d in range(D):
            w[d] = W[j, d]
        u, v, p, q = w[0], w[1], w[2], w[3]
        zero = u * 0
        s0, s1, s2, s3 = zero, zero, zero, zero
        for i in range(len(r)):
            x0, x1, x2, x3 = X[0, i], X[1, i], X[2, i], X[3, i]
            g = r[i] if u * x0 + v * x1 + p * x2 + q * x3 > 0 else zero
            s0 += g * x0
            s1 += g * x1
            s2 += g * x2
            s3 += g * x3
        s[0], s[1], s[2], s[3] = s0 + total[0], s1 + total[1], s2 + total[2], s3 + total[3]
        push = -rate * a[j, 0]
        out_a[j, 0] = (out_a[j, 0] if add else 0) - rate * (u * s[0] + v * s[1] + p * s[2] + q * s[3])
        for d in range(D):
            out_W[j, d] = (out_W[j, d] if add else 0) + push * s[d]


@jit(parallel=True)
def _backward_on_threads(W, a, X, r, total, rate, out_W, out_a, add):  # type: ignore[no-untyped-def]
    """The same on threads, by a call: numba takes the arrays of a parallel loop to be distinct, and ``out`` may be W and a."""
    for block in numba.prange((len(W) + PARTICLES - 1) // PARTICLES):
        begin = np.int64(block) * PARTICLES
        _backward(W, a, X, r, total, rate, out_W, out_a, add, begin, min(begin + PARTICLES, len(W)))
