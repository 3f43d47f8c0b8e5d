r"""What an activation does to exponents, read off the function itself.

:math:`\phi(h) = \phi(0) + \phi_o(h) + \phi_e(h)` with an odd and an even part. Small arguments see the orders at 0,
:math:`\phi_o \sim |h|^{p_o}`, :math:`\phi_e \sim |h|^{p_e}`, and the orders :math:`q_o, q_e` of the departure from a line and from a
parabola; large ones the growth at infinity; arguments of order 1 see only which of these are there. All of it is measured on the
function, none is looked up:

=============  ===============  =======  =======  =======  =======  ==============
activation     :math:`\phi(0)`  odd      bend     even     bend     growth (o, e)
=============  ===============  =======  =======  =======  =======  ==============
linear         0                1        --       --       --       1, --
relu           0                1        --       1        1        1, 1
tanh           0                1        3        --       --       0, --
gelu           0                1        --       2        4        1, 1
elu            0                1        2        2        3        1, 1
sigmoid        1/2              1        3        --       --       0, --
abs            0                --       --       1        1        --, 1
cos            1                --       --       2        4        --, 0
=============  ===============  =======  =======  =======  =======  ==============

Multiplying a vector v by :math:`\phi'(h)` neuron by neuron is one operator for three uses: the backward pass
(:math:`g = \phi'(h)\,z`), the change of an activation (:math:`\delta x = \phi'(h)\,\delta h`), and the activation itself
(:math:`\phi_{o,e}(h) \sim h\,\phi_{o,e}'(h)`, Euler's identity). The component of :math:`\phi'(h)\, v` along a direction
is an average over independent Gaussian directions, and parity says which averages can differ from zero. With :math:`H = \max h`:

* :math:`\phi_o'` is even. Its mean keeps every direction of v, at :math:`(p_o - 1) H`. Its bend carries a direction that v and h share
  into every direction :math:`\mu` of h, at :math:`h_\lambda + h_\mu + (q_o - 3) H`.
* :math:`\phi_e'` is odd, with components :math:`w_\lambda = h_\lambda + (p_e - 2) H`. It turns the constant into the directions of h, a
  direction shared with h into the constant, and any other direction k into the product ``("P", k, h)``, which a second odd factor turns
  back into k. Where h has a mean, its bend acts like that of the odd part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .. import activations
from ..activations import Activation
from .labels import NONE, Label, Vector, add, direction, largest, scaled, thinned

__all__ = ["Nonlinearity", "nonlinearity"]

Array = np.ndarray

_SMALL = 1e-3  # where orders at 0 are measured: far above rounding up to order 4, and the next order is down by 1e-3
_LARGE = 1e3
_STEEPEST = 8.0  # exponential growth counts as this power


@dataclass(frozen=True)
class Part:
    """The odd or the even part of an activation.

    Attributes
    ----------
    order : float
        Power of its leading term at 0; infinity if it vanishes near 0.
    bend : float or None
        Power of its departure from a line (odd) or a parabola (even); None if it is one.
    growth : float
        Power of its growth at infinity, 0 if it stays bounded.
    """

    order: float
    bend: float | None
    growth: float

    def factor(self, size: float, degree: int) -> float:
        """Exponent of the coefficient of the term of that degree, for arguments of this size."""
        return self._power(self.order, size, degree)

    def curvature(self, size: float, degree: int) -> float:
        """The same for the first term beyond the line or the parabola; minus infinity if there is none."""
        return NONE if self.bend is None else self._power(self.bend, size, degree)

    def _power(self, near: float, size: float, degree: int) -> float:
        if abs(size) < 1e-9:
            return 0.0
        return ((near if size < 0 else self.growth) - degree) * size


@dataclass(frozen=True)
class Nonlinearity:
    r"""An activation as the exponents see it.

    Attributes
    ----------
    name : str
    at_zero : bool
        Whether :math:`\phi(0) \ne 0`.
    slope_at_zero : bool
        Whether :math:`\phi'(0) \ne 0`, as the activation's derivative has it at a kink.
    odd, even : Part or None
        None where the function has no such part.
    """

    name: str
    at_zero: bool
    slope_at_zero: bool
    odd: Part | None
    even: Part | None

    @property
    def linear_at_zero(self) -> bool:
        r"""Whether a small pre-activation passes as it is: :math:`\phi(0) = 0` and the odd part has a slope."""
        return not self.at_zero and self.odd is not None and self.odd.order == 1

    def value(self, h: Vector) -> Vector:
        r""":math:`\phi(h)`."""
        constant = direction("one") if self.at_zero else {}
        return thinned(add(constant, self.times_slope(h, h)))

    def times_slope(self, v: Vector, h: Vector) -> Vector:
        r""":math:`\phi'(h)\, v`, neuron by neuron."""
        H = largest(h)
        if not v or H == NONE:
            return dict(v) if self.slope_at_zero else {}
        shared = max((e + h[label] for label, e in v.items() if label in h), default=NONE)
        straight: Vector = {}
        if self.odd:
            straight = scaled(v, self.odd.factor(H, 1))
            straight = add(straight, scaled(h, shared + self.odd.curvature(H, 3)))
        if self.even is None:
            return thinned(straight)
        slope = scaled(h, self.even.factor(H, 2))
        mean = h.get("one", NONE)
        bent = scaled(h, shared + mean + self.even.curvature(H, 4))
        return thinned(add(straight, bent, _times_odd(v, slope, straight)))


def _times_odd(v: Vector, slope: Vector, straight: Vector) -> Vector:
    """v times an odd function of h with the components ``slope``."""
    if not slope:
        return {}
    main = max(slope, key=lambda label: slope[label])
    out: Vector = {}

    def put(label: Label, e: float) -> None:
        if e > out.get(label, NONE):
            out[label] = e

    for label, e in v.items():
        if label == "one":
            for other, w in slope.items():
                put(other, e + w)
            continue
        if "one" in slope:
            put(label, e + slope["one"])
        returns = label[0] == "P" and label[2] in slope
        if returns:
            put(label[1], e + slope[label[2]])  # type: ignore[arg-type,index]
        if label in slope:
            put("one", e + slope[label])
        elif not returns and e + slope[main] > straight.get(label, NONE):  # else the direction itself hides the product
            put(("P", label, main), e + slope[main])
    return out


def nonlinearity(activation: str | Activation) -> Nonlinearity:
    """Measure what the exponents need to know of an activation.

    Examples
    --------
    >>> from infwidth.limits.scaling.nonlinearity import nonlinearity
    >>> elu = nonlinearity("elu")
    >>> elu.at_zero, elu.odd, elu.even
    (False, Part(order=1.0, bend=2.0, growth=1.0), Part(order=2.0, bend=3.0, growth=1.0))
    >>> nonlinearity("tanh").even is None, nonlinearity("softplus").at_zero
    (True, True)
    """
    activation = activations.get(activation)
    phi = activation.value
    zero, slope = activation.at_zero()

    def odd(h: Array) -> Array:
        return _significant((phi(h) - phi(-h)) / 2, phi(h), zero)

    def even(h: Array) -> Array:
        return _significant((phi(h) + phi(-h)) / 2 - zero, phi(h), zero)

    with np.errstate(over="ignore", invalid="ignore"):
        return Nonlinearity(activation.name, abs(zero) > 1e-12, abs(slope) > 1e-12, _part(odd, 1, zero), _part(even, 2, zero))


def _significant(part: Array, whole: Array, zero: float) -> Array:
    """Rounding errors are zeros."""
    noise = 64 * np.finfo(float).eps * (np.abs(whole) + abs(zero))
    return np.where(np.isfinite(whole) & (np.abs(part) <= noise), 0.0, part)


def _part(function: activations.Elementwise, degree: int, zero: float) -> Part | None:
    """Orders and growth of the odd (degree 1) or even (degree 2) part; None where it is zero."""
    inner = np.linspace(0.05, 5, 100)
    if not np.any(function(inner)):
        return None

    def departure(h: Array) -> Array:
        return _significant(function(2 * h) - 2**degree * function(h), function(2 * h), zero)

    order = _order(function)
    bent = np.any(departure(inner))
    bend = (order if order != degree else _order(departure)) if bent else None
    far = [np.max(np.abs(function(np.linspace(r, 2 * r, 64)))) for r in (_LARGE, 2 * _LARGE)]  # maxima: sin has zeros
    if not np.all(np.isfinite(far)):
        return Part(order, bend, _STEEPEST)
    return Part(order, bend, max(0.0, _power(far[0], far[1])) if min(far) > 0 else 0.0)


def _order(function: activations.Elementwise) -> float:
    """Power of the leading term at 0."""
    near = np.abs(function(np.array([_SMALL, 2 * _SMALL])))
    return _power(near[0], near[1]) if near.all() else math.inf


def _power(once: float, doubled: float) -> float:
    """Power law from two values; an integer where it is one but for the next order and rounding."""
    p = math.log2(doubled / once)
    return float(round(p)) if abs(p - round(p)) < 0.05 else round(p, 2)
