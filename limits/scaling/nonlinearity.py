r"""What an activation does to exponents, read off the function itself.

:math:`\phi(h) = \phi(0) + \phi_o(h) + \phi_e(h)` with an odd and an even part. Small arguments see the orders at 0,
:math:`\phi_o \sim |h|^{p_o}`, :math:`\phi_e \sim |h|^{p_e}`, and the order :math:`q` in which the odd part bends away from a line; large
ones the growth at infinity; arguments of order 1 see only which of these are there. All of it is measured on the function, none is
looked up:

=============  ===============  =======  =======  =======  ====================
activation     :math:`\phi(0)`  odd      bend     even     growth (odd, even)
=============  ===============  =======  =======  =======  ====================
linear         0                1        --       --       1, --
relu           0                1        --       1        1, 1
tanh           0                1        3        --       0, --
gelu           0                1        --       2        1, 1
elu            0                1        2        2        1, 1
sigmoid        1/2              1        3        --       0, --
abs            0                --       --       1        --, 1
cos            1                --       --       2        --, 0
=============  ===============  =======  =======  =======  ====================

Multiplying a vector v by :math:`\phi'(h)` neuron by neuron is one operator for three uses: the backward pass
(:math:`g = \phi'(h)\,z`), the change of an activation (:math:`\delta x = \phi'(h)\,\delta h`), and the activation itself
(:math:`\phi_{o,e}(h) \sim h\,\phi_{o,e}'(h)`, Euler's identity). The component of :math:`\phi'(h)\, v` along a direction
is an average over independent Gaussian directions, and parity says which averages can differ from zero. With :math:`H = \max h`:

* :math:`\phi_o'` is even. Its mean keeps every direction of v, at :math:`(p_o - 1) H`. Its bend carries a direction :math:`\lambda` that
  v and h share into every direction :math:`\mu` of h, at :math:`h_\lambda + h_\mu + (q - 3) H`.
* :math:`\phi_e'` is odd, with components :math:`w_\lambda = h_\lambda + (p_e - 2) H`. It turns the constant into the directions of h, a
  direction shared with h into the constant, and any other direction k into the product ``("P", k, h)``, which a second odd factor turns
  back into k.
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
class Power:
    """A function of h as a power of its size.

    Attributes
    ----------
    order : float
        Power of its leading term at 0; infinity if it vanishes near 0.
    growth : float
        Power of its growth at infinity, 0 if it stays bounded.
    """

    order: float
    growth: float

    def coefficient(self, size: float, degree: int) -> float:
        """Exponent of the coefficient of the term of that degree, for arguments of this size."""
        if abs(size) < 1e-9:
            return 0.0
        return ((self.order if size < 0 else self.growth) - degree) * size


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
    odd, even : Power or None
        None where the function has no such part.
    bend : Power or None
        Departure of the odd part from a line; None if it is one.
    """

    name: str
    at_zero: bool
    slope_at_zero: bool
    odd: Power | None
    bend: Power | None
    even: Power | None

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
        straight = scaled(v, self.odd.coefficient(H, 1)) if self.odd else {}
        if self.bend:
            shared = max((e + h[label] for label, e in v.items() if label in h), default=NONE)
            straight = add(straight, scaled(h, shared + self.bend.coefficient(H, 3)))
        if self.even is None:
            return thinned(straight)
        return thinned(add(straight, _times_odd(v, scaled(h, self.even.coefficient(H, 2)), straight)))


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
    >>> elu = nonlinearity("elu")
    >>> elu.odd, elu.bend, elu.even
    (Power(order=1.0, growth=1.0), Power(order=2.0, growth=0.0), Power(order=2.0, growth=1.0))
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

    def bend(h: Array) -> Array:
        return _significant(odd(2 * h) - 2 * odd(h), phi(2 * h), zero)

    with np.errstate(over="ignore", invalid="ignore"):
        return Nonlinearity(activation.name, abs(zero) > 1e-12, abs(slope) > 1e-12, _power(odd), _power(bend), _power(even))


def _significant(part: Array, whole: Array, zero: float) -> Array:
    """Rounding errors are zeros."""
    noise = 64 * np.finfo(float).eps * (np.abs(whole) + abs(zero))
    return np.where(np.isfinite(whole) & (np.abs(part) <= noise), 0.0, part)


def _power(function: activations.Elementwise) -> Power | None:
    """Order at 0 and growth at infinity; None for the zero function."""
    if not np.any(function(np.linspace(0.05, 5, 100))):
        return None
    near = np.abs(function(np.array([_SMALL, 2 * _SMALL])))
    far = np.array([np.max(np.abs(function(np.linspace(r, 2 * r, 64)))) for r in (_LARGE, 2 * _LARGE)])  # maxima: sin has zeros
    order = _exponent(near) if near.all() else math.inf
    if not np.all(np.isfinite(far)):
        return Power(order, _STEEPEST)
    return Power(order, max(0.0, _exponent(far)) if far.all() else 0.0)


def _exponent(values: Array) -> float:
    """Power law from the values at an argument and at its double; an integer where it is one but for the next order and rounding."""
    p = math.log2(values[1] / values[0])
    return float(round(p)) if abs(p - round(p)) < 0.05 else round(p, 2)
