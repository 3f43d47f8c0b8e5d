r"""First and second derivatives of the smooth built-in activations; :mod:`.activations` has the functions themselves."""

from __future__ import annotations

import math

import numpy as np
from scipy import special

__all__ = [
    "elu_curvature",
    "elu_slope",
    "erf_curvature",
    "erf_slope",
    "gaussian_curvature",
    "gaussian_slope",
    "gelu_curvature",
    "gelu_slope",
    "sigmoid_curvature",
    "sigmoid_slope",
    "silu_curvature",
    "silu_slope",
    "tanh_curvature",
]

Array = np.ndarray


def elu_slope(h: Array) -> Array:
    r""":math:`e^{\min(h, 0)}`."""
    return np.exp(np.minimum(h, 0))


def elu_curvature(h: Array) -> Array:
    """:math:`e^h` below 0, 0 above."""
    return np.where(h > 0, h.dtype.type(0), np.exp(np.minimum(h, 0)))


def erf_slope(h: Array) -> Array:
    r""":math:`\tfrac2{\sqrt\pi}\,e^{-h^2}`."""
    return h.dtype.type(2 / math.sqrt(math.pi)) * np.exp(-(h**2))


def erf_curvature(h: Array) -> Array:
    r""":math:`-2h\,\phi'`."""
    return -2 * h * erf_slope(h)


def gaussian_slope(h: Array) -> Array:
    r""":math:`-2h\,e^{-h^2}`."""
    return -2 * h * np.exp(-(h**2))


def gaussian_curvature(h: Array) -> Array:
    r""":math:`(4h^2 - 2)\,e^{-h^2}`."""
    return (4 * h**2 - 2) * np.exp(-(h**2))


def gelu_slope(h: Array) -> Array:
    r""":math:`\Phi(h) + h\,\Phi'(h)`, :math:`\Phi` the normal distribution function."""
    return special.ndtr(h) + h * _normal_density(h)


def gelu_curvature(h: Array) -> Array:
    r""":math:`(2 - h^2)\,\Phi'(h)`."""
    return (2 - h**2) * _normal_density(h)


def sigmoid_slope(h: Array) -> Array:
    """:math:`s(1 - s)`, s the sigmoid."""
    s = special.expit(h)
    return s * (1 - s)


def sigmoid_curvature(h: Array) -> Array:
    """:math:`s(1 - s)(1 - 2s)`."""
    s = special.expit(h)
    return s * (1 - s) * (1 - 2 * s)


def silu_slope(h: Array) -> Array:
    r""":math:`s\,(1 + h(1 - s))`, s the sigmoid."""
    s = special.expit(h)
    return s * (1 + h * (1 - s))


def silu_curvature(h: Array) -> Array:
    """:math:`s(1 - s)(2 + h(1 - 2s))`."""
    s = special.expit(h)
    return s * (1 - s) * (2 + h * (1 - 2 * s))


def tanh_curvature(h: Array) -> Array:
    r""":math:`-2\tanh h\,(1 - \tanh^2 h)`."""
    t = np.tanh(h)
    return -2 * t * (1 - t**2)


def _normal_density(h: Array) -> Array:
    return np.exp(-(h**2) / 2) * h.dtype.type(1 / math.sqrt(2 * math.pi))
