r"""The compiled passes of :class:`.blocks.BlockEngine`.

A block of particles meets a block of samples: pre-activations :math:`h = X_b W_b^\top`, then :math:`\phi` and the sums over the block,
before anything leaves the cache. The backward pass meets the same blocks, computes :math:`h` again (or, for piecewise linear
:math:`\phi` and one output, reads the signs kept as bytes) and sums :math:`\dot w_j = -\sum_i (a_j \cdot r_i)\,\phi'(h_{ij})\,x_i` by a
second product. Both products go by tiles of the product that stay in registers (:func:`_tile`): on blocks this small BLAS reaches a
fraction of its speed. Blocks are summed in an order that does not depend on the number of threads.

numba compiles ``tanh``, ``exp`` and ``erf`` to calls of the scalar C library; the branch-free forms here become vector instructions. Their
absolute error is at most 4e-16.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from ..machine.compilation import jit

__all__ = ["CODES", "PARTICLES", "PIECEWISE", "ROWS", "backward", "forward"]

PARTICLES, SAMPLES = 128, 32  # of a block: its products stay in the first-level cache
ROWS = 4  # of a tile
VECTORS, BYTES = (4, 64) if get_host_cpu_features().get("avx512f") else (2, 32)  # of its rows: so many as there are registers for

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


@intrinsic
def _tile(typing_context: Any, A: Any, B: Any, C: Any, row: Any, column: Any, depth: Any, add: Any) -> Any:
    """C[row : row + ROWS, column : ...] = A B, or += where ``add``: a tile of VECTORS vectors wide, held in registers while it is summed
    over the ``depth`` columns of A. As loops over arrays the sums would go through memory."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        arrays = [
            context.make_array(type_)(context, builder, value=value) for type_, value in zip(signature.args, arguments[:3], strict=False)
        ]
        row, column, depth, add = arguments[3:]
        number, index = context.get_value_type(signature.args[0].dtype), ir.IntType(64)
        align = signature.args[0].dtype.bitwidth // 8
        lanes = BYTES // align
        vector = ir.VectorType(number, lanes)

        def address(array: Any, i: Any, j: Any, type_: Any) -> Any:
            strides = cgutils.unpack_tuple(builder, array.strides, 2)
            offset = builder.add(builder.mul(i, strides[0]), builder.mul(j, strides[1]))
            return builder.inttoptr(builder.add(builder.ptrtoint(array.data, index), offset), type_.as_pointer())

        def load(pointer: Any) -> Any:
            value = builder.load(pointer)
            value.align = align
            return value

        rows = [builder.add(row, index(i)) for i in range(ROWS)]
        columns = [builder.add(column, index(v * lanes)) for v in range(VECTORS)]
        targets = [address(arrays[2], i, j, vector) for i in rows for j in columns]
        start, before = builder.block, builder.append_basic_block()
        loop, end = builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(add, before, loop)
        builder.position_at_end(before)
        old = [load(target) for target in targets]
        builder.branch(loop)
        builder.position_at_end(loop)
        k, sums = builder.phi(index), [builder.phi(vector) for _ in targets]
        right = [load(address(arrays[1], k, j, vector)) for j in columns]
        new = []
        for i in range(ROWS):
            left = builder.insert_element(vector(ir.Undefined), load(address(arrays[0], rows[i], k, number)), ir.IntType(32)(0))
            left = builder.shuffle_vector(left, vector(ir.Undefined), ir.VectorType(ir.IntType(32), lanes)([0] * lanes))
            for v in range(VECTORS):
                product = builder.fmul(left, right[v], flags=["contract"])
                new.append(builder.fadd(sums[i * VECTORS + v], product, flags=["contract"]))
        following = builder.add(k, index(1))
        zeros, old, new = [vector([0.0] * lanes)] * len(sums), [index(0), *old], [following, *new]
        for phi, first, kept, later in zip([k, *sums], [index(0), *zeros], old, new, strict=True):
            phi.add_incoming(first, start)
            phi.add_incoming(kept, before)
            phi.add_incoming(later, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, end)
        builder.position_at_end(end)
        for target, value in zip(targets, new[1:], strict=True):
            builder.store(value, target).align = align
        return context.get_dummy_value()

    return types.void(A, B, C, types.intp, types.intp, types.intp, types.boolean), generate


@jit
def _multiply(A, B, C, depth, add):  # type: ignore[no-untyped-def]
    """C = A B or C += A B, by tiles; C has whole ones."""
    width = VECTORS * BYTES // C.itemsize
    for column in range(0, C.shape[1], width):
        for row in range(0, len(C), ROWS):
            _tile(A, B, C, row, column, depth, add)  # type: ignore[call-arg]


@jit
def _block(values, block):  # type: ignore[no-untyped-def]
    """The rows of a block of particles; the last block is filled up with zeros."""
    rows = values[block * PARTICLES : (block + 1) * PARTICLES]
    if len(rows) == PARTICLES:
        return rows
    filled = np.zeros((PARTICLES, values.shape[1]), values.dtype)
    for j in range(len(rows)):  # an assignment of slices would take seconds to compile
        for d in range(values.shape[1]):
            filled[j, d] = rows[j, d]
    return filled


@jit
def _transposed(W):  # type: ignore[no-untyped-def]
    out = np.empty((W.shape[1], len(W)), W.dtype)
    for d in range(W.shape[1]):
        for j in range(len(W)):
            out[d, j] = W[j, d]
    return out


@jit(inline=True)
def _add_outputs(h, a, F):  # type: ignore[no-untyped-def]
    """F += h a."""
    if a.shape[1] == 1:
        for i in range(len(h)):
            total = h[0, 0] * 0
            for j in range(PARTICLES):
                total += h[i, j] * a[j, 0]
            F[i, 0] += total
        return
    part = np.dot(h, a)
    for i in range(len(h)):
        for c in range(a.shape[1]):
            F[i, c] += part[i, c]


@jit
def _forward_chunk(W, a, X, code, slopes, first, last, F, signs):  # type: ignore[no-untyped-def]
    """Outputs of the particles of some blocks."""
    buffer = np.empty((SAMPLES, PARTICLES), X.dtype)
    F[:] = 0
    for block in range(first, last):
        W_b, a_b = _transposed(_block(W, block)), _block(a, block)
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
            _add_outputs(h, a_b, F[begin : begin + SAMPLES])


@jit(parallel=True)
def forward(W, a, X, code, slopes, partial, signs):  # type: ignore[no-untyped-def]
    """Outputs (n, k) of all particles, in parts (chunks, n, k) to be summed; signs of the pre-activations where there is room."""
    blocks, chunks = (len(W) + PARTICLES - 1) // PARTICLES, len(partial)
    for c in numba.prange(chunks):
        _forward_chunk(W, a, X, code, slopes, np.int64(c) * blocks // chunks, np.int64(c + 1) * blocks // chunks, partial[c], signs)


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
    k = a.shape[1]
    W_b, a_b = _block(W, block), _block(a, block)
    columns = _transposed(W_b)
    values, gains = np.empty((SAMPLES, PARTICLES), X.dtype), np.empty((SAMPLES, PARTICLES), X.dtype)
    S, da = np.zeros((X.shape[1], PARTICLES), X.dtype), np.zeros((PARTICLES, k), X.dtype)
    remembered = len(signs) > 0
    for begin in range(0, len(X), SAMPLES):
        X_b, r_b = X[begin : begin + SAMPLES], r[begin : begin + SAMPLES]
        h, g = values[: len(X_b)], gains[: len(X_b)]
        if remembered:
            _gate(signs[block, begin : begin + SAMPLES], slopes, g)
        else:
            _multiply(X_b, columns, h, len(columns), False)
            _values_and_slopes(code, slopes, h.reshape(-1), g.reshape(-1))
            part = np.dot(h.T, r_b)
            for j in range(PARTICLES):
                for c in range(k):
                    da[j, c] += part[j, c]
            if k > 1:
                _weigh(g, r_b, a_b)
        _multiply(rX[begin : begin + SAMPLES].T, g, S, len(X_b), True)
    if remembered:  # phi(h) = phi'(h) h
        for d in range(len(columns)):
            for j in range(PARTICLES):
                da[j, 0] += columns[d, j] * S[d, j]
    first = block * PARTICLES
    for j in range(min(PARTICLES, len(W) - first)):
        scale = -rate * a_b[j, 0] if k == 1 else -rate
        for d in range(len(columns)):
            out_W[first + j, d] = (out_W[first + j, d] if add else 0) + scale * S[d, j]
        for c in range(k):
            out_a[first + j, c] = (out_a[first + j, c] if add else 0) - rate * da[j, c]


@jit(parallel=True)
def backward(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs):  # type: ignore[no-untyped-def]
    """Velocities times ``rate``; ``rX`` are the samples, times the residuals where there is one output."""
    for block in numba.prange((len(W) + PARTICLES - 1) // PARTICLES):
        _backward_block(W, a, X, rX, r, code, slopes, rate, out_W, out_a, add, signs, np.int64(block))
