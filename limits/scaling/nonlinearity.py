r"""What an activation does to exponents, read off the function itself.

:math:`\phi(h) = \phi(0) + \phi_o(h) + \phi_e(h)` with an odd and an even part. Small arguments see the orders at 0,
:math:`\phi_o \sim |h|^{p_o}`, :math:`\phi_e \sim |h|^{p_e}`; large ones the growth at infinity; arguments of order 1 see only which
parts are there. All of it is measured on the function, none is looked up:

=============  =============  =======  =======  ==============
activation     :math:`\phi(0)`  odd      even     growth (o, e)
=============  =============  =======  =======  ==============
linear         0              1        --       1, --
relu           0              1        1        1, 1
tanh           0              1        --       0, --
gelu, elu      0              1        2        1, 1
sigmoid        1/2            1        --       0, --
abs            0              --       1        --, 1
cos            1              --       2        --, 0
=============  =============  =======  =======  ==============

Multiplying a vector v by :math:`\phi'(h)` neuron by neuron is one operator for three uses: the backward pass
(:math:`g = \phi'(h)\,z`), the change of an activation (:math:`\delta x = \phi'(h)\,\delta h`), and the activation itself
(:math:`\phi_{o,e}(h) \sim h\,\phi_{o,e}'(h)`, Euler's identity). With :math:`H = \max h`:

* :math:`\phi_o'` is even and has a mean: directions stay, sizes change by :math:`(p_o - 1) H`.
* :math:`\phi_e'` is odd, with components :math:`w_\lambda = h_\lambda + (p_e - 2) H` along the directions of h. It turns the constant
  into the directions of h, a direction it shares with v into the constant, and any other direction k into the product
  ``("P", k, h)``, which a second odd factor turns back into k.
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

_SMALL = 1e-3  # where orders at 0 are measured: far above rounding up to order 4, next order down by 1e-3
_LARGE = 1e3
_STEEPEST = 8.0  # exponential growth counts as this power


@dataclass(frozen=True)
class Part:
    """The odd or the even part of an activation.

    Attributes
    ----------
    order : float
        Power of its leading term at 0; infinity if it vanishes near 0.
    growth : float
        Power of its growth at infinity, 0 if it stays bounded.
    """

    order: float
    growth: float

    def factor(self, size: float, shift: float) -> float:
        """``(p - shift) * size`` with the power p that arguments of this size see."""
        if abs(size) < 1e-9:
            return 0.0
        return ((self.order if size < 0 else self.growth) - shift) * size


@dataclass(frozen=True)
class Nonlinearity:
    """An activation as the exponents see it.

    Attributes
    ----------
    name : str
    at_zero : bool
        Whether :math:`\\phi(0) \\ne 0`.
    odd, even : Part or None
        None where the function has no such part.
    """

    name: str
    at_zero: bool
    odd: Part | None
    even: Part | None

    def value(self, h: Vector) -> Vector:
        r""":math:`\phi(h)`."""
        constant = direction("one") if self.at_zero else {}
        return thinned(add(constant, self.times_slope(h, h)))

    def times_slope(self, v: Vector, h: Vector) -> Vector:
        r""":math:`\phi'(h)\, v`, neuron by neuron."""
        H = largest(h)
        if not v or H == NONE:
            # At h = 0 exactly the slope at zero is all there is.
            return dict(v) if self.odd is not None and self.odd.order == 1 else {}
        straight = scaled(v, self.odd.factor(H, 1)) if self.odd else {}
        if self.even is None:
            return thinned(straight)
        slope = scaled(h, self.even.factor(H, 2))
        return thinned(add(straight, _times_odd(v, slope, straight)))


def _times_odd(v: Vector, slope: Vector, straight: Vector) -> Vector:
    """v times an odd function of h with the components ``slope``."""
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
        if label in slope:
            put("one", e + slope[label])
        elif isinstance(label, tuple) and label[0] == "P" and label[2] in slope:
            put(label[1], e + slope[label[2]])  # type: ignore[arg-type]
        elif e + slope[main] > straight.get(label, NONE):
            put(("P", label, main), e + slope[main])
    return out


def nonlinearity(activation: str | Activation) -> Nonlinearity:
    """Measure what the exponents need to know of an activation.

    Examples
    --------
    >>> from infwidth.limits.scaling.nonlinearity import nonlinearity
    >>> gelu = nonlinearity("gelu")
    >>> gelu.at_zero, gelu.odd, gelu.even
    (False, Part(order=1.0, growth=1.0), Part(order=2.0, growth=1.0))
    >>> nonlinearity("tanh").even is None, nonlinearity("softplus").at_zero
    (True, True)
    """
    activation = activations.get(activation)
    phi = activation.value
    zero = float(phi(np.zeros(1))[0])

    def odd(h: Array) -> Array:
        return _significant((phi(h) - phi(-h)) / 2, phi(h))

    def even(h: Array) -> Array:
        return _significant((phi(h) + phi(-h)) / 2 - zero, phi(h))

    return Nonlinearity(activation.name, abs(zero) > 1e-12, _part(odd), _part(even))


def _significant(part: Array, whole: Array) -> Array:
    """Rounding errors are zeros."""
    return np.where(np.abs(part) > 64 * np.finfo(float).eps * np.abs(whole), part, 0.0)


def _part(function: activations.Elementwise) -> Part | None:
    if not np.any(function(np.linspace(0.05, 5, 100))):
        return None
    near = np.abs(function(np.array([_SMALL, 2 * _SMALL])))
    order = math.log2(near[1] / near[0]) if near.all() else math.inf
    with np.errstate(over="ignore", invalid="ignore"):
        far = [np.max(np.abs(function(np.linspace(r, 2 * r, 64)))) for r in (_LARGE, 2 * _LARGE)]  # maxima: sin has zeros
    growth = math.log2(far[1] / far[0]) if np.all(np.isfinite(far)) and far[0] > 0 else 0.0 if np.all(np.isfinite(far)) else _STEEPEST
    return Part(round(order, 2) if math.isfinite(order) else order, max(round(growth, 2), 0.0) + 0.0)
