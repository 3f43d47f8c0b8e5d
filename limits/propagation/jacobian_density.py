r"""The law of the squared singular values of the Jacobian through many layers.

:math:`J J^\top` is a product of matrices that are free of each other as the width grows: those of the weights, and the squared slopes
:math:`D^2`. Its S-transform is the product of theirs [pennington2018]_, so with the moment functions :math:`M(z) = \mathbb E\,x/(z - x)` of
the eigenvalues x, and :math:`M_D(\zeta) = \mathbb E\,\phi'^2/(\zeta - \phi'^2)` of the slopes, in L layers at one variance

.. math::
    M(z) = M_D(\zeta) \quad\text{where}\quad
    z = \frac{1 + M}{M} \Big[\sigma_w^2\, \zeta\, \frac{M}{1 + M}\, (1 + M)^g \Big]^L,

with g = 1 for Gaussian and 0 for orthogonal weights, and the density at x is :math:`|\operatorname{Im}\,(1 + M)/z|/\pi` at z = x. On the
negative axis all of it is real and :math:`\zeta(z)` monotone: there it is found by bisection, and followed by Newton's method on a half
circle to the positive axis.

References
----------
.. [pennington2018] Pennington, Schoenholz and Ganguli, arXiv:1802.09979.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...solvers.checks import choice, instance, integer, vector
from ...solvers.machine.memory import by_parts
from .. import activations
from ..activations import Activation
from ..gaussian.line import density, nodes, walls
from ..gaussian.plane import in_units
from .jacobian import positive_variance
from .maps import DEEPEST, EXAMPLE, MeanFieldMaps

__all__ = ["singular_value_density"]

Array = np.ndarray

LEVEL = 4  # of the nodes over a pre-activation
NEGLIGIBLE = 1e-18  # weight of a node
FARTHEST = 300.0  # log(-zeta) on the negative axis
AXIS = 1e-6  # angle to the positive axis at which the density is read
TURN = 0.85  # of the angle, which is left by a step
NEWTON, EXACT = 6, 1e-10  # iterations of a step, and the error of log z that must be reached


def singular_value_density(maps: MeanFieldMaps, depth: int, squared: Any, weights: str = "gaussian", q: float | None = None) -> Array:
    r"""Density of the eigenvalues of :math:`J J^\top`, the squared singular values, as the width grows.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    depth : int
        Number of layers L >= 1, all at the variance q.
    squared : array_like, shape (X,)
        Positive numbers x at which the density is wanted.
    weights : {"gaussian", "orthogonal"}
        Orthogonal ones are scaled by :math:`\sigma_w`.
    q : float, optional
        Variance of the pre-activations; default: the fixed point.

    Returns
    -------
    ndarray, shape (X,)
        Of total 1 less the probability of :math:`\phi' = 0` (one half of relu networks), which stays at x = 0. Within 1e-6 x of
        its edges it is smoothed.

    Raises
    ------
    ValueError
        Where an argument is out of its range, there is no fixed point at a positive variance, or the equations are not solved at some x.

    Examples
    --------
    One linear layer of Gaussian weights: the law of Marchenko and Pastur.

    >>> from infwidth.limits import propagation
    >>> linear, x = propagation.MeanFieldMaps("linear", 1.0, 0.0), np.array([0.5, 2.0, 3.9, 4.1])
    >>> propagation.singular_value_density(linear, 1, x, q=1.0).round(4), (np.sqrt((4 - x[:3]) / x[:3]) / (2 * np.pi)).round(4)
    (array([0.4211, 0.1592, 0.0255, 0.    ]), array([0.4211, 0.1592, 0.0255]))
    """
    maps = instance("maps", maps, MeanFieldMaps, EXAMPLE)
    depth = integer("depth", depth, least=1, most=DEEPEST)
    choice("weights", weights, ("gaussian", "orthogonal"))
    x = vector("squared", squared if np.iterable(squared) else [squared], least=1e-250, most=1e250)
    if maps.keep != 1 or maps.skip != 0:
        raise ValueError("maps: this law has neither dropout nor skip connections; leave them out")
    q = positive_variance(maps, q)
    slopes, weight = _law(activations.get(maps.activation), q)
    gain, gaussian = math.log(maps.weight_variance), weights == "gaussian"
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # far from the mean, and refused there
        return by_parts(lambda part: _density(part, slopes, weight, gain, depth, gaussian), x, 8 * len(slopes))


def _density(x: Array, slopes: Array, weight: Array, gain: float, L: int, g: bool) -> Array:
    def miss(s: Array, log_z: Array) -> tuple[Array, Array, Array]:
        """log(-z) - ``log_z`` at s = log(-zeta), its derivative by s, and 1 + M."""
        u = np.exp(s)
        r = 1 / (u[:, None] + slopes)
        P, R, dP = (r * slopes) @ weight, u * (r @ weight), -u * ((r * r * slopes) @ weight)  # -M, 1 + M, derivative of -M by s
        value = np.log(R / P) + L * (gain + s + np.log(P / R) + g * np.log(R)) - log_z
        return value, (L - 1) * dP / (P * R) + L - L * g * dP / R, R

    low, high, log_x = np.full(len(x), -FARTHEST), np.full(len(x), FARTHEST), np.log(x)
    for _ in range(70):
        middle = (low + high) / 2
        below = miss(middle, log_x)[0] < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    s, angle = (low + high).astype(complex) / 2, math.pi  # of -z to the negative axis
    while angle > AXIS:
        left = max(TURN * angle, AXIS)
        s = s + 1j * (angle - left) / miss(s, log_x)[1]
        angle, log_z = left, log_x + 1j * (math.pi - left)
        for _ in range(NEWTON):
            value, slope, R = miss(s, log_z)
            s = s - value / slope
            if np.abs(value).max() < EXACT:
                break
    error = np.where(np.isfinite(value), np.abs(value), math.inf)
    if not error.max() < EXACT:
        far = f"the density at {x[error.argmax()]:.6g} was not found to its accuracy"
        raise ValueError(f"squared: {far}; give numbers less far from the mean (singular_values), or lower depth")
    return np.abs((R * np.exp(-1j * (math.pi - angle))).imag) / (math.pi * x)


def _law(phi: Activation, q: float) -> tuple[Array, Array]:
    """Squared slopes of an activation at N(0, q) and their weights; equal ones are one."""
    root = np.array([math.sqrt(q)])
    cuts, parts = walls(in_units(phi.kinks, root)), []
    for level in range(LEVEL + 1):
        z, width = nodes(level, cuts)
        parts.append(np.stack([phi.derivative(root[0] * z[0]) ** 2, width[0] * density(z[0]) / 2 ** (LEVEL - level)]))
    slopes, weight = np.concatenate(parts, axis=1)
    if not slopes.any():
        raise ValueError(f"maps: {phi.name} has no slope, so every singular value is 0; take another activation")
    slopes, where = np.unique(slopes[weight > NEGLIGIBLE], return_inverse=True)
    weight = np.bincount(where, weight[weight > NEGLIGIBLE])
    return slopes, weight / weight.sum()
