"""Activations by name, in the vocabulary of layers."""

from __future__ import annotations

from .. import activations
from .elementwise import Elementwise

__all__ = [
    "Abs", "Cos", "Elu", "Erf", "Gaussian", "Gelu", "Hermite", "LeakyRelu", "Monomial", "Relu", "Sigmoid", "Sign", "Silu", "Sin",
    "Softplus", "Tanh",
]  # fmt: skip


def Relu() -> Elementwise:
    return Elementwise("relu")


def LeakyRelu(slope: float = 0.01) -> Elementwise:
    """``h`` for ``h > 0``, ``slope * h`` otherwise.

    Parameters
    ----------
    slope : float
    """
    return Elementwise(activations.leaky_relu(slope))


def Abs() -> Elementwise:
    return Elementwise("abs")


def Erf() -> Elementwise:
    return Elementwise("erf")


def Gelu() -> Elementwise:
    return Elementwise("gelu")


def Sin() -> Elementwise:
    return Elementwise("sin")


def Cos() -> Elementwise:
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
    return Elementwise("tanh")


def Sigmoid() -> Elementwise:
    return Elementwise("sigmoid")


def Elu() -> Elementwise:
    return Elementwise("elu")


def Softplus() -> Elementwise:
    return Elementwise("softplus")


def Silu() -> Elementwise:
    return Elementwise("silu")
