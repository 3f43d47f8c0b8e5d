r"""The steps of a program, compiled: all of them on one tile of pairs while it stays in the cache.

Every loop is branch-free, so that it becomes vector instructions. The angle of a cosine comes from one polynomial,
:math:`\arcsin x = x P(x^2)` on :math:`|x| \le \tfrac12`, by :math:`\theta = 2 \arcsin\sqrt{\delta/2}` near :math:`c = 1`, its mirror
near -1, and :math:`\theta = \tfrac\pi2 - \arcsin c` between. The meaning of every step is in :mod:`.program`; :mod:`.reference` has the
twins.
"""

from __future__ import annotations

import numpy as np

from ..machine.compilation import jit

__all__ = ["TILE", "tiles"]

TILE = 96  # pairs of TILE x TILE points at once
ROWS = 16  # of a tile, of a series at once

LINEAR, ADD, COPY, PIECEWISE, JUMP, ERF, GELU, SINE, COSINE, GAUSSIAN, ELU, SERIES, GENERIC = range(13)  # as in program.CODES
NEAR = 1e-4  # as in reference.py
PI, HALF_PI, TWO_OVER_PI = 3.141592653589793, 1.5707963267948966, 0.6366197723675814
HALF_INV_PI, ROOT_INV_TWO_PI = 0.15915494309189535, 0.3989422804014327
LOG2E, LN2 = 1.4426950408889634, 0.6931471805599453

# Near-minimax polynomial of arcsin(sqrt(z)) / sqrt(z) on [0, 1/4], lowest power first: its error is 2e-17.
ARCSINE = (
    1.0, 0.1666666666666494118, 0.075000000003852016734, 0.044642856805998938418, 0.030381959697685138233, 0.022371749733164054133,
    0.017359779641349980067, 0.013884842826402080755, 0.01217013859239172629, 0.0065293020047365692817, 0.019513468251252168004,
    -0.016187392271599133212, 0.031879621400812839426,
)  # fmt: skip


# R(z) (z + 5), R Mills' ratio, for all z >= 0, in t = (z - 5) / (z + 5): the relative error of R is 6e-16.
MILLS = (
    1.9280810471531576488, -1.6678665951889600614, 1.2415470615738660095, -0.78591107554654454288, 0.41364471573270332736,
    -0.17325473408716839982, 0.052125502411915071624, -0.0075032828204644204381, -0.0019999619714877463357, 0.0013658591595215969965,
    -0.00014883307216171830872, -0.00012473565242904059618, 0.000041814657234394717154, 9.974765090958137415e-6,
    -6.9452021812836488195e-6, -8.3604199168540190344e-7, 1.0939304965525823301e-6, 9.6655762741891453325e-8, -1.7669128694852581643e-7,
    -1.7378171196411473162e-8, 2.8356674617665131151e-8, 3.1789077640419034893e-9, -3.9144329790059274724e-9,
    -3.3230434676192489104e-10, 3.242536844855360541e-10,
)  # fmt: skip

# Gauss and Legendre on [0, 1], as many nodes as an integral of elu needs.
RULES = (16, 24, 32, 48, 128)
STARTS = (0, 16, 40, 72, 120)
NODES = np.concatenate([(np.polynomial.legendre.leggauss(n)[0] + 1) / 2 for n in RULES])
WEIGHTS = np.concatenate([np.polynomial.legendre.leggauss(n)[1] / 2 for n in RULES])


@jit(inline=True)
def _mills(z):  # type: ignore[no-untyped-def]
    u = 1 / (z + 5)
    t = 1 - 10 * u
    p = MILLS[24]
    for i in range(23, -1, -1):
        p = p * t + MILLS[i]
    return p * u


@jit(inline=True)
def _arcsine_ratio(z):  # type: ignore[no-untyped-def]
    p = ARCSINE[12]
    for i in range(11, -1, -1):
        p = p * z + ARCSINE[i]
    return p


@jit(inline=True)
def _angle(delta):  # type: ignore[no-untyped-def]
    """arccos(1 - delta)."""
    c = 1 - delta
    z = 0.5 * min(delta, 2 - delta)
    end = z < 0.25
    arc = _arcsine_ratio(z if end else c * c) * (2 * np.sqrt(z) if end else c)
    return (arc if delta < 1 else PI - arc) if end else HALF_PI - arc


@jit(inline=True)
def _arcsine(x, below):  # type: ignore[no-untyped-def]
    """arcsin(x), given below = 1 - x too."""
    z = 0.5 * min(below, 2 - below)
    end = z < 0.25
    arc = _arcsine_ratio(z if end else x * x) * (2 * np.sqrt(z) if end else x)
    return (HALF_PI - arc if below < 1 else arc - HALF_PI) if end else arc


@jit(inline=True)
def _exp(x):  # type: ignore[no-untyped-def]
    """exp of x <= 0, to an absolute error of 2e-16: 2^n by its bits, and a Taylor polynomial."""
    x = max(x, -700.0)
    n = np.rint(x * LOG2E)
    r = x - n * LN2
    p = 1.0
    for i in range(13, 0, -1):
        p = 1.0 + p * r / i
    return p * np.int64((np.int64(n) + 1023) << 52).view(np.float64)


@jit(inline=True)
def _within(delta):  # type: ignore[no-untyped-def]
    return min(max(delta, 0.0), 2.0)


# Factors come as copies of the tile's own, contiguous, and every loop writes to one array: else the compiler sees too many arrays that
# might overlap, and makes no vector instructions.


@jit
def _part(out, rows, start, stop):  # type: ignore[no-untyped-def]
    """out[:, : stop - start] = rows[:, start:stop]."""
    for k in range(len(rows)):
        for j in range(stop - start):
            out[k, j] = rows[k, start + j]


@jit
def _linear(D, T, f, g, constant):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        a, b, r, u, w = f[0, i], f[1, i], f[2, i], f[3, i], f[4, i]
        for j in range(D.shape[1]):
            T[i, j] = r * g[2, j] * (1 - D[i, j]) + u * g[3, j] + w * g[4, j] * T[i, j]
        for j in range(D.shape[1]):
            D[i, j] = _within(a * g[0, j] * D[i, j] + 0.5 * ((a - g[0, j]) ** 2 + (b - g[1, j]) ** 2) + constant)


@jit
def _add(D, T, D2, T2, f, g):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        a, b, w, v = f[0, i], f[1, i], f[2, i], f[3, i]
        for j in range(D.shape[1]):
            T[i, j] = w * g[2, j] * T[i, j] + v * g[3, j] * T2[i, j]
        for j in range(D.shape[1]):
            gap = (a - g[0, j]) ** 2 + (b - g[1, j]) ** 2
            D[i, j] = _within(a * g[0, j] * D[i, j] + b * g[1, j] * D2[i, j] + 0.5 * gap)


@jit
def _copy(D, T, D2, T2):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            D[i, j], T[i, j] = D2[i, j], T2[i, j]


@jit
def _piecewise(D, T, mu):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            delta = D[i, j]
            theta = _angle(delta)
            T[i, j] *= 1 - mu * theta
            D[i, j] = _within(delta - mu * (np.sqrt(delta * (2 - delta)) - theta * (1 - delta)))


@jit
def _jump(D, T, mu):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            D[i, j] = mu * _angle(D[i, j])
            T[i, j] = 0.0


@jit(inline=True)
def _below(delta, eta, eta2, zeta, zeta2):  # type: ignore[no-untyped-def]
    """1 - x, x = eta eta' c."""
    return eta * eta2 * delta + 0.5 * ((eta - eta2) ** 2 + (zeta - zeta2) ** 2) + zeta * zeta2


@jit
def _erf(D, T, f, g):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        eta, zeta, d, s = f[0, i], f[1, i], TWO_OVER_PI * f[3, i], 2 * TWO_OVER_PI * f[4, i] * f[1, i]
        for j in range(D.shape[1]):
            below = _below(D[i, j], eta, g[0, j], zeta, g[1, j])
            T[i, j] *= s * g[4, j] * g[1, j] / np.sqrt(below * (2 - below))
        for j in range(D.shape[1]):
            below = _below(D[i, j], eta, g[0, j], zeta, g[1, j])
            D[i, j] = _within(1 - d * g[3, j] * _arcsine(eta * g[0, j] * (1 - D[i, j]), below))


@jit
def _gelu(D, T, f, g, half, ratio):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        eta, zeta, scale, d, s = f[0, i], f[1, i], HALF_INV_PI * f[2, i], f[3, i], f[4, i]
        for j in range(D.shape[1]):
            below = _below(D[i, j], eta, g[0, j], zeta, g[1, j])
            half[j] = 0.25 + HALF_INV_PI * _arcsine(eta * g[0, j] * (1 - D[i, j]), below)
        for j in range(D.shape[1]):
            below = _below(D[i, j], eta, g[0, j], zeta, g[1, j])
            ratio[j] = zeta * g[1, j] / np.sqrt(below * (2 - below))
        for j in range(D.shape[1]):
            squares = zeta * zeta + g[1, j] * g[1, j]
            T[i, j] *= s * g[4, j] * (half[j] + ratio[j] * scale * g[2, j] * (1 - D[i, j]) * (squares + ratio[j] * ratio[j]))
        for j in range(D.shape[1]):
            c, squares = 1 - D[i, j], zeta * zeta + g[1, j] * g[1, j]
            value = c * half[j] + ratio[j] * scale * g[2, j] * (D[i, j] * (1 + c) + c * c * squares)
            D[i, j] = _within(1 - d * g[3, j] * value)


@jit
def _waves(D, T, f, g, cosine, sines, cosines):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        a, d, s = f[2, i], f[3, i], f[4, i]
        for j in range(D.shape[1]):
            sines[j] = 0.5 * _exp(-0.5 * (a - g[2, j]) ** 2 - a * g[2, j] * min(D[i, j], 2 - D[i, j]))
        for j in range(D.shape[1]):
            cosines[j] = _exp(-2 * a * g[2, j] * abs(1 - D[i, j]))
        for j in range(D.shape[1]):
            k, outer, inner = a * g[2, j] * (1 - D[i, j]), sines[j], cosines[j]
            # 1 - exp(-2 |k|) cancels for small k: there it is 2 exp(-|k|) sinh |k|, by the series of sinh
            square = k * k
            small = 2 * abs(k) * np.sqrt(inner) * (1 + square / 6 * (1 + square / 20 * (1 + square / 42 * (1 + square / 72))))
            sines[j] = np.copysign(outer * (small if square < 0.05 else 1 - inner), k)
            cosines[j] = outer * (1 + inner)
        first, second = (cosines, sines) if cosine else (sines, cosines)
        for j in range(D.shape[1]):
            T[i, j] *= s * g[4, j] * second[j]
        for j in range(D.shape[1]):
            D[i, j] = _within(1 - d * g[3, j] * first[j])


@jit
def _gaussian(D, T, f, g, value):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        eta, zeta, scale, d, s = f[0, i], f[1, i], f[2, i], f[3, i], 4 * f[4, i]
        for j in range(D.shape[1]):
            below = _below(D[i, j], eta, g[0, j], zeta, g[1, j])
            value[j] = zeta * g[1, j] / np.sqrt(below * (2 - below))
        for j in range(D.shape[1]):
            T[i, j] *= s * g[4, j] * scale * g[2, j] * (1 - D[i, j]) * value[j] * value[j] * value[j]
        for j in range(D.shape[1]):
            D[i, j] = _within(1 - d * g[3, j] * value[j])


@jit
def _elu(D, T, f, g, rule, one, two):  # type: ignore[no-untyped-def]
    """The two integrals over the angle, in tan(theta' / 4), which is rational; the rest is elementary."""
    start, stop = STARTS[rule], STARTS[rule] + RULES[rule]
    for i in range(D.shape[0]):
        e, a, d, s = f[0, i], f[2, i], f[3, i], f[4, i]
        for j in range(D.shape[1]):
            delta, b, ab = D[i, j], g[2, j], a * g[2, j]
            y = np.sqrt(0.5 * delta) / (1 + np.sqrt(1 - 0.5 * delta))
            single, both = 0.0, 0.0
            for k in range(start, stop):
                t = y * NODES[k]
                v = 1 / (1 + t * t)
                sine, gap = 4 * t * (1 - t * t) * v * v, 8 * t * t * v * v
                z, z2 = a * sine, b * sine
                q = 2 - z * _mills(z) - z2 * _mills(z2)
                single += WEIGHTS[k] * v * q
                both += WEIGHTS[k] * v * _exp(ab * (gap - delta)) * (1 - q)
            one[j], two[j] = 4 * HALF_INV_PI * y * single, 4 * HALF_INV_PI * y * both
        for j in range(D.shape[1]):
            two[j] += ROOT_INV_TWO_PI * _mills(a + g[2, j]) * _exp(-a * g[2, j] * D[i, j])
        for j in range(D.shape[1]):
            T[i, j] *= s * g[4, j] * (0.5 - HALF_INV_PI * _angle(D[i, j]) + one[j] + two[j])
        for j in range(D.shape[1]):
            delta, b, sine = D[i, j], g[2, j], np.sqrt(D[i, j] * (2 - D[i, j]))
            half = 0.5 - HALF_INV_PI * _angle(delta) + one[j]
            lost = b + a - 2 * ROOT_INV_TWO_PI * (b * _mills(a * sine) + a * _mills(b * sine))
            value = half + two[j] + a * b * (HALF_INV_PI * sine + (1 - delta) * half) - e - g[0, j] - 0.5 * ROOT_INV_TWO_PI * lost
            D[i, j] = _within(1 - d * g[3, j] * value)


@jit
def _terms(D, same, tails, tolerance):  # type: ignore[no-untyped-def]
    """Number of terms that this tile needs; 0 if there are not enough."""
    largest = 0.0
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            if not (same and i == j):
                largest = max(largest, abs(1 - D[i, j]))
    power = largest**4
    bound = power
    for k in range(len(tails)):
        if bound * tails[k] <= tolerance:
            return 4 * (k + 1)
        bound *= power
    return 0


@jit
def _series(D, T, values, others, slopes, other_slopes, terms, value, slope):  # type: ignore[no-untyped-def]
    """A few rows at a time, which stay in the first-level cache with four terms of the columns."""
    for start in range(0, D.shape[0], ROWS):
        stop = min(start + ROWS, D.shape[0])
        _horner(D, values, others, terms, value, start, stop)
        _horner(D, slopes, other_slopes, terms, slope, start, stop)
        for i in range(start, stop):
            for j in range(D.shape[1]):
                T[i, j] *= slope[i - start, j]
            for j in range(D.shape[1]):
                D[i, j] = _within(1 - value[i - start, j])


@jit
def _horner(D, a, b, terms, out, start, stop):  # type: ignore[no-untyped-def]
    for i in range(stop - start):
        for j in range(D.shape[1]):
            out[i, j] = 0.0
    for k in range(terms - 4, -1, -4):
        for i in range(stop - start):
            a0, a1, a2, a3 = a[k, start + i], a[k + 1, start + i], a[k + 2, start + i], a[k + 3, start + i]
            for j in range(D.shape[1]):
                c = 1 - D[start + i, j]
                p = (out[i, j] * c + a3 * b[k + 3, j]) * c + a2 * b[k + 2, j]
                out[i, j] = (p * c + a1 * b[k + 1, j]) * c + a0 * b[k, j]


@jit
def _start(D, T, A, B):  # type: ignore[no-untyped-def]
    np.dot(A, B.T, D)
    for i in range(D.shape[0]):
        near = 0.0  # a sum, which becomes vector instructions
        for j in range(D.shape[1]):
            D[i, j] = _within(1 - D[i, j])
        for j in range(D.shape[1]):
            near += 1.0 if D[i, j] < NEAR else 0.0
        for j in range(D.shape[1]):
            T[i, j] = 0.0
        if near > 0:
            _without_cancellation(D, A, B, i)


@jit
def _without_cancellation(D, A, B, i):  # type: ignore[no-untyped-def]
    for j in range(D.shape[1]):
        if D[i, j] < NEAR:
            total = 0.0
            for k in range(A.shape[1]):
                total += (A[i, k] - B[j, k]) ** 2
            D[i, j] = 0.5 * total


@jit(nogil=True)
def tiles(  # type: ignore[no-untyped-def]
    A, B, codes, sources, targets, constants, tails, tolerances, factors, others, series, registers, result, ends, corners, same, out
):
    """Run a program on tiles; True for those that its series are too short for, which are left out.

    Parameters
    ----------
    A, B : (n, d), (n', d) directions.
    codes, sources, targets, constants, tails, tolerances : of the steps; the source of a series is which of the series it is.
    factors, others : (steps, 5, n), (steps, 5, n').
    series : values, those of the other side, slopes, those of the other side; each (series, K, n or n').
    registers, result : int
    ends : std, other std, tangent, other tangent.
    corners : (tiles, 2) first pair of each tile.
    same : whether both sides are the same points, so that the diagonal is set and tiles are mirrored.
    out : nngp and ntk (n, n'), of which one may be empty.
    """
    short = np.zeros(len(corners), np.bool_)
    D, T = np.empty((registers, TILE, TILE)), np.empty((registers, TILE, TILE))
    f, g, one, two = np.empty((5, TILE)), np.empty((5, TILE)), np.empty((ROWS, TILE)), np.empty((ROWS, TILE))
    values, values2, slopes, slopes2 = series
    v, v2, w, w2 = (
        np.empty((values.shape[1], TILE)),
        np.empty((values.shape[1], TILE)),
        np.empty((values.shape[1], TILE)),
        np.empty((values.shape[1], TILE)),
    )
    for index in range(len(corners)):
        i0, j0 = corners[index]
        i1, j1 = min(i0 + TILE, len(A)), min(j0 + TILE, len(B))
        if (i1 - i0, j1 - j0) != (D.shape[1], D.shape[2]):
            D, T = np.empty((registers, i1 - i0, j1 - j0)), np.empty((registers, i1 - i0, j1 - j0))
        diagonal = same and i0 == j0
        _start(D[0], T[0], A[i0:i1], B[j0:j1])
        for step in range(len(codes)):
            code, d, t = codes[step], D[targets[step]], T[targets[step]]
            _part(f, factors[step], i0, i1)
            _part(g, others[step], j0, j1)
            if code == LINEAR:
                _linear(d, t, f, g, constants[step])
            elif code == PIECEWISE:
                _piecewise(d, t, constants[step])
            elif code == ERF:
                _erf(d, t, f, g)
            elif code == GELU:
                _gelu(d, t, f, g, one[0], two[0])
            elif code == COPY:
                _copy(d, t, D[sources[step]], T[sources[step]])
            elif code == ADD:
                _add(d, t, D[sources[step]], T[sources[step]], f, g)
            elif code == JUMP:
                _jump(d, t, constants[step])
            elif code == GAUSSIAN:
                _gaussian(d, t, f, g, one[0])
            elif code == ELU:
                _elu(d, t, f, g, np.int64(constants[step]), one[0], two[0])
            elif code == SERIES:
                terms = _terms(d, diagonal, tails[step], tolerances[step])
                if terms == 0:
                    short[index] = True
                    break
                _part(v, values[sources[step], :terms], i0, i1)
                _part(v2, values2[sources[step], :terms], j0, j1)
                _part(w, slopes[sources[step], :terms], i0, i1)
                _part(w2, slopes2[sources[step], :terms], j0, j1)
                _series(d, t, v, v2, w, w2, terms, one, two)
            else:
                _waves(d, t, f, g, code == COSINE, one[0], two[0])
        if short[index]:
            continue
        std, std2, tangent, tangent2 = ends
        nngp, ntk = out
        d = D[result]
        for i in range(d.shape[0]):
            for j in range(d.shape[1]):
                d[i, j] = 1 - d[i, j]
        if len(nngp):
            _write(nngp, d, std, std2, i0, j0, diagonal, same)
        if len(ntk):
            _write(ntk, T[result], tangent, tangent2, i0, j0, diagonal, same)
    return short


@jit
def _write(out, tile, scale, scale2, i0, j0, diagonal, same):  # type: ignore[no-untyped-def]
    for i in range(tile.shape[0]):
        s = scale[i0 + i]
        for j in range(tile.shape[1]):
            tile[i, j] *= s * scale2[j0 + j]
    if diagonal:
        for i in range(tile.shape[0]):
            tile[i, i] = scale[i0 + i] * scale[i0 + i]
            for j in range(i):
                tile[i, j] = tile[j, i]
    for i in range(tile.shape[0]):
        for j in range(tile.shape[1]):
            out[i0 + i, j0 + j] = tile[i, j]
    if same and not diagonal:
        for j in range(tile.shape[1]):
            for i in range(tile.shape[0]):
                out[j0 + j, i0 + i] = tile[i, j]
