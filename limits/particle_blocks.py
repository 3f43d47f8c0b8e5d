r"""Two-layer particle steps by small matrix products on blocks that stay in the cache.

A block of particles meets a block of samples: pre-activations :math:`h = X_b W_b^\top`, then :math:`\phi` and the sums over the block,
before anything leaves the cache. The backward pass meets the same blocks, computes :math:`h` again (or, for piecewise linear
:math:`\phi` and one output, reads the signs kept as bytes) and sums :math:`\dot w_j = -\sum_i (a_j \cdot r_i)\,\phi'(h_{ij})\,x_i` by a
second product. Both products are loops over columns where a particle has few weights, which is thin for BLAS, and BLAS where it has
many. Blocks are summed in an order that does not depend on the number of threads.

numba compiles ``tanh``, ``exp`` and ``erf`` to calls of the scalar C library; the branch-free forms here become vector instructions. Their
absolute error is at most 4e-16.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic

from ..solvers.compilation import jit
from ..solvers.threads import threads_for

__all__ = ["CODES", "BlockEngine"]

Array = np.ndarray

PARTICLES = 128  # of a block
COLUMNS = 32  # weights per particle up to which loops multiply; beyond, BLAS does
ROWS, SAMPLES = 32, 128  # samples of a block: its products stay in the first-level cache for loops, in the second-level one for BLAS
CHUNKS = 64  # groups of blocks with one partial sum each, at most
SERIAL = 5_000_000  # particles x samples x weights (about half a millisecond) below which threads are not woken
SIGNS = 1 << 28  # bytes of signs kept between the passes, at most

PIECEWISE, TANH, ERF, SIGMOID, SILU, GELU, ELU = range(7)
CODES = {"tanh": TANH, "erf": ERF, "sigmoid": SIGMOID, "silu": SILU, "gelu": GELU, "elu": ELU}

LOG2E, LN2 = 1.4426950408889634, 0.6931471805599453
INV_SQRT_PI, INV_SQRT_2, INV_SQRT_2PI = 0.5641895835477563, 0.7071067811865476, 0.3989422804014327
# Chebyshev interpolants in powers of u in [-1, 1], lowest first: erf(x) / x for |x| <= 1 with u = 2 x^2 - 1, and erfcx(x) for 1 <= x <= 6
# with t = (x - 3) / (x + 3) = -1/12 + u 5/12.
ERF_SMALL = (
    0.9654687386698673, -0.1405360890227171, 0.019852496688984218, -0.0022854855611440855, 0.00021751715603563488, -1.75371694412802e-05,
    1.2233827638093572e-06, -7.51156925108609e-08, 4.115751500265885e-09, -2.035231956483527e-10, 9.21125018742823e-12,
    -3.80659122412214e-13,
)  # fmt: skip
ERF_LARGE = (
    0.2079832913334296, -0.15436117429436919, 0.04969844540332147, -0.012713147695692019, 0.0024793146982473643, -0.0003316029605777715,
    1.9563576238573082e-05, 2.4255574763708175e-06, -5.541074433626894e-07, -4.526707950217438e-09, 1.1310218672783174e-08,
    -2.6380950871008083e-10, -2.3584037253219613e-10, 6.045731534600506e-12,
)  # fmt: skip
EXPM1 = (0.5, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800, 1 / 39916800, 1 / 479001600, 1 / 6227020800)


class BlockEngine:
    r"""Engine for every activation with a compiled form; methods as in :class:`NumpyEngine`.

    Parameters
    ----------
    code : int
        One of ``CODES.values()``, or ``PIECEWISE``.
    slopes : tuple of float
        Slopes for positive, negative and zero pre-activations of a piecewise linear activation.
    """

    def __init__(self, code: int, slopes: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> None:
        self.code, self.slopes = code, slopes
        self._free: list[Array] = []  # memory for signs: fresh pages would cost as much as a product

    def prepare(self, X: Array) -> Array:
        missing = -X.shape[1] % 4 if X.shape[1] <= COLUMNS else 0  # loops take four columns at a time
        return np.ascontiguousarray(np.pad(X, ((0, 0), (0, missing))))

    def outputs(self, W: Array, a: Array, inputs: Array) -> tuple[Array, Any]:
        n, blocks = len(inputs), -(-len(W) // PARTICLES)
        signs = np.empty((0, 0, 0), np.int8)
        if self.code == PIECEWISE and a.shape[1] == 1 and blocks * n * PARTICLES <= SIGNS:
            signs = self._memory((blocks, n, PARTICLES))
        partial = np.empty((min(CHUNKS, blocks), n, a.shape[1]), inputs.dtype)
        with threads_for(W.size * n >= SERIAL):
            _forward(W, a, inputs, self.code, self._slopes(inputs.dtype), partial, signs)
        return partial.sum(axis=0), signs

    def move(self, W: Array, a: Array, inputs: Array, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any) -> None:
        X = inputs * r if a.shape[1] == 1 else inputs
        with threads_for(W.size * len(inputs) >= SERIAL):
            _backward(W, a, inputs, X, np.ascontiguousarray(r), self.code, self._slopes(inputs.dtype), rate, *out, add, memo)
        self._free = [memo] if len(memo) else []

    def _slopes(self, dtype: np.dtype) -> Any:
        return tuple(map(dtype.type, self.slopes))

    def _memory(self, shape: tuple[int, int, int]) -> Array:
        """The signs of a step that is over, or new memory."""
        while self._free:
            if (signs := self._free.pop()).shape == shape:
                return signs
        return np.empty(shape, np.int8)


@intrinsic
def _power_of_two(typing_context: Any, exponent: Any) -> Any:
    """2**n of an int64 in the range of normal numbers, by its bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bias, mantissa = (context.get_constant(types.int64, number) for number in (1023, 52))
        bits = builder.shl(builder.add(arguments[0], bias), mantissa)
        return builder.bitcast(bits, context.get_value_type(types.float64))

    return types.float64(types.int64), generate


@jit
def _expm1(x):  # type: ignore[no-untyped-def]
    """exp(x) - 1, with 2**n (1 + q): x = n log 2 + r, q = exp(r) - 1 by its Taylor series, |r| <= log(2) / 2."""
    x = min(max(x, -700.0), 700.0)
    n = np.rint(x * LOG2E)
    r = x - n * LN2
    p = EXPM1[11]
    for i in range(10, -1, -1):
        p = p * r + EXPM1[i]
    power = _power_of_two(np.int64(n))  # type: ignore[call-arg, var-annotated]
    return power * (r + r * r * p) + (power - 1)


@jit
def _tanh(x):  # type: ignore[no-untyped-def]
    e = _expm1(2 * abs(x))
    return np.copysign(e / (e + 2), x)


@jit
def _erf_tail(x):  # type: ignore[no-untyped-def]
    """erf(|x|) for |x| >= 1."""
    size = min(abs(x), 6.0)
    u = ((size - 3) / (size + 3) + 1 / 12) * 2.4
    scaled = ERF_LARGE[13]
    for i in range(12, -1, -1):
        scaled = scaled * u + ERF_LARGE[i]
    return 1 - (1 + _expm1(-size * size)) * scaled


@jit
def _erf(x, tail):  # type: ignore[no-untyped-def]
    """erf(x), given its tail. In one function the two are too large to be inlined, and what is not inlined is not a vector loop."""
    size = abs(x)
    u = 2 * min(size, 1.0) ** 2 - 1
    ratio = ERF_SMALL[11]
    for i in range(10, -1, -1):
        ratio = ratio * u + ERF_SMALL[i]
    return np.copysign(size * ratio if size < 1 else tail, x)


@jit
def _sigmoid(x):  # type: ignore[no-untyped-def]
    z = 1 + _expm1(-abs(x))
    return (1 if x >= 0 else z) / (1 + z)


@jit
def _values(code, slopes, h):  # type: ignore[no-untyped-def]
    """phi(h) in place; one loop per activation, chosen once per block."""
    up, down = slopes[0], slopes[1]
    if code == PIECEWISE:
        zero = up * 0  # of the dtype of h, in which the slopes are: an integer would make all of this double
        for i in range(len(h)):
            h[i] = up * max(h[i], zero) + down * min(h[i], zero)
    elif code == TANH:
        for i in range(len(h)):
            h[i] = _tanh(h[i])
    elif code == ERF:
        tails = np.empty(len(h))
        for i in range(len(h)):
            tails[i] = _erf_tail(h[i])
        for i in range(len(h)):
            h[i] = _erf(h[i], tails[i])
    elif code == SIGMOID:
        for i in range(len(h)):
            h[i] = _sigmoid(h[i])
    elif code == SILU:
        for i in range(len(h)):
            h[i] *= _sigmoid(h[i])
    elif code == GELU:
        tails = np.empty(len(h))
        for i in range(len(h)):
            tails[i] = _erf_tail(h[i] * INV_SQRT_2)
        for i in range(len(h)):
            h[i] *= 0.5 + 0.5 * _erf(h[i] * INV_SQRT_2, tails[i])
    elif code == ELU:
        for i in range(len(h)):
            h[i] = h[i] if h[i] > 0 else _expm1(h[i])


@jit
def _values_and_slopes(code, slopes, h, g):  # type: ignore[no-untyped-def]
    """phi(h) in place and phi'(h)."""
    up, down, flat = slopes
    if code == PIECEWISE:
        zero = up * 0
        for i in range(len(h)):
            g[i] = up if h[i] > zero else (down if h[i] < zero else flat)
            h[i] = up * max(h[i], zero) + down * min(h[i], zero)
    elif code == TANH:
        for i in range(len(h)):
            t = _tanh(h[i])
            h[i] = t
            g[i] = 1 - t * t
    elif code == ERF:
        for i in range(len(h)):
            g[i] = _erf_tail(h[i])
        for i in range(len(h)):
            x = h[i]
            h[i] = _erf(x, g[i])
            g[i] = 2 * INV_SQRT_PI * (1 + _expm1(-x * x))
    elif code == SIGMOID:
        for i in range(len(h)):
            s = _sigmoid(h[i])
            h[i] = s
            g[i] = s * (1 - s)
    elif code == SILU:
        for i in range(len(h)):
            s = _sigmoid(h[i])
            g[i] = s * (1 + h[i] * (1 - s))
            h[i] *= s
    elif code == GELU:
        for i in range(len(h)):
            g[i] = _erf_tail(h[i] * INV_SQRT_2)
        for i in range(len(h)):
            s = 0.5 + 0.5 * _erf(h[i] * INV_SQRT_2, g[i])
            g[i] = s + h[i] * INV_SQRT_2PI * (1 + _expm1(-0.5 * h[i] * h[i]))
            h[i] *= s
    elif code == ELU:
        for i in range(len(h)):
            e = _expm1(min(h[i], 0.0))
            g[i] = 1 + e
            h[i] = h[i] if h[i] > 0 else e


@jit
def _block(values, block):  # type: ignore[no-untyped-def]
    """The rows of a block of particles; the last block is filled up with zeros, so that all loops have the same length."""
    rows = values[block * PARTICLES : (block + 1) * PARTICLES]
    if len(rows) == PARTICLES:
        return rows
    filled = np.zeros((PARTICLES, values.shape[1]), values.dtype)
    filled[: len(rows)] = rows
    return filled


@jit
def _columns(W, count):  # type: ignore[no-untyped-def]
    """The weights of a block by columns, filled up with zeros; for loops only."""
    columns = np.zeros((count if count <= COLUMNS else 0, PARTICLES), W.dtype)
    if len(columns):
        for d in range(W.shape[1]):
            for j in range(PARTICLES):
                columns[d, j] = W[j, d]
    return columns


@jit
def _products(X, W, columns, h):  # type: ignore[no-untyped-def]
    """h = X W^T; h has an even number of rows, the last of which may be one too many."""
    if X.shape[1] > COLUMNS:
        np.dot(X, W.T, h[: len(X)])
        return
    for i in range(0, len(h), 2):
        x, y, p, q = X[i], X[min(i + 1, len(X) - 1)], h[i], h[i + 1]
        for d in range(0, len(x), 4):
            w0, w1, w2, w3 = columns[d], columns[d + 1], columns[d + 2], columns[d + 3]
            x0, x1, x2, x3, y0, y1, y2, y3 = x[d], x[d + 1], x[d + 2], x[d + 3], y[d], y[d + 1], y[d + 2], y[d + 3]
            if d == 0:
                for j in range(PARTICLES):
                    p[j] = x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
                    q[j] = y0 * w0[j] + y1 * w1[j] + y2 * w2[j] + y3 * w3[j]
            else:
                for j in range(PARTICLES):
                    p[j] += x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
                    q[j] += y0 * w0[j] + y1 * w1[j] + y2 * w2[j] + y3 * w3[j]


@jit
def _add_products(X, g, S):  # type: ignore[no-untyped-def]
    """S += g^T X, for loops its transpose; g has a multiple of four rows, those beyond the samples are 0."""
    if X.shape[1] > COLUMNS:
        S += np.dot(g[: len(X)].T, X)
        return
    last = len(X) - 1
    for i in range(0, len(g), 4):
        g0, g1, g2, g3 = g[i], g[i + 1], g[i + 2], g[i + 3]
        x0, x1, x2, x3 = X[i], X[min(i + 1, last)], X[min(i + 2, last)], X[min(i + 3, last)]
        for d in range(0, len(S), 2):
            p, p0, p1, p2, p3 = S[d], x0[d], x1[d], x2[d], x3[d]
            q, q0, q1, q2, q3 = S[d + 1], x0[d + 1], x1[d + 1], x2[d + 1], x3[d + 1]
            for j in range(PARTICLES):
                p[j] += p0 * g0[j] + p1 * g1[j] + p2 * g2[j] + p3 * g3[j]
                q[j] += q0 * g0[j] + q1 * g1[j] + q2 * g2[j] + q3 * g3[j]


@jit
def _add_outputs(h, a, F):  # type: ignore[no-untyped-def]
    """F += h a."""
    if a.shape[1] > 1:
        F += np.dot(h, a)
        return
    for i in range(len(h)):
        total = h[0, 0] * 0
        for j in range(PARTICLES):
            total += h[i, j] * a[j, 0]
        F[i, 0] += total


@jit
def _forward_chunk(W, a, X, code, slopes, first, last, F, signs):  # type: ignore[no-untyped-def]
    """Outputs of the particles of some blocks."""
    n, D = X.shape
    rows = ROWS if D <= COLUMNS else SAMPLES
    buffer = np.empty((rows, PARTICLES), X.dtype)
    F[:] = 0
    for block in range(first, last):
        W_b, a_b = _block(W, block), _block(a, block)
        columns = _columns(W_b, D)
        for begin in range(0, n, rows):
            X_b = X[begin : begin + rows]
            h = buffer[: len(X_b)]
            _products(X_b, W_b, columns, buffer[: len(X_b) + len(X_b) % 2])
            if len(signs):
                for i in range(len(X_b)):
                    h_i, signs_i = h[i], signs[block, begin + i]
                    for j in range(PARTICLES):
                        signs_i[j] = (h_i[j] > 0) - (h_i[j] < 0)
            _values(code, slopes, h.reshape(-1))
            _add_outputs(h, a_b, F[begin : begin + rows])


@jit(parallel=True)
def _forward(W, a, X, code, slopes, partial, signs):  # type: ignore[no-untyped-def]
    blocks, chunks = (len(W) + PARTICLES - 1) // PARTICLES, len(partial)
    for c in numba.prange(chunks):
        _forward_chunk(W, a, X, code, slopes, c * blocks // chunks, (c + 1) * blocks // chunks, partial[c], signs)


@jit
def _gate(signs, slopes, g):  # type: ignore[no-untyped-def]
    """phi' from the signs."""
    up, down, flat = slopes
    for i in range(len(g)):
        g_i, signs_i = g[i], signs[i]
        for j in range(PARTICLES):
            g_i[j] = up if signs_i[j] > 0 else (down if signs_i[j] < 0 else flat)


@jit
def _weigh(g, r, a):  # type: ignore[no-untyped-def]
    """g *= r a^T."""
    pull = np.dot(r, a.T)
    for i in range(len(g)):
        for j in range(PARTICLES):
            g[i, j] *= pull[i, j]


@jit
def _backward_block(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs, block):  # type: ignore[no-untyped-def]
    """Velocities of the particles of one block, added to ``out`` or written there."""
    n, D = X.shape
    k, rows = a.shape[1], ROWS if D <= COLUMNS else SAMPLES
    W_b, a_b = _block(W, block), _block(a, block)
    columns = _columns(W_b, D)
    values, gains = np.empty((rows, PARTICLES), X.dtype), np.empty((rows, PARTICLES), X.dtype)
    S = np.zeros((D, PARTICLES) if D <= COLUMNS else (PARTICLES, D), X.dtype)
    da = np.zeros((PARTICLES, k), X.dtype)
    remembered = len(signs) > 0
    for begin in range(0, n, rows):
        X_b, r_b = X[begin : begin + rows], r[begin : begin + rows]
        h, g = values[: len(X_b)], gains[: len(X_b)]
        if remembered:
            _gate(signs[block, begin : begin + rows], slopes, g)
        else:
            _products(X_b, W_b, columns, values[: len(X_b) + len(X_b) % 2])
            _values_and_slopes(code, slopes, h.reshape(-1), g.reshape(-1))
            da += np.dot(h.T, r_b)
            if k > 1:
                _weigh(g, r_b, a_b)
        padded = len(X_b) + -len(X_b) % 4
        gains[len(X_b) : padded] = 0
        _add_products(rX[begin : begin + rows], gains[:padded], S)
    if D <= COLUMNS:
        S = np.ascontiguousarray(S.T)
    first = block * PARTICLES
    for j in range(min(PARTICLES, len(W) - first)):
        if remembered:  # phi(h) = phi'(h) h
            for d in range(W.shape[1]):
                da[j, 0] += W_b[j, d] * S[j, d]
        scale = -rate * a_b[j, 0] if k == 1 else -rate
        for d in range(W.shape[1]):
            out_W[first + j, d] = (out_W[first + j, d] if add else 0) + scale * S[j, d]
        for c in range(k):
            out_a[first + j, c] = (out_a[first + j, c] if add else 0) - rate * da[j, c]


@jit(parallel=True)
def _backward(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs):  # type: ignore[no-untyped-def]
    for block in numba.prange((len(W) + PARTICLES - 1) // PARTICLES):
        _backward_block(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs, block)
