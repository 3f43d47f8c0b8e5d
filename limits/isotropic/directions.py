r"""Average of an activation over directions: :math:`q_d(s) = \mathbb E\,\sigma(s\, n_1)`, in closed form.

For :math:`n` uniform on the unit sphere of :math:`\mathbb R^d` and one ramp :math:`\sigma(h) = (h - t)_+`, with :math:`c = t/s`,

.. math::
    q_d(s) = s\,M_d(c) - t\,P_d(c), \qquad q_d'(s) = M_d(c),

.. math::
    M_d(c) = \mathbb E[n_1; n_1 > c] = \frac{\Gamma(d/2)}{2\sqrt\pi\,\Gamma((d+1)/2)} (1 - c^2)^{(d-1)/2}, \qquad
    P_d(c) = \Pr(n_1 > c) = \tfrac12 \left[1 - I_{c^2}\!\left(\tfrac12, \tfrac{d-1}2\right)\right] \quad (c \ge 0),

with the regularised incomplete beta function I. At :math:`d = \infty` the direction is replaced by a standard Gaussian and s is its
standard deviation: M is the Gaussian density and P its upper tail. A piecewise linear activation is a sum of ramps, so no quadrature
is needed at any dimension, and the derivative is elementary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from ...solvers.checks import integer, numbers, reals, settle

__all__ = ["MEI_MONOTONE", "MEI_NON_MONOTONE", "PiecewiseLinear"]

Array = np.ndarray

LARGEST = 1e9  # slope or value


@dataclass(frozen=True)
class PiecewiseLinear:
    r"""Continuous, piecewise linear activation, constant outside its knots.

    Parameters
    ----------
    knots, values : tuple of float
        :math:`\sigma(t_j) = v_j` at increasing knots, linear between, constant outside.

    Raises
    ------
    ValueError
        Where there are fewer than two knots, they do not increase, or the lengths differ.

    Examples
    --------
    At radius 0 only the value at 0 counts; far out half of the directions see each end:

    >>> from infwidth.limits import PiecewiseLinear
    >>> ramp = PiecewiseLinear((0.5, 1.5), (-2.5, 7.5))
    >>> ramp.radial_mean(np.array([0.0, 1e9]), dim=40).round(3)
    array([-2.5,  2.5])
    """

    knots: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        settle(self, knots=reals("knots", self.knots, least_length=2))
        settle(self, values=reals("values", self.values, length=len(self.knots), each="knot"))
        if np.any(np.diff(self.knots) <= 0):
            raise ValueError(f"knots: need increasing numbers, got {self.knots}")
        size = np.abs(self.knots + self.values).max()
        if size > LARGEST or np.abs(self.ramps).max() > LARGEST or np.diff(self.knots).min() < 1e-9 * size:
            raise ValueError(
                f"knots: sums of ramps lose their digits where knots are close or values large: {self.knots} -> {self.values}; rescale"
            )

    @property
    def ramps(self) -> Array:
        """Coefficients of the ramps that start at the knots; they sum to 0."""
        slopes = np.diff(self.values) / np.diff(self.knots)
        return np.diff(slopes, prepend=0.0, append=0.0)

    def value(self, h: Array) -> Array:
        r""":math:`\sigma(h)`, elementwise; TypeError where h is no array of numbers."""
        h = numbers("h", h)
        out = np.full(h.shape, self.values[0])
        for left, right, slope in self._pieces():
            out += slope * (np.clip(h, left, right) - left)  # several times faster than interpolation
        return out

    def derivative(self, h: Array) -> Array:
        r""":math:`\sigma'(h)`, elementwise; at a knot the slope to its right. TypeError where h is no array of numbers."""
        h = numbers("h", h)
        out = np.zeros(h.shape)
        for left, right, slope in self._pieces():
            out += slope * ((h >= left) & (h < right))
        return out

    def _pieces(self) -> Iterator[tuple[float, float, float]]:
        """Ends and slope of each linear piece."""
        return zip(self.knots, self.knots[1:], np.diff(self.values) / np.diff(self.knots), strict=False)

    def radial_mean(self, s: Array, dim: float) -> Array:
        r""":math:`q_d(s)` at :math:`s \ge 0`, elementwise; ``dim`` is a positive integer or ``inf``."""
        s, dim = _radii(s), _dimension(dim)
        q = np.full(s.shape, self.values[0])
        for t, ramp in zip(self.knots, self.ramps, strict=True):
            first, tail = _partial_moments(t, s, dim)
            q += ramp * (np.where(np.isinf(s), 0.0, s) * first - t * tail)  # at infinity first is 0
        return q

    def radial_slope(self, s: Array, dim: float) -> Array:
        r""":math:`q_d'(s)` at :math:`s \ge 0` in dimension ``dim``, elementwise."""
        s, dim = _radii(s), _dimension(dim)
        slope = np.zeros(s.shape)
        for t, ramp in zip(self.knots, self.ramps, strict=True):
            slope += ramp * _partial_moments(t, s, dim)[0]
        return slope


def _radii(s: Any) -> Array:
    s = numbers("s", s).astype(float, copy=False)
    if (s < 0).any():
        raise ValueError(f"s: need numbers >= 0, got {s.min():g}; a radius is not negative")
    return s


def _dimension(dim: Any) -> float:
    return math.inf if isinstance(dim, float) and dim == math.inf else integer("dim", dim, least=1, way_out="or math.inf")


# After Mei, Montanari and Nguyen, arXiv:1804.06561, centered isotropic Gaussians. The knots of the second are quoted from memory and not
# compared with the text of the paper; that it fails from a short start and succeeds from a longer one is seen with them.
MEI_MONOTONE = PiecewiseLinear((0.5, 1.5), (-2.5, 7.5))
MEI_NON_MONOTONE = PiecewiseLinear((0.0, 0.5, 1.5), (-2.5, -4.0, 7.5))


def _partial_moments(t: float, s: Array, dim: float) -> tuple[Array, Array]:
    """:math:`E[n_1; s n_1 > t] - E[n_1; n_1 > 0]` and :math:`Pr(s n_1 > t)`.

    The ramps sum to 0, so the constant drops out of their sum; without it the first is exact at large s too, where it is multiplied by s.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        c = np.where(s > 0, t / s, math.inf if t >= 0 else -math.inf)
    with np.errstate(over="ignore"):
        square = c * c
    if math.isinf(dim):
        return np.expm1(-square / 2) / math.sqrt(2 * math.pi), special.ndtr(-c)
    square = np.minimum(square, 1)
    norm = math.exp(math.lgamma(dim / 2) - math.lgamma((dim + 1) / 2)) / (2 * math.sqrt(math.pi))
    if dim == 1:
        first, tail = np.where(np.abs(c) < 1, 0.0, -norm), np.where(np.abs(c) < 1, 0.5, 0.0)
    else:
        with np.errstate(divide="ignore"):
            first = norm * np.expm1((dim - 1) / 2 * np.log1p(-square))
        tail = 0.5 - special.betainc(0.5, (dim - 1) / 2, square) / 2
    return first, np.where(c < 0, 1 - tail, tail)
