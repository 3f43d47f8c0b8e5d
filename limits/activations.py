r"""Activation functions :math:`\phi`, named by a string or built here.

Every function takes an array of pre-activations of any shape and keeps its dtype. At a kink (relu, leaky relu and abs at 0) the
derivative is the one used by automatic differentiation: ``relu'(0) = 0``, ``abs'(0) = 0``; that of the jumps of sign and step (the
indicator of ``h > 0``) is 0 everywhere. ``gaussian`` is ``exp(-h**2)``.

>>> from infwidth.limits import activations
>>> activations.get("relu").value(np.array([-1.0, 2.0]))
array([0., 2.])
>>> activations.leaky_relu(0.1).derivative(np.array([-1.0, 2.0]))
array([0.1, 1. ])
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from ..solvers.checks import integer, real, returned
from . import derivatives as d
from .activation import BUILT_IN, FAMILIES, Activation, elementwise
from .gaussian import closed_forms
from .gaussian.closed_forms import ClosedForm
from .gaussian.exponential_linear import elu

__all__ = ["Activation", "custom", "get", "hermite", "leaky_relu", "monomial", "names"]

Array = np.ndarray
Elementwise = Callable[[Array], Array]


def leaky_relu(slope: float = 0.01) -> Activation:
    """``h`` for ``h > 0``, ``slope * h`` otherwise.

    Parameters
    ----------
    slope : float
        Of any sign.

    Raises
    ------
    ValueError
        Where it is no number up to 1e9 in size.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> activations.leaky_relu(0.5).value(np.array([-2.0, 2.0]))
    array([-1.,  2.])
    """
    slope = real("slope", slope, least=-1e9, most=1e9)
    return Activation(
        f"leaky_relu({slope!r})",
        lambda h: np.where(h > 0, h, h.dtype.type(slope) * h),
        lambda h: np.where(h > 0, h.dtype.type(1), h.dtype.type(slope)),
        homogeneity=1.0,
        kinks=(0.0,),
        duals=closed_forms.piecewise_linear(1.0, slope),
    )


def hermite(degree: int) -> Activation:
    r"""Normalised probabilists' Hermite polynomial :math:`He_k(h)/\sqrt{k!}`, so that its mean square under N(0, 1) is 1.

    Parameters
    ----------
    degree : int
        k, from 0 to 60.

    Raises
    ------
    ValueError
        Where it is no such integer.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> activations.hermite(2).value(np.array([0.0, 1.0])) * np.sqrt(2)
    array([-1.,  0.])
    """
    k = integer("degree", degree, least=0, most=60, way_out="normalised polynomials beyond 60 lose their digits")

    def polynomial(h: Array, order: int, scale: float) -> Array:
        previous: float | Array
        if order == 0:
            return np.full_like(h, scale)
        previous, current = scale, scale * h
        for j in range(1, order):  # He_{j+1} = h He_j - j He_{j-1}
            following = h * current
            following -= j * previous
            previous, current = current, following
        return current

    norm = 1 / math.sqrt(math.factorial(k))
    return Activation(
        f"hermite({k})",
        lambda h: polynomial(h, k, norm),
        lambda h: polynomial(h, k - 1, k * norm) if k else np.zeros_like(h),
        homogeneity=float(k) if k <= 1 else None,
        duals=closed_forms.hermite(k),
        second_derivative=lambda h: polynomial(h, k - 2, k * (k - 1) * norm) if k > 1 else np.zeros_like(h),
    )


def monomial(degree: int) -> Activation:
    r"""The power :math:`h^p`, positively p-homogeneous.

    Parameters
    ----------
    degree : int
        p, from 0 to 20.

    Raises
    ------
    ValueError
        Where it is no such integer.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> cubic = activations.monomial(3)
    >>> cubic.value(np.array([-2.0, 1.0])), cubic.homogeneity
    (array([-8.,  1.]), 3.0)
    """
    p = integer("degree", degree, least=0, most=20, way_out="larger powers of Gaussian variables leave no digits")
    return Activation(
        f"monomial({p})",
        lambda h: h**p,
        lambda h: p * h ** (p - 1) if p else np.zeros_like(h),
        homogeneity=float(p),
        duals=closed_forms.monomial(p),
        second_derivative=lambda h: p * (p - 1) * h ** (p - 2) if p > 1 else np.zeros_like(h),
    )


def custom(
    name: str,
    value: Elementwise,
    derivative: Elementwise,
    homogeneity: float | None = None,
    kinks: tuple[float, ...] = (),
    duals: ClosedForm | None = None,
    second_derivative: Elementwise | None = None,
) -> Activation:
    r"""Your own activation, checked before it is used.

    The derivatives are held against central differences of what they derive on 41 points of [-3, 3], and a stated homogeneity against
    its definition, because a wrong derivative trains quietly and badly.

    Parameters
    ----------
    name : str
        Must differ from the built-in names.
    value, derivative : callable
        Elementwise, array to array of the same shape. What they give is cast to the precision of their argument.
    homogeneity : float, optional
        ``p`` where the function is positively p-homogeneous.
    kinks : tuple of float
        Points at which it is not smooth.
    duals : ClosedForm, optional
        Its Gaussian expectations, where you know them; without them they are integrated.
    second_derivative : callable, optional
        Where the derivative has no jumps.

    Raises
    ------
    ValueError
        Where a function changes the shape, or a derivative or the homogeneity does not fit the value.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> cubic = activations.custom("cubic", lambda h: h**3, lambda h: 3 * h**2, homogeneity=3)
    >>> activations.get(cubic).name
    'cubic'
    """
    if isinstance(name, str) and name in BUILT_IN:
        raise ValueError(f"name: {name!r} is a built-in activation; choose another name")
    h = np.linspace(-3, 3, 41) + 0.0123  # off the usual kinks
    _check_derivative("derivative", derivative, "value", value, h)
    if second_derivative is not None:
        _check_derivative("second_derivative", second_derivative, "derivative", derivative, h)
        second_derivative = _Keeping(second_derivative)
    return Activation(name, _Keeping(value), _Keeping(derivative), homogeneity, kinks, duals, second_derivative)


def _check_derivative(label: str, derivative: Elementwise, what: str, function: Elementwise, h: Array) -> None:
    found = elementwise(what, function, h)
    step, near = (
        (COARSE, 1e-3) if np.asarray(found).dtype.itemsize < 8 else (STEP, 1e-5)
    )  # differences of single precision need large steps
    values = [returned(what, elementwise(what, function, at), h.shape, "41 points") for at in (h + step, h - step)]
    slope = (values[0] - values[1]) / (2 * step)
    given = returned(label, elementwise(label, derivative, h), h.shape, "41 points")
    wrong = np.abs(given - slope) > near * (1 + np.abs(slope))
    if wrong.any():
        raise ValueError(
            f"{label}: gives {given[wrong][0]:.6g} at h = {h[wrong][0]:.4g}, but finite differences of {what} give"
            f" {slope[wrong][0]:.6g}; correct it"
        )


STEP, COARSE = 1e-5, 1e-2  # of the central differences, in double and in single precision


@dataclass(frozen=True)
class _Keeping:
    """The same function in the precision of its argument, where numpy would promote it; it travels to other processes if that does."""

    given: Elementwise

    def __call__(self, h: Array) -> Array:
        return np.asarray(self.given(h), h.dtype)


BUILT_IN.update(
    {
        a.name: a
        for a in (
            Activation(
                "linear", lambda h: h, np.ones_like, 1.0, duals=closed_forms.piecewise_linear(1, 1), second_derivative=np.zeros_like
            ),
            Activation(
                "relu",
                lambda h: np.maximum(h, 0),
                lambda h: (h > 0).astype(h.dtype),
                1.0,
                kinks=(0.0,),
                duals=closed_forms.piecewise_linear(1, 0),
            ),
            Activation("abs", np.abs, np.sign, 1.0, kinks=(0.0,), duals=closed_forms.piecewise_linear(1, -1)),
            Activation("sign", np.sign, np.zeros_like, 0.0, kinks=(0.0,), duals=closed_forms.sign()),
            Activation("step", lambda h: (h > 0).astype(h.dtype), np.zeros_like, 0.0, kinks=(0.0,), duals=closed_forms.step()),
            Activation("gaussian", lambda h: np.exp(-(h**2)), d.gaussian_slope, None, (), closed_forms.gaussian(), d.gaussian_curvature),
            Activation("erf", special.erf, d.erf_slope, duals=closed_forms.erf(), second_derivative=d.erf_curvature),
            Activation("tanh", np.tanh, lambda h: 1 - np.tanh(h) ** 2, second_derivative=d.tanh_curvature),
            Activation("sigmoid", special.expit, d.sigmoid_slope, second_derivative=d.sigmoid_curvature),
            Activation("gelu", lambda h: h * special.ndtr(h), d.gelu_slope, duals=closed_forms.gelu(), second_derivative=d.gelu_curvature),
            Activation("elu", lambda h: np.where(h > 0, h, np.expm1(np.minimum(h, 0))), d.elu_slope, None, (0.0,), elu(), d.elu_curvature),
            Activation("softplus", lambda h: np.logaddexp(h, h.dtype.type(0)), special.expit, second_derivative=d.sigmoid_slope),
            Activation("silu", lambda h: h * special.expit(h), d.silu_slope, second_derivative=d.silu_curvature),
            Activation("sin", np.sin, np.cos, duals=closed_forms.sine(), second_derivative=lambda h: -np.sin(h)),
            Activation("cos", np.cos, lambda h: -np.sin(h), duals=closed_forms.cosine(), second_derivative=lambda h: -np.cos(h)),
        )
    }
)
BUILT_IN["leaky_relu"] = leaky_relu()
FAMILIES.update(leaky_relu=leaky_relu, hermite=hermite, monomial=monomial)


def names() -> list[str]:
    """Names that :func:`get` knows; ``leaky_relu(slope)``, ``hermite(degree)`` and ``monomial(degree)`` are built by their functions.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> [name for name in activations.names() if activations.get(name).homogeneity == 1]
    ['linear', 'relu', 'abs', 'leaky_relu']
    """
    return list(BUILT_IN)


def get(activation: str | Activation) -> Activation:
    """The activation of that name, or the given one.

    Parameters
    ----------
    activation : str or Activation

    Raises
    ------
    ValueError, TypeError
        Where the name is not known, or it is neither a name nor an Activation.

    Examples
    --------
    >>> from infwidth.limits import activations
    >>> tanh = activations.get("tanh")
    >>> tanh.derivative(np.array([0.0])), activations.get(tanh) is tanh
    (array([1.]), True)
    """
    if isinstance(activation, Activation):
        return activation
    if not isinstance(activation, str):
        raise TypeError(
            f"activation: need a name or an Activation, got {type(activation).__name__}; wrap your own function with"
            " activations.custom(name, value, derivative)"
        )
    if activation not in BUILT_IN:
        others = "activations.leaky_relu, .hermite, .monomial or .custom"
        raise ValueError(f"activation: {activation!r} is not one of {', '.join(names())}; build others with {others}")
    return BUILT_IN[activation]
