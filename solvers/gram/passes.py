r"""A program, compiled: all of its steps on one tile of pairs while it stays in the cache.

Every loop is branch-free, so that it becomes vector instructions. The meaning of every step is in :mod:`.program`; :mod:`.reference` has
the twins.
"""

from __future__ import annotations

import numpy as np

from ..machine.compilation import jit
from .closed_forms import erf, gaussian, gelu, jump, piecewise, waves
from .elementary import within
from .elu import elu
from .series import ROWS, series, terms_needed

__all__ = ["TILE", "tiles"]

PARTS = 0xB9BC5F77  # checksum of closed_forms.py, elementary.py, elu.py and series.py
TILE = 128  # pairs of TILE x TILE points at once
NEAR = 1e-4  # as in reference.py

LINEAR, ADD, COPY, PIECEWISE, JUMP, ERF, GELU, SINE, COSINE, GAUSSIAN, ELU, SERIES, GENERIC = range(13)  # as in program.CODES

# Factors come as copies of the tile's own, contiguous, and every loop sees few arrays: of many that might overlap the compiler makes no
# vector instructions.


@jit(inline=True)
def _part(out, rows, start, stop):  # type: ignore[no-untyped-def]
    """out[:, : stop - start] = rows[:, start:stop]."""
    for k in range(len(rows)):
        for j in range(stop - start):
            out[k, j] = rows[k, start + j]


@jit(inline=True)
def _linear(D, T, f, g, constant):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        a, b, r, u, w = f[0, i], f[1, i], f[2, i], f[3, i], f[4, i]
        for j in range(D.shape[1]):
            T[i, j] = r * g[2, j] * (1 - D[i, j]) + u * g[3, j] + w * g[4, j] * T[i, j]
        for j in range(D.shape[1]):
            D[i, j] = within(a * g[0, j] * D[i, j] + 0.5 * ((a - g[0, j]) ** 2 + (b - g[1, j]) ** 2) + constant)


@jit(inline=True)
def _changes_cosines(f, constant):  # type: ignore[no-untyped-def]
    """Whether a linear step has biases, or anything else that takes points apart."""
    changed = constant != 0
    for i in range(f.shape[1]):
        changed |= f[0, i] != 1 or f[1, i] != 0 or f[3, i] != 0
    return changed


@jit(inline=True)
def _weights(D, T, f, g):  # type: ignore[no-untyped-def]
    """The linear step of weights alone, which keeps cosines."""
    for i in range(D.shape[0]):
        r, w = f[2, i], f[4, i]
        for j in range(D.shape[1]):
            T[i, j] = r * g[2, j] * (1 - D[i, j]) + w * g[4, j] * T[i, j]


@jit(inline=True)
def _add(D, T, D2, T2, f, g):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        a, b, w, v = f[0, i], f[1, i], f[2, i], f[3, i]
        for j in range(D.shape[1]):
            T[i, j] = w * g[2, j] * T[i, j] + v * g[3, j] * T2[i, j]
        for j in range(D.shape[1]):
            gap = (a - g[0, j]) ** 2 + (b - g[1, j]) ** 2
            D[i, j] = within(a * g[0, j] * D[i, j] + b * g[1, j] * D2[i, j] + 0.5 * gap)


@jit(inline=True)
def _copy(D, T, D2, T2):  # type: ignore[no-untyped-def]
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            D[i, j], T[i, j] = D2[i, j], T2[i, j]


@jit(inline=True)
def _start(D, T, A, B):  # type: ignore[no-untyped-def]
    np.dot(A, B.T, D)
    for i in range(D.shape[0]):
        near = 0.0  # a sum, which becomes vector instructions
        for j in range(D.shape[1]):
            D[i, j] = within(1 - D[i, j])
            near += 1.0 if D[i, j] < NEAR else 0.0
            T[i, j] = 0.0
        if near > 0:
            _without_cancellation(D, A, B, i)


@jit(inline=True)
def _without_cancellation(D, A, B, i):  # type: ignore[no-untyped-def]
    for j in range(D.shape[1]):
        if D[i, j] < NEAR:
            total = 0.0
            for k in range(A.shape[1]):
                total += (A[i, k] - B[j, k]) ** 2
            D[i, j] = 0.5 * total


@jit(nogil=True)
def tiles(  # type: ignore[no-untyped-def]
    A, B, codes, sources, targets, constants, tails, tolerances, factors, others, coefficients, registers, result, ends, corners, same, out
):
    """Run a program on tiles; True for those that its series are too short for, which are left out.

    Parameters
    ----------
    A, B : (n, d), (n', d) directions.
    codes, sources, targets, constants, tails, tolerances : of the steps; the source of a series is which of the series it is.
    factors, others : (steps, 5, n), (steps, 5, n').
    coefficients : of the series: values, those of the other side, slopes, those of the other side; each (series, K, n or n').
    registers, result : int
    ends : std, other std, tangent, other tangent.
    corners : (tiles, 2) first pair of each tile.
    same : whether both sides are the same points, so that the diagonal is set and tiles are mirrored.
    out : nngp and ntk (n, n'), of which one may be empty.
    """
    short = np.zeros(len(corners), np.bool_)
    D, T = np.empty((registers, TILE, TILE)), np.empty((registers, TILE, TILE))
    f, g, points, one, two = np.empty((5, TILE)), np.empty((5, TILE)), np.empty((3, TILE)), np.empty((ROWS, TILE)), np.empty((ROWS, TILE))
    values, values2, slopes, slopes2 = coefficients
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
            if code == LINEAR and not (_changes_cosines(f[:, : i1 - i0], constants[step]) or _changes_cosines(g[:, : j1 - j0], 0.0)):
                _weights(d, t, f, g)
            elif code == LINEAR:
                _linear(d, t, f, g, constants[step])
            elif code == PIECEWISE:
                piecewise(d, t, constants[step])
            elif code == ERF:
                erf(d, t, f, g, points)
            elif code == GELU:
                gelu(d, t, f, g, points)
            elif code == COPY:
                _copy(d, t, D[sources[step]], T[sources[step]])
            elif code == ADD:
                _add(d, t, D[sources[step]], T[sources[step]], f, g)
            elif code == JUMP:
                jump(d, t, constants[step])
            elif code == GAUSSIAN:
                gaussian(d, t, f, g, points)
            elif code == ELU:
                elu(d, t, f, g, np.int64(constants[step]), one[0], two[0])
            elif code == SERIES:
                terms = terms_needed(d, diagonal, tails[step], tolerances[step])
                if terms == 0:
                    short[index] = True
                    break
                _part(v, values[sources[step], :terms], i0, i1)
                _part(v2, values2[sources[step], :terms], j0, j1)
                _part(w, slopes[sources[step], :terms], i0, i1)
                _part(w2, slopes2[sources[step], :terms], j0, j1)
                series(d, t, v, v2, w, w2, terms, one, two)
            else:
                waves(d, t, f, g, code == COSINE, one[0], two[0])
        if short[index]:
            continue
        std, std2, tangent, tangent2 = ends
        nngp, ntk = out
        if len(nngp):
            _write(nngp, D[result], std, std2, True, i0, j0, diagonal, same)
        if len(ntk):
            _write(ntk, T[result], tangent, tangent2, False, i0, j0, diagonal, same)
    return short


@jit(inline=True)
def _scaled(row, scale, scales, from_one):  # type: ignore[no-untyped-def]
    if from_one:
        for j in range(len(row)):
            row[j] = (1 - row[j]) * (scale * scales[j])
    else:
        for j in range(len(row)):
            row[j] *= scale * scales[j]


@jit(inline=True)
def _write(out, tile, scale, scale2, from_one, i0, j0, diagonal, same):  # type: ignore[no-untyped-def]
    """Row by row while it is near; the mirror image at last."""
    columns = scale2[j0 : j0 + tile.shape[1]]
    if diagonal:
        for i in range(tile.shape[0]):
            _scaled(tile[i], scale[i0 + i], columns, from_one)
            tile[i, i] = scale[i0 + i] * scale[i0 + i]
            for j in range(i):
                tile[i, j] = tile[j, i]
    for i in range(tile.shape[0]):
        if not diagonal:
            _scaled(tile[i], scale[i0 + i], columns, from_one)
        for j in range(tile.shape[1]):
            out[i0 + i, j0 + j] = tile[i, j]
    if same and not diagonal:
        for j in range(tile.shape[1]):
            for i in range(tile.shape[0]):
                out[j0 + j, i0 + i] = tile[i, j]
