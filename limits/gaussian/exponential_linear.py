r"""Gaussian expectations of the exponential linear unit, :math:`\phi(h) = h` above 0 and :math:`e^h - 1` below.

Its second derivative is :math:`e^h` below 0, so :math:`\phi' = 1_{h>0} + \phi''` and :math:`\phi = h_+ + \phi'' - 1_{h<0}`: with Stein's
identity all expectations of a pair are elementary but for the bivariate normal integrals :math:`I(u) = \mathbb E\,\phi''(u) 1_{v>0}`,
:math:`I(v)` and :math:`M = \mathbb E\,\phi''(u)\phi''(v)`. By Price's theorem these have elementary derivatives in the angle
:math:`\theta`, :math:`c = \cos\theta`. With :math:`a = \sqrt{q_1}`, :math:`b = \sqrt{q_2}`, Mills' ratio R,
:math:`Q(z) = 1 - z R(z)` and :math:`e(a) = \mathbb E\,\phi''(u) = \tfrac12 \operatorname{erfcx}(a/\sqrt2)`,

.. math::
    I(a) = \int_0^\theta Q(a \sin\theta') \frac{d\theta'}{2\pi}, \qquad
    M = e(a+b)\, e^{-ab(1-c)} + \int_0^\theta e^{-ab(\cos\theta' - c)} \big(1 - Q(a\sin\theta') - Q(b\sin\theta')\big)
    \frac{d\theta'}{2\pi} ,

where no exponent is positive, and

.. math::
    \mathbb E\,\phi'(u)\phi'(v) &= \tfrac{\pi - \theta}{2\pi} + I(a) + I(b) + M, \\
    \mathbb E\,\phi(u)\phi(v) &= \mathbb E\,\phi'(u)\phi'(v) + ab\Big[\tfrac{s + (\pi - \theta) c}{2\pi} + c\,(I(a) + I(b))\Big]
    - e(a) - e(b) - \frac{b\,(1 - 2e(as)) + a\,(1 - 2e(bs))}{2\sqrt{2\pi}} .

Terms of order 1 cancel in the last line where ab is small; there it is
:math:`ab\,c\,(e(a) + e(b)) + (ab)^2 \int_\theta^\pi (\cos\theta - \cos\theta')\, M(\theta') \sin\theta'\, d\theta'`, which cancels nothing.
The integrals are by Gauss and Legendre, in a variable that resolves :math:`\theta' \sim 1/a` at both ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy.special import erfcx, gamma

from .closed_forms import ClosedForm

__all__ = ["elu"]

Array = np.ndarray

NODES = 64
SMALL = 0.05  # of standard deviations, whose powers make short series
LEAST = 46.0  # exp(-LEAST) is nothing
BLOCK = 1 << 20  # values of integrands at once
X, W = ((nodes + 1) / 2 if k == 0 else nodes / 2 for k, nodes in enumerate(np.polynomial.legendre.leggauss(NODES)))


def elu() -> ClosedForm:
    """Of h above 0 and exp(h) - 1 below."""
    return ClosedForm(value=_value, slope=_slope, curvature=_curvature, mean=_mean, mean_slope=lambda q: 0.5 + _half(np.sqrt(q)))


def _half(a: Array) -> Array:
    """e(a)."""
    return np.asarray(0.5 * erfcx(a / math.sqrt(2)))


def _q(z: Array) -> Array:
    return 1 - math.sqrt(math.pi / 2) * z * erfcx(z / math.sqrt(2))


def _lost(a: Array, first: int = 1) -> Array:
    """1 - 2 e(a), without its terms in a before the first-th power; by the series where that cancels."""
    x = np.minimum(a, SMALL) / math.sqrt(2)
    series = -sum((-x) ** k / gamma(k / 2 + 1) for k in range(first, 14))
    return np.where(a < SMALL, series, 1 - 2 * _half(a) - (a * math.sqrt(2 / math.pi) if first > 1 else 0.0))


def _mean(q: Array) -> Array:
    """a / sqrt(2 pi) + e(a) - 1/2."""
    return -0.5 * _lost(np.sqrt(q), first=2)


def _slope(q1: Array, q2: Array, c: Array, s: Array) -> Array:
    a, b, theta, shape = _pairs(q1, q2, c, s)
    out = np.empty(len(a))
    for part in _blocks(len(a), NODES):
        first, second, both = _integrals(a[part], b[part], theta[part])
        out[part] = (math.pi - theta[part]) / (2 * math.pi) + first + second + both
    return out.reshape(shape)


def _value(q1: Array, q2: Array, c: Array, s: Array) -> Array:
    a, b, theta, shape = _pairs(q1, q2, c, s)
    c, s = (np.broadcast_to(x, shape).ravel() for x in (c, s))
    out = np.empty(len(a))
    small = a * b < SMALL**2
    for rows, nodes, method in ((np.flatnonzero(~small), NODES, _large), (np.flatnonzero(small), NODES**2, _small)):
        for part in _blocks(len(rows), nodes):
            at = rows[part]
            out[at] = method(a[at], b[at], theta[at], c[at], s[at])
    return out.reshape(shape)


def _large(a: Array, b: Array, theta: Array, c: Array, s: Array) -> Array:
    first, second, both = _integrals(a, b, theta)
    angle = (math.pi - theta) / (2 * math.pi)
    ends = (b * _lost(a * s) + a * _lost(b * s)) / (2 * math.sqrt(2 * math.pi))
    bilinear = a * b * (s / (2 * math.pi) + c * (angle + first + second))
    return angle + first + second + both - _half(a) - _half(b) + bilinear - ends


def _small(a: Array, b: Array, theta: Array, c: Array, s: Array) -> Array:
    def integrand(angle: Array) -> Array:
        first, second = (np.broadcast_to(x[:, None], angle.shape).ravel() for x in (a, b))
        difference = 2 * np.sin((theta[:, None] + angle) / 2) * np.sin((angle - theta[:, None]) / 2)
        return np.asarray(_both(first, second, angle.ravel()).reshape(angle.shape) * difference * np.sin(angle))

    return (
        a * b * (c * (_half(a) + _half(b)) + a * b * 2 * math.pi * _over(theta, np.full_like(theta, math.pi), np.maximum(a, b), integrand))
    )


def _curvature(q1: Array, q2: Array, c: Array, s: Array) -> Array:
    a, b, theta, shape = _pairs(q1, q2, c, s)
    c, s = (np.broadcast_to(x, shape).ravel() for x in (c, s))
    out = np.empty(len(a))
    for part in _blocks(len(a), NODES):
        first, _, both = _integrals(a[part], b[part], theta[part])
        linear = b[part] * (a[part] * c[part] * first + (2 * _half(a[part] * s[part]) - c[part]) / (2 * math.sqrt(2 * math.pi)))
        out[part] = linear + both - _half(a[part]) + first
    return out.reshape(shape)


def _pairs(q1: Array, q2: Array, c: Array, s: Array) -> tuple[Array, Array, Array, tuple[int, ...]]:
    q1, q2, c, s = np.broadcast_arrays(*(np.asarray(x, float) for x in (q1, q2, c, s)))
    return np.sqrt(q1).ravel(), np.sqrt(q2).ravel(), np.arctan2(s, c).ravel(), q1.shape


def _blocks(pairs: int, nodes: int) -> list[slice]:
    size = max(1, BLOCK // (2 * nodes))
    return [slice(i, i + size) for i in range(0, pairs, size)]


def _integrals(a: Array, b: Array, theta: Array) -> tuple[Array, Array, Array]:
    """I(a), I(b) and M."""
    half = np.minimum(theta, math.pi - theta)  # I of an obtuse angle is what is missing to the whole
    whole = theta > math.pi / 2
    near_a, near_b = _single(a, half), _single(b, half)
    first, second = np.where(whole, _half(a) - near_a, near_a), np.where(whole, _half(b) - near_b, near_b)
    return first, second, _both(a, b, theta)


def _single(a: Array, theta: Array) -> Array:
    return _over(np.zeros_like(theta), theta, a, lambda angle: _q(a[:, None] * np.sin(angle)))


def _both(a: Array, b: Array, theta: Array) -> Array:
    """M, from where its exponential counts."""
    with np.errstate(over="ignore", divide="ignore"):
        ab = a * b
        start = np.arccos(np.minimum(np.cos(theta) + LEAST / ab, 1.0))

    def integrand(angle: Array) -> Array:
        above = 2 * np.sin((theta[:, None] + angle) / 2) * np.sin((theta[:, None] - angle) / 2)
        z = np.sin(angle)
        with np.errstate(over="ignore"):
            return np.asarray(np.exp(-ab[:, None] * np.maximum(above, 0.0)) * (1 - _q(a[:, None] * z) - _q(b[:, None] * z)))

    with np.errstate(over="ignore"):
        end = _half(a + b) * np.exp(-ab * 2 * np.sin(theta / 2) ** 2)
    return np.asarray(end + _over(np.minimum(start, theta), theta, np.maximum(a, b), integrand))


def _over(start: Array, stop: Array, scale: Array, f: Callable[[Array], Array]) -> Array:
    r"""Integral over :math:`d\theta' / 2\pi`, in two parts that meet at a right angle.

    Each in :math:`y = \operatorname{arsinh}(\theta' \cdot scale)`, the second of what is missing to :math:`\pi`.
    """
    right = math.pi / 2
    low = _graded(np.minimum(start, right), np.minimum(stop, right), scale, f)
    high = _graded(math.pi - np.maximum(stop, right), math.pi - np.maximum(start, right), scale, lambda t: f(math.pi - t))
    return low + high


def _graded(start: Array, stop: Array, scale: Array, f: Callable[[Array], Array]) -> Array:
    scale = np.maximum(scale, 1.0)
    low, high = np.arcsinh(start * scale), np.arcsinh(stop * scale)
    y = low[:, None] + (high - low)[:, None] * X
    return np.asarray((f(np.sinh(y) / scale[:, None]) * np.cosh(y)) @ W * (high - low) / scale / (2 * math.pi))
