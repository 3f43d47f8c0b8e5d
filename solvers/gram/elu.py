r"""The step of elu on one tile of pairs: two integrals over the angle, by as many nodes as the scales ask."""

from __future__ import annotations

import numpy as np

from ..machine.compilation import jit
from .elementary import angle, exp, mills, within

__all__ = ["elu"]

PARTS = 0xC60745F5  # checksum of elementary.py
HALF_INV_PI, ROOT_INV_TWO_PI = 0.15915494309189535, 0.3989422804014327

# Gauss and Legendre on [0, 1], as many nodes as an integral of elu needs.
RULES = (16, 24, 32, 48, 128)
STARTS = (0, 16, 40, 72, 120)
NODES = np.concatenate([(np.polynomial.legendre.leggauss(n)[0] + 1) / 2 for n in RULES])
WEIGHTS = np.concatenate([np.polynomial.legendre.leggauss(n)[1] / 2 for n in RULES])


@jit(inline=True)
def elu(D, T, f, g, rule, one, two):  # type: ignore[no-untyped-def]
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
                q = 2 - z * mills(z) - z2 * mills(z2)
                single += WEIGHTS[k] * v * q
                both += WEIGHTS[k] * v * exp(ab * (gap - delta)) * (1 - q)
            one[j], two[j] = 4 * HALF_INV_PI * y * single, 4 * HALF_INV_PI * y * both
        for j in range(D.shape[1]):
            two[j] += ROOT_INV_TWO_PI * mills(a + g[2, j]) * exp(-a * g[2, j] * D[i, j])
        for j in range(D.shape[1]):
            T[i, j] *= s * g[4, j] * (0.5 - HALF_INV_PI * angle(D[i, j]) + one[j] + two[j])
        for j in range(D.shape[1]):
            delta, b, sine = D[i, j], g[2, j], np.sqrt(D[i, j] * (2 - D[i, j]))
            half = 0.5 - HALF_INV_PI * angle(delta) + one[j]
            lost = b + a - 2 * ROOT_INV_TWO_PI * (b * mills(a * sine) + a * mills(b * sine))
            value = half + two[j] + a * b * (HALF_INV_PI * sine + (1 - delta) * half) - e - g[0, j] - 0.5 * ROOT_INV_TWO_PI * lost
            D[i, j] = within(1 - d * g[3, j] * value)
