"""Hermite functions: normalised Hermite polynomials times the root of the normal density, which stay bounded whatever their degree."""

from __future__ import annotations

import math

import numpy as np

__all__ = ["hermite_functions"]

Array = np.ndarray


def hermite_functions(z: Array, terms: int) -> Array:
    """h_k(z) n(z)^(1/2), shape (terms, J)."""
    out, part = np.empty((terms, len(z))), np.empty_like(z)
    out[0] = np.exp(-(z**2) / 4) / (2 * math.pi) ** 0.25
    if terms > 1:
        np.multiply(z, out[0], out=out[1])
    for k in range(1, terms - 1):  # z h_k = sqrt(k + 1) h_{k+1} + sqrt(k) h_{k-1}
        np.multiply(out[k - 1], math.sqrt(k / (k + 1)), out=part)
        np.multiply(out[k], z, out=out[k + 1])
        out[k + 1] *= 1 / math.sqrt(k + 1)
        out[k + 1] -= part
    return out
