"""What a function between layers is, and what the theory needs to know of it.

The functions themselves are in :mod:`.activations`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..solvers.checks import asked, function, real, reals, returned, shown
from .gaussian.closed_forms import ClosedForm

__all__ = ["BUILT_IN", "FAMILIES", "Activation", "elementwise"]

Array = np.ndarray
Elementwise = Callable[[Array], Array]

BUILT_IN: dict[str, Activation] = {}  # by name: no other function may take one of them
FAMILIES: dict[str, Callable[[Any], Activation]] = {}  # those that are named by a number, as in leaky_relu(0.1)


@dataclass(frozen=True)
class Activation:
    r"""An activation function with what the theory needs to know of it.

    Attributes
    ----------
    name : str
        Two activations of the same name are taken to be the same function.
    value, derivative : callable
        :math:`\phi` and :math:`\phi'`, elementwise: array to array of the same shape and dtype.
    homogeneity : float or None
        ``p`` where :math:`\phi(\lambda h) = \lambda^p \phi(h)` for every :math:`\lambda > 0`, otherwise None.
    kinks : tuple of float
        Points at which the function is not smooth: integrals are cut there.
    duals : ClosedForm or None
        Its Gaussian expectations where they have a closed form; :mod:`infwidth.limits.gaussian` finds the others.
    second_derivative : callable or None
        :math:`\phi''`; None where it is not known, or :math:`\phi'` jumps.

    Raises
    ------
    ValueError, TypeError
        Where a function is not elementwise, gives something else than real numbers or changes the precision; where the homogeneity is not
        that of the function, or the name that of another one: solvers rely on both.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> activations.get("abs").homogeneity, activations.get("tanh").homogeneity
    (1.0, None)
    """

    name: str
    value: Elementwise = field(repr=False, compare=False)
    derivative: Elementwise = field(repr=False, compare=False)
    homogeneity: float | None = None
    kinks: tuple[float, ...] = ()
    duals: ClosedForm | None = field(default=None, repr=False, compare=False)
    second_derivative: Elementwise | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise TypeError(f"name: need a name, got {shown(self.name)}")
        h = np.linspace(-3, 3, 13) + 0.0123  # off the usual kinks
        for label in ("value", "derivative") + (("second_derivative",) if self.second_derivative is not None else ()):
            single = np.asarray(elementwise(label, getattr(self, label), h.astype(np.float32)))
            if single.dtype != np.float32:
                raise ValueError(f"{label}: must keep float32, but gave {single.dtype}; build it with activations.custom, which casts")
        if self.homogeneity is not None:
            object.__setattr__(self, "homogeneity", real("homogeneity", self.homogeneity, least=0, most=60))
            for scale in (2.0, 0.01, 1000.0):
                if not np.allclose(self.value(scale * h), scale**self.homogeneity * self.value(h), atol=1e-8 * scale**self.homogeneity):
                    raise ValueError(f"homogeneity: value({scale:g} h) is not {scale:g}**{self.homogeneity:g} * value(h); leave it out")
        object.__setattr__(self, "kinks", reals("kinks", self.kinks))
        if (own := BUILT_IN.get(self.name)) is not None and not np.array_equal(own.value(h), self.value(h)):
            raise ValueError(f"name: {self.name!r} is a built-in activation, which is another function; choose another name")

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Those of the library travel to other processes and into files by name, which their functions could not."""
        h, own = np.linspace(-3, 3, 13) + 0.0123, _named(self.name)
        if own is not None and all(np.array_equal(f(h), g(h)) for f, g in ((own.value, self.value), (own.derivative, self.derivative))):
            return _named, (self.name,)
        return super().__reduce_ex__(protocol)

    def at_zero(self) -> tuple[float, float]:
        """Value and slope at 0, which decide how a small pre-activation passes."""
        zero = np.zeros(1)
        return float(self.value(zero)[0]), float(self.derivative(zero)[0])


def _named(name: str) -> Activation | None:
    """That of the library."""
    from . import activations  # noqa: F401  which fills the tables

    family, _, number = name.removesuffix(")").partition("(")
    try:
        return FAMILIES[family](float(number)) if family in FAMILIES and number else BUILT_IN.get(name)
    except ValueError:
        return None


def elementwise(label: str, function_: Any, h: Array) -> Array:
    """What one of the functions gives at h: real numbers, one for each."""
    given = h.copy()
    found = asked(
        label, function(label, function_, "arrays to arrays of one shape"), given, signature="an array to one of the same shape and dtype"
    )
    if not np.array_equal(given, h):
        raise ValueError(f"{label}: changes the array that it is given; return a new one")
    returned(label, found, h.shape, f"{len(h)} points of [-3, 3], elementwise")
    return found
