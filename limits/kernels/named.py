"""Activations by name, in the vocabulary of layers.

>>> from infwidth.limits.kernels import Abs, Dense, Erf, Relu, Sign, serial
>>> [float(serial(Dense(), phi).nngp([[1.0]])[0, 0].round(3)) for phi in (Relu(), Abs(), Sign(), Erf())]  # E phi(u)^2 of u in N(0, 1)
[0.5, 1.0, 1.0, 0.465]
"""

from __future__ import annotations

from .. import activations
from .elementwise import Elementwise

__all__ = [
    "Abs", "Cos", "Elu", "Erf", "Gaussian", "Gelu", "Hermite", "LeakyRelu", "Monomial", "Relu", "Sigmoid", "Sign", "Silu", "Sin",
    "Softplus", "Tanh",
]  # fmt: skip


def Relu() -> Elementwise:
    r""":math:`\max(h, 0)`."""
    return Elementwise("relu")


def LeakyRelu(slope: float = 0.01) -> Elementwise:
    """``h`` for ``h > 0``, ``slope * h`` otherwise.

    Parameters
    ----------
    slope : float
    """
    return Elementwise(activations.leaky_relu(slope))


def Abs() -> Elementwise:
    """:math:`|h|`."""
    return Elementwise("abs")


def Erf() -> Elementwise:
    r""":math:`\operatorname{erf}(h) = \frac2{\sqrt\pi}\int_0^h e^{-t^2}dt`."""
    return Elementwise("erf")


def Gelu() -> Elementwise:
    r""":math:`h\,\Phi(h)`, with the normal distribution function :math:`\Phi`."""
    return Elementwise("gelu")


def Sin() -> Elementwise:
    r""":math:`\sin h`."""
    return Elementwise("sin")


def Cos() -> Elementwise:
    r""":math:`\cos h`."""
    return Elementwise("cos")


def Gaussian() -> Elementwise:
    """:math:`e^{-h^2}`."""
    return Elementwise("gaussian")


def Sign() -> Elementwise:
    """Its derivative is taken to be 0, so that nothing below it is trained."""
    return Elementwise("sign")


def Hermite(degree: int) -> Elementwise:
    """The normalised probabilists' Hermite polynomial.

    Parameters
    ----------
    degree : int
    """
    return Elementwise(activations.hermite(degree))


def Monomial(degree: int) -> Elementwise:
    """The power :math:`h^p`.

    Parameters
    ----------
    degree : int
        p.
    """
    return Elementwise(activations.monomial(degree))


def Tanh() -> Elementwise:
    r""":math:`\tanh h`."""
    return Elementwise("tanh")


def Sigmoid() -> Elementwise:
    """:math:`1/(1 + e^{-h})`."""
    return Elementwise("sigmoid")


def Elu() -> Elementwise:
    """:math:`h` for :math:`h > 0`, :math:`e^h - 1` otherwise."""
    return Elementwise("elu")


def Softplus() -> Elementwise:
    r""":math:`\log(1 + e^h)`."""
    return Elementwise("softplus")


def Silu() -> Elementwise:
    """:math:`h/(1 + e^{-h})`, swish."""
    return Elementwise("silu")
