r"""The isotropic Gaussian model as a density of radii on a grid.

:math:`q_d(r_j R_k)` is computed once for all cells and nodes, so that an evaluation is two products with a matrix of shape (K, cells).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.checks import array
from ...solvers.grids.grid import Grid
from ...solvers.machine.memory import by_parts
from .directions import PiecewiseLinear
from .population import RadialPopulation

__all__ = ["RadialRisk", "input_radii", "radial_confinement", "radial_masses"]

Array = np.ndarray


class RadialRisk:
    r"""Risk :math:`\sum_k w_k (y_k - f_k)^2` of masses of radii, and its first variation
    :math:`2\sum_k w_k (f_k - y_k)\,q_d(r R_k)`."""

    def __init__(self, population: RadialPopulation, activation: PiecewiseLinear, dim: float, grid: Grid) -> None:
        self.population, self.activation, self.dim = population, activation, dim
        self.radii = grid.axes[0]
        self.means = self._means(population.radii)

    def evaluate(self, masses: Array) -> tuple[float, Array, Array]:
        f = self.means @ masses
        residual = f - self.population.labels
        pull = self.population.weights * residual
        return float(pull @ residual), f[:, None], 2 * (pull @ self.means)

    def predict(self, masses: Array, X: Array) -> Array:
        radii = input_radii(X, self.dim)
        return by_parts(lambda part: self._means(part) @ masses[:, None], radii, 8 * len(masses))

    def _means(self, radii: Array) -> Array:
        return self.activation.radial_mean(np.outer(radii, self.radii), self.dim)


def input_radii(X: Array, dim: float) -> Array:
    r""":math:`|x|` of inputs (n, d), refusing those of another dimension.

    >>> input_radii(np.array([[3.0, 4.0]]), 2)
    array([5.])
    """
    return np.linalg.norm(array("X", X, columns=None if math.isinf(dim) else int(dim)), axis=1)


def radial_confinement(dim: float, temperature: float, weight_decay: float) -> Callable[[Array], Array] | None:
    r""":math:`\tfrac\lambda2 r^2 - \tau(d-1)\log r`: ridge, and the volume of spheres that noise fills."""
    if not (temperature or weight_decay):
        return None
    return lambda points: weight_decay / 2 * points[:, 0] ** 2 - (temperature * (dim - 1) * np.log(points[:, 0]) if temperature else 0.0)


def radial_masses(law: Any) -> Callable[[Grid], Array]:
    """Exact masses of the cells under a scipy distribution; what lies beyond the grid goes to its outermost cells."""

    def masses(grid: Grid) -> Array:
        edges = grid.edges[0]
        below, above = law.cdf(edges), law.sf(edges)
        # differences of the smaller of the two tails, so that far tails keep their digits
        cells = np.where(below[1:] < 0.5, np.diff(below), -np.diff(above))
        cells[0] += below[0]
        cells[-1] += above[-1]
        if not math.isclose(cells.sum(), 1, rel_tol=1e-9):
            raise ValueError("initial: its probabilities do not sum to 1; give a continuous scipy distribution")
        return np.maximum(cells, 0) / np.maximum(cells, 0).sum()

    return masses
