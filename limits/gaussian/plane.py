r"""Two-dimensional Gaussian integrals :math:`\mathbb E f(u) g(v)` for any correlation, 1 and -1 included, to a tolerance.

With :math:`u = \sqrt{q_1}\, z` and :math:`v = \sqrt{q_2}\,(c z + s w)`, z and w independent, the rule of ``line`` in w and in z. A kink of
them at k cuts the line of w at :math:`(k/\sqrt{q_2} - c z)/s`, and leaves in z, beside the kink of u, a transition of width :math:`s/c` at
:math:`k/(c\sqrt{q_2})`: both are cuts, at which nodes are dense. Where s = 0 the integral is one-dimensional.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .line import FARTHEST, density, estimate, integrate, nodes, walls

__all__ = ["in_units", "integrate_pairs"]

Array = np.ndarray
Function = Callable[[Array], Array]
Pair = tuple[Function, Function]  # of u and of v

FINEST = 7
BLOCK = 1 << 20  # function values at once


def integrate_pairs(
    f: Function, q1: Array, q2: Array, c: Array, s: Array, kinks: tuple[float, ...], tolerance: float, g: Function | None = None
) -> tuple[Array, Array]:
    """Values and errors (M,), of f(u) g(v) where g is given; the tolerance is relative to the root mean square of f(u) f(v)."""
    g = f if g is None else g
    value, error = np.empty(len(c)), np.empty(len(c))
    line = s == 0
    for which, method in ((line, _on_a_line), (~line, _in_the_plane)):
        if which.any():
            value[which], error[which] = method((f, g), np.sqrt(q1[which]), np.sqrt(q2[which]), c[which], s[which], kinks, tolerance)
    return value, error


def in_units(kinks: tuple[float, ...], scale: Array) -> Array | None:
    """Kinks in units of z, one row for each scale; None where there is none but perhaps at 0."""
    if not any(kinks):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.asarray(kinks) / scale[:, None], nan=0.0, posinf=FARTHEST, neginf=-FARTHEST)


def _on_a_line(f: Pair, a: Array, b: Array, c: Array, s: Array, kinks: tuple[float, ...], tolerance: float) -> tuple[Array, Array]:
    b = np.sign(c) * b
    first, second = in_units(kinks, a), in_units(kinks, b)
    both = None if first is None or second is None else np.concatenate((first, second), axis=1)
    value, error = integrate(lambda z, rows: (f[0](a[rows, None] * z) * f[1](b[rows, None] * z))[None], len(c), both, tolerance)
    return value[0], error[0]


def _in_the_plane(f: Pair, a: Array, b: Array, c: Array, s: Array, kinks: tuple[float, ...], tolerance: float) -> tuple[Array, Array]:
    value, error, before, largest = np.zeros(len(c)), *np.full((3, len(c)), np.inf)
    active = np.arange(len(c))
    for level in range(1, FINEST):
        now, size = _at_level(f, a[active], b[active], c[active], s[active], kinks, level)
        if level > 1:
            moved = np.abs(now - value[active])
            error[active] = estimate(moved, before[active], size)
            largest[active] = np.maximum(moved, before[active])
            before[active] = moved
        value[active] = now
        active = active[(error[active] > tolerance * size) | (level < 3)]
        if not len(active):
            break
    error[active] = np.maximum(error[active], 10 * largest[active])  # of those that have not settled, a small last move may be chance
    return value, error


def _at_level(f: Pair, a: Array, b: Array, c: Array, s: Array, kinks: tuple[float, ...], level: int) -> tuple[Array, Array]:
    """Integrals with all nodes up to this level, and the root mean square of f(u) g(v) (M,)."""
    inner_kinks = np.array(sorted({0.0, *kinks}))
    first, second = in_units(kinks, a), in_units(kinks, c * b)
    z, outer = _all(level, walls(None if first is None or second is None else np.concatenate((first, second), axis=1)))
    z, outer = np.broadcast_to(z, (len(c), z.shape[1])), np.broadcast_to(outer * density(z), (len(c), z.shape[1]))
    rows = np.repeat(np.arange(len(c)), z.shape[1])
    z, outer = z.ravel(), outer.ravel()
    fu = f[0](a[rows] * z) * (outer != 0)
    means, squares = np.empty(len(z)), np.empty(len(z))
    for part in np.array_split(np.arange(len(z)), 1 + len(z) * 60 * 2**level * (1 + len(inner_kinks)) // BLOCK):
        row = rows[part]
        centre = c[row] * z[part]
        with np.errstate(over="ignore"):
            cuts = np.clip((inner_kinks / b[row, None] - centre[:, None]) / s[row, None], -FARTHEST, FARTHEST)
        w, inner = _all(level, cuts)
        inner = inner * density(w)
        fv = f[1](b[row, None] * (centre[:, None] + s[row, None] * w))
        means[part], squares[part] = (fv * inner).sum(axis=1), (fv**2 * inner).sum(axis=1)
    total, square = ((outer * part).reshape(len(c), -1).sum(axis=1) for part in (fu * means, fu**2 * squares))
    return total, np.sqrt(square)


def _all(level: int, cuts: Array) -> tuple[Array, Array]:
    """Nodes and weights of all levels up to this one."""
    parts = [nodes(l, cuts) for l in range(level + 1)]
    return np.concatenate([z for z, _ in parts], axis=1), np.concatenate([w / 2 ** (level - l) for l, (_, w) in enumerate(parts)], axis=1)
