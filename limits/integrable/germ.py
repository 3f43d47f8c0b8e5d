r"""What an activation does to a vanishing pre-activation.

Near 0 every activation with :math:`\phi(0) = 0` and one-sided slopes is :math:`h \mapsto \phi'(0^+)\,h` for :math:`h > 0` and
:math:`\phi'(0^-)\,h` for :math:`h < 0`: the whole function for relu, a line for tanh, elu, gelu and erf.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..activations import Activation

__all__ = ["Germ"]

Array = np.ndarray

NEAR = 1e-8


class Germ(NamedTuple):
    """The two slopes of an activation at 0.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> Germ.of(activations.get("relu")), Germ.of(activations.get("gelu")).linear
    (Germ(up=1.0, down=0.0), True)
    """

    up: float
    down: float

    @classmethod
    def of(cls, activation: Activation) -> Germ:
        """Measured on the derivative; equal slopes where they differ by no more than the curvature makes them."""
        up, down = activation.derivative(np.array([NEAR, -NEAR])).tolist()
        if abs(up - down) < 1e-6:
            middle = activation.at_zero()[1]
            return cls(middle, middle)
        return cls(up, down)

    @property
    def linear(self) -> bool:
        """Whether there is no kink at 0."""
        return self.up == self.down

    def value(self, h: Array) -> Array:
        return np.where(h > 0, self.up * h, self.down * h)

    def slope(self, h: Array) -> Array:
        """Of vanishing pre-activations of these signs; at 0 itself that of ``h < 0``, as automatic differentiation has it for relu."""
        return np.where(h > 0, self.up, self.down)
