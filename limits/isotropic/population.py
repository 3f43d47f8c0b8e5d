r"""The population of the isotropic Gaussian model, as few weighted radii.

Labels :math:`y = \pm1` are equiprobable and :math:`x \mid y \sim N(0, (1 + y\Delta)^2 I_d)`. A law of weights that is isotropic sees x only
through :math:`R = |x| = (1 + y\Delta)\,\chi_d`, so expectations over the population are one-dimensional integrals, done by the
Gauss-Legendre rule against the density of :math:`\chi_d`. At :math:`d = \infty`, where s of
:mod:`.directions` is a standard deviation, R is the constant :math:`1 + y\Delta`: two nodes, no error.

The rule is checked where the answer is known: averaging over R undoes the averaging over directions,
:math:`\mathbb E_\chi\, q_d(r \tau \chi_d) = q_\infty(r \tau)`, and likewise for the derivative in r.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .directions import PiecewiseLinear

__all__ = ["RadialPopulation", "radial_population"]

Array = np.ndarray

TOLERANCE = 1e-9
MOST_NODES = 256


class RadialPopulation(NamedTuple):
    """Radii with labels and weights.

    Attributes
    ----------
    radii, labels, weights : ndarray, shape (K,)
    error : float
        Largest error of the rule over weights of radius 0 to 10, for the mean of the activation and for its slope.
    """

    radii: Array
    labels: Array
    weights: Array
    error: float


@lru_cache(maxsize=32)
def radial_population(dim: float, delta: float, activation: PiecewiseLinear) -> RadialPopulation:
    """Nodes are doubled from 16 per class until the error is below 1e-9, or there are 256.

    Examples
    --------
    >>> from infwidth.limits.isotropic import MEI_MONOTONE
    >>> population = radial_population(40, 0.8, MEI_MONOTONE)
    >>> len(population.radii), population.error < 1e-9
    (64, True)
    """
    nodes = 1 if math.isinf(dim) else 16
    while True:
        population = _rule(dim, delta, activation, nodes)
        if math.isinf(dim) or population.error < TOLERANCE or nodes >= MOST_NODES:
            return population
        nodes *= 2


def _rule(dim: float, delta: float, activation: PiecewiseLinear, nodes: int) -> RadialPopulation:
    if math.isinf(dim):
        chi, weights = np.ones(1), np.ones(1)
    else:
        from scipy import stats

        law = stats.chi(dim)
        low, high = (0.0 if dim < 8 else float(law.ppf(1e-17))), float(law.isf(1e-17))
        z, weights = np.polynomial.legendre.leggauss(nodes)
        chi = low + (high - low) * (z + 1) / 2
        weights = weights * law.pdf(chi)
        weights /= weights.sum()
    radii = np.concatenate(((1 + delta) * chi, (1 - delta) * chi))
    labels = np.repeat([1.0, -1.0], len(chi))
    return RadialPopulation(radii, labels, np.tile(weights, 2) / 2, _error(chi, weights, dim, delta, activation))


def _error(chi: Array, weights: Array, dim: float, delta: float, activation: PiecewiseLinear) -> float:
    r = np.linspace(0, 10, 201)
    worst = 0.0
    for scale in (1 + delta, 1 - delta):
        s = scale * np.outer(r, chi)
        mean = activation.radial_mean(s, dim) @ weights - activation.radial_mean(scale * r, math.inf)
        slope = activation.radial_slope(s, dim) @ (weights * chi) - activation.radial_slope(scale * r, math.inf)
        worst = max(worst, float(np.abs(mean).max()), float(scale * np.abs(slope).max()))
    return worst
