"""Elementary functions as vector instructions.

numba compiles ``tanh``, ``exp`` and ``erf`` to calls of the scalar C library; the branch-free forms here become vector loops. Their
absolute error is at most 4e-16 (of ``expm1`` where x <= 0). They are compiled into :mod:`.block_passes`, whose checksum of this file must
follow a change.
"""

from __future__ import annotations

import numpy as np

from ..machine.compilation import jit
from .intrinsics import power_of_two
from .series import ERF_LARGE, ERF_SMALL, EXPM1

__all__ = ["erf", "erf_tail", "expm1", "sigmoid", "tanh"]

PARTS = 0x308F13F4  # checksum of intrinsics.py and series.py

LOG2E, LN2 = 1.4426950408889634, 0.6931471805599453


@jit
def expm1(x):  # type: ignore[no-untyped-def]
    """exp(x) - 1, with 2**n (1 + q): x = n log 2 + r, q = exp(r) - 1 by its Taylor series, |r| <= log(2) / 2."""
    x = min(max(x, -700.0), 700.0)
    n = np.rint(x * LOG2E)
    r = x - n * LN2
    p = EXPM1[11]
    for i in range(10, -1, -1):
        p = p * r + EXPM1[i]
    power = power_of_two(np.int64(n))  # type: ignore[call-arg, var-annotated]
    return power * (r + r * r * p) + (power - 1)


@jit
def tanh(x):  # type: ignore[no-untyped-def]
    """e / (e + 2) with e = exp(2|x|) - 1."""
    e = expm1(2 * abs(x))
    return np.copysign(e / (e + 2), x)


@jit
def erf_tail(x):  # type: ignore[no-untyped-def]
    """erf(|x|) for |x| >= 1."""
    size = min(abs(x), 6.0)
    u = ((size - 3) / (size + 3) + 1 / 12) * 2.4
    scaled = ERF_LARGE[13]
    for i in range(12, -1, -1):
        scaled = scaled * u + ERF_LARGE[i]
    return 1 - (1 + expm1(-size * size)) * scaled


@jit
def erf(x, tail):  # type: ignore[no-untyped-def]
    """erf(x), given its tail. In one function the two are too large to be inlined, and what is not inlined is not a vector loop."""
    size = abs(x)
    u = 2 * min(size, 1.0) ** 2 - 1
    ratio = ERF_SMALL[11]
    for i in range(10, -1, -1):
        ratio = ratio * u + ERF_SMALL[i]
    return np.copysign(size * ratio if size < 1 else tail, x)


@jit
def sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + exp(-x)), by exp(-|x|)."""
    z = 1 + expm1(-abs(x))
    return (1 if x >= 0 else z) / (1 + z)
