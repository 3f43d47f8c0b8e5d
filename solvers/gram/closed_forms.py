r"""Steps of a program on one tile of pairs: the activations whose expectations have a closed form.

Each changes D and T (rows, columns) in place, :math:`\delta` and t of :mod:`.program`, by the factors f (5, rows) and g (5, columns) of its
points in the order of :class:`.program.Step`; what else it is given is memory.
"""

from __future__ import annotations

import numpy as np

from ..machine.compilation import jit
from .elementary import angle, arcsine, exp, within

__all__ = ["erf", "gaussian", "gelu", "jump", "piecewise", "waves"]

PARTS = 0xC60745F5  # checksum of elementary.py
TWO_OVER_PI, HALF_INV_PI = 0.6366197723675814, 0.15915494309189535


@jit(inline=True)
def piecewise(D, T, mu):  # type: ignore[no-untyped-def]
    """Of one slope on each side: the arc-cosine kernel, mu of it and 1 - mu of the linear one."""
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            delta = D[i, j]
            theta = angle(delta)
            T[i, j] *= 1 - mu * theta
            D[i, j] = within(delta - mu * (np.sqrt(delta * (2 - delta)) - theta * (1 - delta)))


@jit(inline=True)
def jump(D, T, mu):  # type: ignore[no-untyped-def]
    """Of one value on each side: linear in the angle, without a derivative."""
    for i in range(D.shape[0]):
        for j in range(D.shape[1]):
            D[i, j] = mu * angle(D[i, j])
            T[i, j] = 0.0


@jit(inline=True)
def _columns(f, g, w):  # type: ignore[no-untyped-def]
    """p = 1 - eta of the rows and of the columns: 1 - eta eta' c is a sum of positive terms, eta (eta' delta + p') + p."""
    for i in range(f.shape[1]):
        w[0, i] = f[1, i] * f[1, i] / (1 + f[0, i])
    for j in range(g.shape[1]):
        w[1, j] = g[1, j] * g[1, j] / (1 + g[0, j])


@jit(inline=True)
def erf(D, T, f, g, w):  # type: ignore[no-untyped-def]
    """The arcsine of eta eta' c."""
    _columns(f, g, w)
    for j in range(D.shape[1]):
        w[2, j] = g[4, j] * g[1, j]
    for i in range(D.shape[0]):
        eta, p, d, s = f[0, i], w[0, i], TWO_OVER_PI * f[3, i], 2 * TWO_OVER_PI * f[4, i] * f[1, i]
        for j in range(D.shape[1]):
            below = eta * (g[0, j] * D[i, j] + w[1, j]) + p
            T[i, j] *= s * w[2, j] / np.sqrt(below * (2 - below))
            D[i, j] = within(1 - d * g[3, j] * arcsine(eta * g[0, j] * (1 - D[i, j]), below))


@jit(inline=True)
def gelu(D, T, f, g, w):  # type: ignore[no-untyped-def]
    """The same arcsine times the cosine, and what the product rule adds."""
    _columns(f, g, w)
    for j in range(D.shape[1]):
        w[2, j] = g[1, j] * g[1, j]
    for i in range(D.shape[0]):
        eta, zeta, p, scale, d, s = f[0, i], f[1, i], w[0, i], HALF_INV_PI * f[2, i], f[3, i], f[4, i]
        for j in range(D.shape[1]):
            c, squares = 1 - D[i, j], zeta * zeta + w[2, j]
            below = eta * (g[0, j] * D[i, j] + w[1, j]) + p
            half = 0.25 + HALF_INV_PI * arcsine(eta * g[0, j] * c, below)
            ratio = zeta * g[1, j] / np.sqrt(below * (2 - below))
            both = ratio * scale * g[2, j]
            T[i, j] *= s * g[4, j] * (half + both * c * (squares + ratio * ratio))
            D[i, j] = within(1 - d * g[3, j] * (c * half + both * (D[i, j] * (1 + c) + c * c * squares)))


@jit(inline=True)
def waves(D, T, f, g, cosine, sines, cosines):  # type: ignore[no-untyped-def]
    """Of sine or cosine: halves of exponentials of the sum and of the difference, without cancellation."""
    for i in range(D.shape[0]):
        a, d, s = f[2, i], f[3, i], f[4, i]
        for j in range(D.shape[1]):
            sines[j] = 0.5 * exp(-0.5 * (a - g[2, j]) ** 2 - a * g[2, j] * min(D[i, j], 2 - D[i, j]))
        for j in range(D.shape[1]):
            cosines[j] = exp(-2 * a * g[2, j] * abs(1 - D[i, j]))
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
            D[i, j] = within(1 - d * g[3, j] * first[j])


@jit(inline=True)
def gaussian(D, T, f, g, w):  # type: ignore[no-untyped-def]
    """The normal density at the origin of the two pre-activations with unit noise."""
    _columns(f, g, w)
    for i in range(D.shape[0]):
        eta, zeta, p, scale, d, s = f[0, i], f[1, i], w[0, i], f[2, i], f[3, i], 4 * f[4, i]
        for j in range(D.shape[1]):
            below = eta * (g[0, j] * D[i, j] + w[1, j]) + p
            value = zeta * g[1, j] / np.sqrt(below * (2 - below))
            T[i, j] *= s * g[4, j] * scale * g[2, j] * (1 - D[i, j]) * value * value * value
            D[i, j] = within(1 - d * g[3, j] * value)
