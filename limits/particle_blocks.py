r"""Two-layer particle steps by small matrix products on blocks that stay in the cache.

A block of particles meets a block of samples: pre-activations :math:`h = X_b W_b^\top` by BLAS (by a loop where a particle has at
most 4 weights), then :math:`\phi` and the sums over the block, before anything leaves the cache. The backward pass meets the same
blocks, computes :math:`h` again (or, for piecewise linear :math:`\phi` and one output, reads the signs kept as bytes) and sums
:math:`\dot w_j = -\sum_i (a_j \cdot r_i)\,\phi'(h_{ij})\,x_i` by a second product. Blocks are summed in an order that does not depend
on the number of threads.

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

PARTICLES, SAMPLES = 128, 128  # of a block: the products of a thread stay in its second-level cache
CHUNKS = 64  # groups of blocks with one partial sum each, at most
SERIAL = 300_000  # particles x samples below which threads are not woken
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
        return np.ascontiguousarray(X)

    def outputs(self, W: Array, a: Array, inputs: Array) -> tuple[Array, Any]:
        n, blocks = len(inputs), -(-len(W) // PARTICLES)
        signs = np.empty((0, 0, 0), np.int8)
        if self.code == PIECEWISE and a.shape[1] == 1 and blocks * n * PARTICLES <= SIGNS:
            signs = self._memory((blocks, n, PARTICLES))
        partial = np.empty((min(CHUNKS, blocks), n, a.shape[1]), inputs.dtype)
        with threads_for(len(W) * n >= SERIAL):
            _forward(W, a, inputs, self.code, self.slopes, partial, signs)
        return partial.sum(axis=0), signs

    def move(self, W: Array, a: Array, inputs: Array, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any) -> None:
        with threads_for(len(W) * len(inputs) >= SERIAL):
            _backward(W, a, inputs, np.ascontiguousarray(r), self.code, self.slopes, rate, *out, add, memo)
        self._free = [memo] if len(memo) else []

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
        for i in range(len(h)):
            h[i] = up * max(h[i], 0) + down * min(h[i], 0)
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
        for i in range(len(h)):
            g[i] = up if h[i] > 0 else (down if h[i] < 0 else flat)
            h[i] = up * max(h[i], 0) + down * min(h[i], 0)
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
def _products(X, W, h):  # type: ignore[no-untyped-def]
    """h = X W^T; BLAS is slow where it is thin."""
    D = X.shape[1]
    if D > 4:
        np.dot(X, W.T, h)
        return
    columns = np.zeros((4, len(W)), W.dtype)
    for d in range(D):
        for j in range(len(W)):
            columns[d, j] = W[j, d]
    for i in range(len(X)):
        x0 = X[i, 0]
        x1 = X[i, 1] if D > 1 else x0 * 0
        x2 = X[i, 2] if D > 2 else x0 * 0
        x3 = X[i, 3] if D > 3 else x0 * 0
        for j in range(len(W)):
            h[i, j] = x0 * columns[0, j] + x1 * columns[1, j] + x2 * columns[2, j] + x3 * columns[3, j]


@jit
def _add_outputs(h, a, F):  # type: ignore[no-untyped-def]
    """F += h a."""
    if a.shape[1] > 1:
        F += np.dot(h, a)
        return
    for i in range(len(h)):
        total = h[0, 0] * 0
        for j in range(len(a)):
            total += h[i, j] * a[j, 0]
        F[i, 0] += total


@jit
def _forward_chunk(W, a, X, code, slopes, first, last, F, signs):  # type: ignore[no-untyped-def]
    """Outputs of the particles of some blocks."""
    N, n = len(W), len(X)
    buffer = np.empty(SAMPLES * PARTICLES, X.dtype)
    F[:] = 0
    for block in range(first, last):
        W_b, a_b = W[block * PARTICLES : min(N, (block + 1) * PARTICLES)], a[block * PARTICLES : min(N, (block + 1) * PARTICLES)]
        m = len(W_b)
        for begin in range(0, n, SAMPLES):
            X_b = X[begin : min(n, begin + SAMPLES)]
            h = buffer[: len(X_b) * m].reshape(len(X_b), m)
            _products(X_b, W_b, h)
            if len(signs):
                for i in range(len(X_b)):
                    for j in range(m):
                        signs[block, begin + i, j] = (h[i, j] > 0) - (h[i, j] < 0)
            _values(code, slopes, buffer[: len(X_b) * m])
            _add_outputs(h, a_b, F[begin : begin + SAMPLES])


@jit(parallel=True)
def _forward(W, a, X, code, slopes, partial, signs):  # type: ignore[no-untyped-def]
    blocks, chunks = (len(W) + PARTICLES - 1) // PARTICLES, len(partial)
    for c in numba.prange(chunks):
        _forward_chunk(W, a, X, code, slopes, c * blocks // chunks, (c + 1) * blocks // chunks, partial[c], signs)


@jit
def _gate(signs, slopes, r, g):  # type: ignore[no-untyped-def]
    """g = phi' r for one output, from the signs."""
    for i in range(len(g)):
        up, down, flat = slopes[0] * r[i, 0], slopes[1] * r[i, 0], slopes[2] * r[i, 0]
        for j in range(g.shape[1]):
            g[i, j] = up if signs[i, j] > 0 else (down if signs[i, j] < 0 else flat)


@jit
def _weigh(g, r, a):  # type: ignore[no-untyped-def]
    """g *= r a^T."""
    if a.shape[1] > 1:
        pull = np.dot(r, a.T)
        for i in range(len(g)):
            for j in range(len(a)):
                g[i, j] *= pull[i, j]
        return
    for i in range(len(g)):
        q = r[i, 0]
        for j in range(len(a)):
            g[i, j] *= q


@jit
def _backward_block(W, a, X, r, code, slopes, rate, out_W, out_a, add, signs, block):  # type: ignore[no-untyped-def]
    """Velocities of the particles of one block, added to ``out`` or written there."""
    n, D, k = len(X), X.shape[1], a.shape[1]
    part = slice(block * PARTICLES, min(len(W), (block + 1) * PARTICLES))
    W_b, a_b = W[part], a[part]
    m = len(W_b)
    values, gains = np.empty(SAMPLES * PARTICLES, X.dtype), np.empty(SAMPLES * PARTICLES, X.dtype)
    dW, da = np.zeros((m, D), X.dtype), np.zeros((m, k), X.dtype)
    remembered = len(signs) > 0
    for begin in range(0, n, SAMPLES):
        X_b, r_b = X[begin : min(n, begin + SAMPLES)], r[begin : min(n, begin + SAMPLES)]
        size = len(X_b) * m
        g = gains[:size].reshape(len(X_b), m)
        if remembered:
            _gate(signs[block, begin : begin + SAMPLES, :m], slopes, r_b, g)
        else:
            h = values[:size].reshape(len(X_b), m)
            _products(X_b, W_b, h)
            _values_and_slopes(code, slopes, values[:size], gains[:size])
            da += np.dot(h.T, r_b)
            _weigh(g, r_b, a_b)
        dW += np.dot(g.T, X_b)
    for j in range(m):
        if remembered:  # phi(h) = phi'(h) h
            for d in range(D):
                da[j, 0] += W_b[j, d] * dW[j, d]
        scale = -rate * a_b[j, 0] if k == 1 else -rate
        for d in range(D):
            out_W[part.start + j, d] = (out_W[part.start + j, d] if add else 0) + scale * dW[j, d]
        for c in range(k):
            out_a[part.start + j, c] = (out_a[part.start + j, c] if add else 0) - rate * da[j, c]


@jit(parallel=True)
def _backward(W, a, X, r, code, slopes, rate, out_W, out_a, add, signs):  # type: ignore[no-untyped-def]
    for block in numba.prange((len(W) + PARTICLES - 1) // PARTICLES):
        _backward_block(W, a, X, r, code, slopes, rate, out_W, out_a, add, signs, block)
