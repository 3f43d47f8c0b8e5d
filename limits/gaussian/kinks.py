r"""Kinks away from 0, taken off a function, and their Hermite coefficients, which are known.

Where f, its slope and its curvature jump by :math:`J_0, J_1, J_2` at :math:`\kappa > 0`, f less
:math:`\sum_p \tfrac{J_p}{p!} (h - \kappa)_+^p` has no jump there; at :math:`\kappa < 0` the same on the other side,
:math:`-\sum_p \tfrac{J_p}{p!} (-1)^p (\kappa - h)_+^p`, so that nothing is taken off near 0. Of a piecewise polynomial of second degree
(a clipped line, a hard sigmoid or swish) what is left has no kink at all. With :math:`t = |\kappa|/\sqrt q`, by parts,

.. math::
    \mathbb E\,(z - t)_+^p\, h_k(z) = \frac{p}{\sqrt k}\, \mathbb E\,(z - t)_+^{p-1} h_{k-1}(z), \qquad
    \mathbb E\,1_{z > t}\, h_k(z) = \frac{n(t)\, h_{k-1}(t)}{\sqrt k} .

These fall like a power of k, but what they are the coefficients of has closed forms for pairs too, the truncated moments of two Gaussian
variables [rosenbaum1961]_ with Owen's T function: :func:`product`. So a function with kinks is averaged as fast as one without, near
:math:`c = 1` too.

References
----------
.. [rosenbaum1961] Rosenbaum, J. R. Stat. Soc. B 23 (1961), equations 1 to 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, owens_t

from .hermite_functions import hermite_functions
from .line import EPS, density

__all__ = ["Kink", "coefficients", "kinks_of", "product", "without"]

Array = np.ndarray
Function = Callable[[Array], Array]

STEP = 1 / 16  # of one-sided differences, at most a quarter of the way to the next kink
SMALLEST = 1e-10, 1e-5  # of those for slopes and curvatures: below, rounding is all that there is
ROUNDING = 16 * EPS
NEAREST, FARTHEST = 1e-200, 40.0  # standard deviations, as good as none, and where the density is 0


class Kink(NamedTuple):
    """Where it is, and the jumps of value, slope and curvature."""

    at: float
    jumps: tuple[float, float, float]


def kinks_of(f: Function, points: tuple[float, ...]) -> list[Kink]:
    """The kinks of f at these points: one-sided differences, exact for polynomials of second degree.

    Between points that are too near for differences f has the slope, or the curvature, that it has before them.
    """
    found: list[Kink] = []
    ends = sorted({0.0, *points})
    before: tuple[float, ...] = ()
    for i, at in enumerate(ends):
        below, above = (ends[j] if 0 <= j < len(ends) else math.inf for j in (i - 1, i + 1))
        left = _derivatives(f, at, -min(STEP, abs(at - below) / 4), before)
        right = before = _derivatives(f, at, min(STEP, abs(above - at) / 4), left)
        if at in points:
            found.append(Kink(at, (right[0] - left[0], right[1] - left[1], right[2] - left[2])))
    return found


def _derivatives(f: Function, at: float, step: float, others: tuple[float, ...]) -> tuple[float, float, float]:
    """Value, slope and curvature from the side to which ``step`` leads; those of the others where it is too small."""
    a, b, c = map(float, f(np.array([np.nextafter(at, math.copysign(math.inf, step)), at + step, at + 2 * step])))
    slope = (4 * b - 3 * a - c) / (2 * step) if abs(step) > SMALLEST[0] else others[1]
    return a, slope, (a - 2 * b + c) / step**2 if abs(step) > SMALLEST[1] else others[2]


def without(f: Function, kinks: list[Kink]) -> Function:
    """f less its kinks."""

    def smooth(h: Array) -> Array:
        out = f(h)
        for kink in kinks:
            side = math.copysign(1.0, kink.at)
            beyond = np.maximum(side * (h - kink.at), 0.0)
            j0, j1, j2 = kink.jumps
            out = out - side * (j0 * (beyond > 0) + side * j1 * beyond + j2 / 2 * beyond**2)
        return out

    return smooth


def coefficients(kinks: list[Kink], root: Array, terms: int) -> Array:
    """Hermite coefficients (M, terms) of what :func:`without` takes off, at standard deviations ``root`` (M,)."""
    total = 0.0
    for kink in kinks:
        t = _in_units(kink, root)
        h = hermite_functions(t, max(terms, 3))
        order = np.sqrt(np.arange(1, len(h)))[:, None]
        density, tail = h[0] ** 2, ndtr(-t)
        jump = _stacked(tail, h[0] * h[:-1] / order)
        line = _stacked(density - t * tail, jump[:-1] / order)
        parabola = _stacked((1 + t**2) * tail - t * density, 2 * line[:-1] / order)
        side = math.copysign(1.0, kink.at)
        j0, j1, j2 = kink.jumps
        part = side * (j0 * jump + side * j1 * root * line + j2 / 2 * root**2 * parabola)
        if side < 0:
            part[1::2] *= -1
        total = total + part.T
    return np.asarray(total)[:, :terms]


def product(kinks: list[Kink], a: Array, b: Array, c: Array, s: Array) -> tuple[Array, Array]:
    """Expectation (P,) of the product of what :func:`without` takes off at u and at v, of jumps of values and slopes alone, and its error;
    standard deviations a and b, correlations c and ``s`` = sqrt(1 - c^2) > 0."""
    total, size = np.zeros(len(c)), np.zeros(len(c))
    for one in kinks:
        for other in kinks:
            side, side_ = math.copysign(1.0, one.at), math.copysign(1.0, other.at)
            both, first, second, line = _truncated(_in_units(one, a), _in_units(other, b), side * side_ * c, s)
            jump, jump_, slope, slope_ = side * one.jumps[0], side_ * other.jumps[0], one.jumps[1] * a, other.jumps[1] * b
            total += jump * jump_ * both + slope * jump_ * first + jump * slope_ * second + slope * slope_ * line
            size += (abs(jump) + np.abs(slope)) * (abs(jump_) + np.abs(slope_))
    return total, ROUNDING * size


def _truncated(t: Array, t_: Array, c: Array, s: Array) -> tuple[Array, Array, Array, Array]:
    """Of 1, z - t, w - t' and (z - t)(w - t') on z > t, w > t'."""
    near = np.where(c > 0, s**2 / (1 + np.abs(c)), 1 - c)  # 1 - c
    x, y = (t_ - t + t * near) / s, (t - t_ + t_ * near) / s  # (t' - c t) / s, where z = t, and likewise
    both = 0.5 * (ndtr(-t) + ndtr(-t_)) - owens_t(t, x / t) - owens_t(t_, y / t_)
    at, at_ = density(t) * ndtr(-x), density(t_) * ndtr(-y)
    z, w = at + c * at_, at_ + c * at
    zw = c * (both + t * at + t_ * at_) + s * density(t) * density(x)
    return both, z - t * both, w - t_ * both, zw - t * w - t_ * z + t * t_ * both


def _in_units(kink: Kink, std: Array) -> Array:
    """Its distance from 0 in standard deviations, above 0 and not far beyond all of the density."""
    return np.clip(abs(kink.at) / np.maximum(std, NEAREST), NEAREST, FARTHEST)


def _stacked(first: Array, others: Array) -> Array:
    return np.concatenate((first[None], others))
