r"""The compiled passes of :class:`.blocks.BlockEngine`.

A block of particles meets a block of samples: pre-activations :math:`h = X_b W_b^\top`, then :math:`\phi` and the sums over the block,
before anything leaves the cache. The backward pass meets the same blocks, computes :math:`h` again (or, for piecewise linear
:math:`\phi` and one output, reads the signs kept as bytes) and sums :math:`\dot w_j = -\sum_i (a_j \cdot r_i)\,\phi'(h_{ij})\,x_i` by a
second product. Both products go by tiles of the product that stay in registers (:mod:`.intrinsics`): on blocks this small BLAS reaches a
fraction of its speed. Blocks are summed in an order that does not depend on the number of threads.
"""

from __future__ import annotations

import numba
import numpy as np

from ..machine.compilation import jit
from .elementary import erf, erf_tail, expm1, sigmoid, tanh
from .intrinsics import BYTES, ROWS, VECTORS, tile

__all__ = ["CODES", "PARTICLES", "PIECEWISE", "backward", "backward_on_threads", "forward", "forward_on_threads"]

PARTS = 0x9AF27104  # checksum of elementary.py and intrinsics.py
PARTICLES, SAMPLES = 128, 32  # of a block: its products stay in the first-level cache

PIECEWISE = None  # a type of its own: numba leaves the other branches out, which would take longer to compile than all the rest
TANH, ERF, SIGMOID, SILU, GELU, ELU = range(6)
CODES = {"tanh": TANH, "erf": ERF, "sigmoid": SIGMOID, "silu": SILU, "gelu": GELU, "elu": ELU}

INV_SQRT_PI, INV_SQRT_2, INV_SQRT_2PI = 0.5641895835477563, 0.7071067811865476, 0.3989422804014327


@jit
def _values(code, slopes, h):  # type: ignore[no-untyped-def]
    """phi(h) in place; one loop per activation, chosen once per block."""
    up, down = slopes[0], slopes[1]
    if code is PIECEWISE:
        zero = up * 0  # of the dtype of h, in which the slopes are: an integer would make all of this double
        for i in range(len(h)):
            h[i] = up * max(h[i], zero) + down * min(h[i], zero)
    elif code == TANH:
        for i in range(len(h)):
            h[i] = tanh(h[i])
    elif code == ERF:
        tails = np.empty(len(h))
        for i in range(len(h)):
            tails[i] = erf_tail(h[i])
        for i in range(len(h)):
            h[i] = erf(h[i], tails[i])
    elif code == SIGMOID:
        for i in range(len(h)):
            h[i] = sigmoid(h[i])
    elif code == SILU:
        for i in range(len(h)):
            h[i] *= sigmoid(h[i])
    elif code == GELU:
        tails = np.empty(len(h))
        for i in range(len(h)):
            tails[i] = erf_tail(h[i] * INV_SQRT_2)
        for i in range(len(h)):
            h[i] *= 0.5 + 0.5 * erf(h[i] * INV_SQRT_2, tails[i])
    elif code == ELU:
        for i in range(len(h)):
            h[i] = h[i] if h[i] > 0 else expm1(h[i])


@jit
def _values_and_slopes(code, slopes, h, g):  # type: ignore[no-untyped-def]
    """phi(h) in place and phi'(h)."""
    up, down, flat = slopes
    if code is PIECEWISE:
        zero = up * 0
        for i in range(len(h)):
            g[i] = up if h[i] > zero else (down if h[i] < zero else flat)
            h[i] = up * max(h[i], zero) + down * min(h[i], zero)
    elif code == TANH:
        for i in range(len(h)):
            t = tanh(h[i])
            h[i] = t
            g[i] = 1 - t * t
    elif code == ERF:
        for i in range(len(h)):
            g[i] = erf_tail(h[i])
        for i in range(len(h)):
            x = h[i]
            h[i] = erf(x, g[i])
            g[i] = 2 * INV_SQRT_PI * (1 + expm1(-x * x))
    elif code == SIGMOID:
        for i in range(len(h)):
            s = sigmoid(h[i])
            h[i] = s
            g[i] = s * (1 - s)
    elif code == SILU:
        for i in range(len(h)):
            s = sigmoid(h[i])
            g[i] = s * (1 + h[i] * (1 - s))
            h[i] *= s
    elif code == GELU:
        for i in range(len(h)):
            g[i] = erf_tail(h[i] * INV_SQRT_2)
        for i in range(len(h)):
            s = 0.5 + 0.5 * erf(h[i] * INV_SQRT_2, g[i])
            g[i] = s + h[i] * INV_SQRT_2PI * (1 + expm1(-0.5 * h[i] * h[i]))
            h[i] *= s
    elif code == ELU:
        for i in range(len(h)):
            e = expm1(min(h[i], 0.0))
            g[i] = 1 + e
            h[i] = h[i] if h[i] > 0 else e


@jit
def _multiply(A, B, C, depth, add):  # type: ignore[no-untyped-def]
    """C = A B or C += A B, by tiles; C has whole ones."""
    width = VECTORS * BYTES // C.itemsize
    for column in range(0, C.shape[1], width):
        for row in range(0, len(C), ROWS):
            tile(A, B, C, row, column, depth, add)  # type: ignore[call-arg]


@jit
def _columns(values, block):  # type: ignore[no-untyped-def]
    """The rows of a block of particles, as columns; the last block is filled up with zeros (``np.zeros`` would be one more thing to
    compile)."""
    rows = values[block * PARTICLES : (block + 1) * PARTICLES]
    out = np.empty((values.shape[1], PARTICLES), values.dtype)
    for d in range(len(out)):
        for j in range(len(rows)):
            out[d, j] = rows[j, d]
        for j in range(len(rows), PARTICLES):
            out[d, j] = 0
    return out


@jit(inline=True)
def _add_outputs(h, a, F):  # type: ignore[no-untyped-def]
    """F += h a^T."""
    for i in range(len(h)):
        h_i = h[i]
        for c in range(len(a)):
            a_c, total = a[c], h[0, 0] * 0
            for j in range(PARTICLES):
                total += h_i[j] * a_c[j]
            F[i, c] += total


@jit
def forward(W, a, X, code, slopes, partial, signs, first, last):  # type: ignore[no-untyped-def]
    """Outputs (n, k) of all particles, in parts (chunks, n, k) to be summed, of which these are the ``first`` to the ``last``; they are 0
    before. Signs of the pre-activations where there is room."""
    blocks, chunks = (len(W) + PARTICLES - 1) // PARTICLES, len(partial)
    buffer = np.empty((SAMPLES, PARTICLES), X.dtype)
    for c in range(first, last):
        for block in range(c * blocks // chunks, (c + 1) * blocks // chunks):
            W_b, a_b = _columns(W, block), _columns(a, block)
            for begin in range(0, len(X), SAMPLES):
                X_b = X[begin : begin + SAMPLES]
                h = buffer[: len(X_b)]
                _multiply(X_b, W_b, h, len(W_b), False)
                if len(signs):
                    for i in range(len(X_b)):
                        h_i, signs_i = h[i], signs[block, begin + i]
                        for j in range(PARTICLES):
                            signs_i[j] = (h_i[j] > 0) - (h_i[j] < 0)
                _values(code, slopes, h.reshape(-1))
                _add_outputs(h, a_b, partial[c, begin : begin + SAMPLES])


@jit(parallel=True)
def forward_on_threads(W, a, X, code, slopes, partial, signs):  # type: ignore[no-untyped-def]
    """The same, compiled for threads only where there is work for them: that takes as long as all the rest."""
    for c in numba.prange(len(partial)):
        forward(W, a, X, code, slopes, partial, signs, np.int64(c), np.int64(c) + 1)


@jit
def _gate(signs, slopes, g):  # type: ignore[no-untyped-def]
    """phi' from the signs."""
    up, down, flat = slopes
    for i in range(len(g)):
        g_i, signs_i = g[i], signs[i]
        for j in range(PARTICLES):
            g_i[j] = up if signs_i[j] > 0 else (down if signs_i[j] < 0 else flat)


@jit
def _add_moves(h, r, da):  # type: ignore[no-untyped-def]
    """da += r^T h."""
    for i in range(len(h)):
        h_i = h[i]
        for c in range(len(da)):
            r_ic, da_c = r[i, c], da[c]
            for j in range(PARTICLES):
                da_c[j] += r_ic * h_i[j]


@jit
def _weigh(g, r, a, pulls):  # type: ignore[no-untyped-def]
    """g *= r a, with room for the product."""
    for i in range(len(g)):
        g_i, pull = g[i], pulls[i]
        for j in range(PARTICLES):
            pull[j] = 0
        for c in range(len(a)):
            r_ic, a_c = r[i, c], a[c]
            for j in range(PARTICLES):
                pull[j] += r_ic * a_c[j]
        for j in range(PARTICLES):
            g_i[j] *= pull[j]


@jit
def backward(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs, first, last):  # type: ignore[no-untyped-def]
    """Velocities times ``rate`` of the particles of the ``first`` to the ``last`` block, added to ``out`` or written there; ``rX`` are the
    samples, times the residuals where there is one output."""
    D, k, remembered = W.shape[1], a.shape[1], len(signs) > 0
    values, gains = np.empty((SAMPLES, PARTICLES), X.dtype), np.empty((SAMPLES, PARTICLES), X.dtype)
    S, da = np.empty((X.shape[1], PARTICLES), X.dtype), np.empty((k, PARTICLES), X.dtype)
    for block in range(first, last):
        W_b, a_b = _columns(W, block), _columns(a, block)
        for c in range(k):
            for j in range(PARTICLES):
                da[c, j] = 0
        for begin in range(0, len(X), SAMPLES):
            X_b, r_b = X[begin : begin + SAMPLES], r[begin : begin + SAMPLES]
            h, g = values[: len(X_b)], gains[: len(X_b)]
            if remembered:
                _gate(signs[block, begin : begin + SAMPLES], slopes, g)
            else:
                _multiply(X_b, W_b, h, D, False)
                _values_and_slopes(code, slopes, h.reshape(-1), g.reshape(-1))
                _add_moves(h, r_b, da)
                if k > 1:
                    _weigh(g, r_b, a_b, h)
            _multiply(rX[begin : begin + SAMPLES].T, g, S, len(X_b), begin > 0)
        if remembered:  # phi(h) = phi'(h) h
            for d in range(D):
                for j in range(PARTICLES):
                    da[0, j] += W_b[d, j] * S[d, j]
        for j in range(len(W[block * PARTICLES : (block + 1) * PARTICLES])):
            particle, scale = block * PARTICLES + j, -rate * a_b[0, j] if k == 1 else -rate
            for d in range(D):
                out_W[particle, d] = (out_W[particle, d] if add else 0) + scale * S[d, j]
            for c in range(k):
                out_a[particle, c] = (out_a[particle, c] if add else 0) - rate * da[c, j]


@jit(parallel=True)
def backward_on_threads(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs):  # type: ignore[no-untyped-def]
    """The same on threads, by a call: numba takes the arrays of a parallel loop to be distinct, and ``out`` may be W and a."""
    for block in numba.prange((len(W) + PARTICLES - 1) // PARTICLES):
        backward(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs, np.int64(block), np.int64(block) + 1)
