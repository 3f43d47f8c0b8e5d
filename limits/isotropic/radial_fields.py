r"""The convex program of the smallest risk: outputs of single radii, the best masses of some, and the certificate of a law."""

from __future__ import annotations

from typing import Any

import numpy as np

from .directions import PiecewiseLinear
from .population import RadialPopulation

__all__ = ["Fields", "polished"]

Array = np.ndarray

CANDIDATES = 1500
SAME = 1e-7  # in x
FAR = 1e-7  # from x = 1, which is the radius infinity
DEEPEST = 3  # local minima of the potential on the candidates, refined between them


class Fields:
    r"""Outputs :math:`q_d(r R_k)\sqrt{w_k}` of single radii, as functions of :math:`x = r/(1 + r) \in [0, 1]`: shape (K, len(x)).

    With their columns A and the target :math:`t_k = y_k\sqrt{w_k}` the risk of masses m is :math:`|A m - t|^2`.
    """

    def __init__(self, population: RadialPopulation, activation: PiecewiseLinear, dim: float) -> None:
        self.population, self.activation, self.dim = population, activation, dim
        self.root = np.sqrt(population.weights)
        self.target = self.root * population.labels
        self.x = np.linspace(0, 1, CANDIDATES)
        self.candidates = self(self.x)

    def __call__(self, x: Any) -> Array:
        return self.root[:, None] * self.activation.radial_mean(np.outer(self.population.radii, _radius(x)), self.dim)

    def slope(self, x: Array) -> Array:
        """Derivative of the columns in x."""
        r, R = _radius(x), self.population.radii
        return (self.root * R)[:, None] * self.activation.radial_slope(np.outer(R, r), self.dim) * (1 + r) ** 2

    def risk(self, x: Array, masses: Array) -> float:
        return float(np.sum((self(x) @ masses - self.target) ** 2))

    def best_masses(self, columns: Array) -> Array:
        r"""Masses of sum 1 with the smallest risk of given columns.

        On the simplex :math:`A m - t = (A - t 1^\top) m`. Non-negative least squares of that, and of :math:`h\,1^\top m = h`, has the
        solution m times a number, whatever h.
        """
        from scipy.optimize import nnls

        rays = columns - self.target[:, None]
        h = float(np.abs(rays).max()) or 1.0
        scaled = nnls(np.vstack((rays, np.full(columns.shape[1], h))), np.append(np.zeros(len(rays)), h))[0]
        return scaled / scaled.sum()

    def certificate(self, x: Array, masses: Array) -> tuple[float, float]:
        r"""The gap :math:`\int\Psi\,d\rho - \min\Psi` of a law, and where the minimum is."""
        from scipy.optimize import minimize_scalar

        columns = self(x)
        pull = 2 * (columns @ masses - self.target)
        on_grid = np.concatenate(([np.inf], pull @ self.candidates, [np.inf]))
        valleys = np.flatnonzero((on_grid[1:-1] <= on_grid[:-2]) & (on_grid[1:-1] <= on_grid[2:]))
        depth, where = float(on_grid.min()), float(self.x[np.argmin(on_grid[1:-1])])
        for k in valleys[np.argsort(on_grid[valleys + 1])[:DEEPEST]]:
            ends = self.x[max(k - 1, 0)], self.x[min(k + 1, CANDIDATES - 1)]
            found = minimize_scalar(lambda z: float((pull @ self(z))[0]), bounds=ends, method="bounded", options={"xatol": 1e-10})
            if found.fun < depth:
                depth, where = float(found.fun), float(found.x)
        here = pull @ columns
        if here.min() < depth:
            depth, where = float(here.min()), float(x[np.argmin(here)])
        return max(float(here @ masses) - depth, 0.0), where


def polished(fields: Fields, x: Array, masses: Array) -> tuple[Array, Array]:
    """Positions and masses moved together to the nearest minimum, in order; those without mass are left out."""
    from scipy import optimize

    minimize: Any = optimize.minimize  # its stubs know no linear constraint
    n = len(x)

    def value_and_gradient(v: Array) -> tuple[float, Array]:
        columns = fields(v[:n])
        residual = columns @ v[n:] - fields.target
        return float(residual @ residual), 2 * np.concatenate((residual @ fields.slope(v[:n]) * v[n:], residual @ columns))

    result = minimize(
        value_and_gradient,
        np.concatenate((x, masses)),
        jac=True,
        method="SLSQP",
        bounds=optimize.Bounds(np.zeros(2 * n), np.ones(2 * n)),
        constraints=optimize.LinearConstraint(np.repeat([0.0, 1.0], n)[None], 1, 1),
        tol=1e-16,
        options={"maxiter": 100},
    )
    moved = np.clip(result.x[:n], 0, 1)
    weights = fields.best_masses(fields(moved))
    if fields.risk(moved, weights) < fields.risk(x, masses):
        x, masses = moved, weights
    return _united(np.where(x > 1 - FAR, 1.0, x), masses)


def _united(x: Array, masses: Array) -> tuple[Array, Array]:
    """In order, with atoms at one place as one, and none without mass."""
    order = np.argsort(x)
    order = order[masses[order] > 1e-12]
    x, masses = x[order], masses[order]
    groups = np.split(np.arange(len(x)), np.flatnonzero(np.diff(x) > SAME) + 1)
    total = np.array([masses[g].sum() for g in groups])
    return np.array([x[g] @ masses[g] for g in groups]) / total, total


def _radius(x: Any) -> Array:
    x = np.clip(np.atleast_1d(np.asarray(x, float)), 0, 1)
    return x / np.maximum(1 - x, 1e-12)
