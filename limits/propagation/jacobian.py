r"""Singular values of the Jacobian between layers.

:math:`J = \prod_l D_l W_l` with :math:`D_l = \operatorname{diag}\phi'(h^l)` multiplies perturbations, and its transpose gradients. At the
fixed point of the variance the eigenvalues of :math:`J J^\top` have, as the width grows, the mean and variance [pennington2017]_
[pennington2018]_

.. math::
    m = \chi_1^L, \qquad v = \chi_1^{2L}\, L \left(\frac{\mu_2}{\mu_1^2} - 1 - s_1\right), \qquad \mu_k = \mathbb E\,\phi'^{2k},

with :math:`s_1 = -1` for Gaussian and 0 for orthogonal weights. The relative variance grows like the depth for every Gaussian network, even
a critical one; with orthogonal weights it can be kept finite (dynamical isometry) where :math:`\mu_2/\mu_1^2 \to 1`: for activations that
are nearly linear at :math:`q^* \to 0`, and never for relu, whose :math:`\mu_2/\mu_1^2` is 2 at every variance.

References
----------
.. [pennington2017] Pennington, Schoenholz and Ganguli, arXiv:1711.04735, sections 2.4 and 2.5: products by their S-transforms
   (equation 11), and the moments for Gaussian and orthogonal weights.
.. [pennington2018] Pennington, Schoenholz and Ganguli, arXiv:1802.09979.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ...solvers.checks import choice, instance, integer, real
from .. import activations, gaussian
from .maps import DEEPEST, EXAMPLE, TOLERANCE, MeanFieldMaps

__all__ = ["SingularValues", "singular_values"]


LARGEST = 350.0  # logarithm of a mean, whose square is finite


class SingularValues(NamedTuple):
    r"""Squared singular values of the Jacobian through some layers.

    Attributes
    ----------
    mean, variance : float
        Of the eigenvalues of :math:`J J^\top`. The mean is also the mean square sensitivity :math:`\|J\|_F^2/m` of the outputs.
    spread : float
        variance / mean².
    """

    mean: float
    variance: float
    spread: float


def singular_values(maps: MeanFieldMaps, depth: int, weights: str = "gaussian", q: float | None = None) -> SingularValues:
    r"""Mean and variance of the squared singular values.

    Parameters
    ----------
    maps : MeanFieldMaps
        Without dropout and skip connections.
    depth : int
        Number of layers L >= 1.
    weights : {"gaussian", "orthogonal"}
        Orthogonal ones are scaled by :math:`\sigma_w`.
    q : float, optional
        Variance of the pre-activations; default: the fixed point.

    Raises
    ------
    ValueError
        Where an argument is out of its range, there is no fixed point at a positive variance, the activation has no slope, or the mean
        grows beyond numbers.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> critical = propagation.MeanFieldMaps("relu", 2.0, 0.0)
    >>> propagation.singular_values(critical, 10, q=1.0).spread, propagation.singular_values(critical, 10, "orthogonal", q=1.0).spread
    (20.0, 10.0)
    """
    maps = instance("maps", maps, MeanFieldMaps, EXAMPLE)
    depth = integer("depth", depth, least=1, most=DEEPEST)
    choice("weights", weights, ("gaussian", "orthogonal"))
    if maps.keep != 1 or maps.skip != 0:
        raise ValueError("maps: these moments have neither dropout nor skip connections; leave them out")
    q = positive_variance(maps, q)
    phi = activations.get(maps.activation)
    mu_1 = float(gaussian.moments(phi, q, TOLERANCE).slope_square)
    mu_2 = float(gaussian.expectation(lambda h: phi.derivative(h) ** 4, q, kinks=phi.kinks, tolerance=TOLERANCE).value)
    if mu_1 == 0:
        raise ValueError(f"maps: {phi.name} has no slope, so every singular value is 0; take another activation")
    log_mean = depth * math.log(maps.weight_variance * mu_1)
    if log_mean > LARGEST:
        size = f"1e{log_mean / math.log(10):.0f}"
        raise ValueError(f"depth: the mean over {depth} layers is about {size}, beyond numbers; lower it, or the weight variance")
    mean = math.exp(log_mean)
    spread = depth * (mu_2 / mu_1**2 - 1 + (weights == "gaussian"))
    return SingularValues(mean, mean**2 * spread, spread)


def positive_variance(maps: MeanFieldMaps, q: float | None) -> float:
    """q, or the fixed point where none is given; ValueError where that is 0 or infinite."""
    if q is not None:
        return real("q", q, above=0)
    q = maps.fixed_point().q
    if not 0 < q < math.inf:
        raise ValueError(f"q: the fixed point of the variance is {q:g}; give a positive variance")
    return q
