r"""Two-layer mean-field limit with few parameters per neuron, as a partial differential equation on a grid.

.. math::
    f(x) = \int s(x; \theta)\,\rho(d\theta), \qquad \partial_t\rho = \nabla\cdot(\rho\,\nabla\Psi) + \tau\,\Delta\rho, \qquad
    \Psi(\theta) = \sum_i w_i\,\ell'_i\,s(x_i; \theta) + \tfrac\lambda2 |\theta|^2,

with residuals :math:`\ell'_i = \partial\ell/\partial f(x_i)`. General tools for PDEs (py-pde, FiPy) take fluxes that depend on the density
at a point; here the velocity is an integral over the whole density, and its gradient-flow structure (mass, sign, free energy) is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import choice, function, instance, real, settle, vector
from ...solvers.data import Data, needed
from ...solvers.grids.grid import Grid
from ...solvers.machine.memory import by_parts, refuse_above_available
from .. import activations
from ..activations import Activation
from .problem import DensityProblem

__all__ = ["DensityMeanField"]

Array = np.ndarray

# Name of a unit -> (number of inputs for p parameters, s(x; theta) for X (n, d), theta (cells, p)).
UNITS: dict[str, tuple[Callable[[int], int], Callable[[Any, Array, Array], Array]]] = {
    "w": (lambda p: p, lambda phi, X, theta: phi(X @ theta.T)),
    "wb": (lambda p: p - 1, lambda phi, X, theta: phi(X @ theta[:, :-1].T + theta[:, -1])),
    "aw": (lambda p: p - 1, lambda phi, X, theta: theta[:, 0] * phi(X @ theta[:, 1:].T)),
}


@dataclass(frozen=True, eq=False)
class DensityMeanField:
    r"""Mean-field limit of a two-layer network with one or two parameters per neuron, on a grid.

    Parameters
    ----------
    grid : Grid
        Cells of the parameters :math:`\theta`, p = 1 or 2 axes, large enough that no mass reaches its boundary.
    initial : callable
        Density of :math:`\theta_0`, of any norm: points (q, p) to (q,).
    activation : str or Activation
    unit : {"w", "wb", "aw"}
        :math:`\phi(w \cdot x)`, :math:`\phi(w \cdot x + b)` or :math:`a\,\phi(w \cdot x)`, parameters in that order: inputs have p, p - 1
        or p - 1 columns.
    weights : array_like, shape (n,), optional
        Weights of the samples, normalised to sum 1: with the nodes of a quadrature rule as X this is the population. Default: 1/n.
    temperature, weight_decay : float
        :math:`\tau` and :math:`\lambda` of noisy gradient descent (:class:`~infwidth.solvers.Langevin`).

    Raises
    ------
    ValueError
        Where an argument is out of its range, or the data do not fit the unit.

    Notes
    -----
    Solve it by :class:`~infwidth.solvers.TransportFlow`, or :class:`~infwidth.solvers.ImplicitTransport` with noise on fine grids.
    Snapshots of the density: ``observables={"density": infwidth.limits.densities.density}``. ``sol.error`` compares with
    grids of two and four times the width. Memory: one matrix of shape (n, cells). Time is that of gradient flow on particles of unit rate.
    Masses are float64 always, for small ones count; outputs have the precision of the data, float32 where X is float32.

    Examples
    --------
    One weight per neuron, on the population of Gaussian inputs (a Gauss-Hermite rule), learns a teacher neuron of weight 1.5:

    >>> import infwidth as iw
    >>> from infwidth.limits import DensityMeanField
    >>> from infwidth.solvers import Grid, TransportFlow
    >>> x, weights = np.polynomial.hermite_e.hermegauss(20)
    >>> start = lambda w: np.exp(-8 * (w[:, 0] - 0.5) ** 2)
    >>> model = DensityMeanField(Grid.uniform(-1, 3, 100), start, "erf", weights=weights)
    >>> teacher = model.activation.value(1.5 * x)
    >>> sol = iw.solve(model, x, teacher, TransportFlow(60.0), save_at=[0, 60])
    >>> bool(sol.loss[1] < 1e-2 * sol.loss[0]), float((sol.problem.grid.axes[0] @ sol.state).round(1))
    (True, 1.5)
    """

    grid: Grid
    initial: Callable[[Array], Array]
    activation: str | Activation = "tanh"
    unit: str = "w"
    weights: Any = None
    temperature: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        settle(self, activation=activations.get(self.activation), unit=choice("unit", self.unit, UNITS))
        instance("grid", self.grid, Grid, "Grid.uniform(-4, 4, 200)")
        function("initial", self.initial, "points (q, p) to densities (q,)")
        if UNITS[self.unit][0](self.grid.dims) < 1:
            raise ValueError(f"unit: {self.unit!r} has two parameters or more, but the grid has one axis; give Grid two")
        settle(self, **{name: real(name, getattr(self, name), least=0) for name in ("temperature", "weight_decay")})
        if self.weights is not None:
            weights = vector("weights", self.weights, least=0, each="sample")
            if not 0 < weights.sum() < np.inf:
                raise ValueError("weights: must not be all zero, and have a finite sum; divide them by their largest")
            settle(self, weights=weights / weights.sum())

    def bind(self, data: Data | None, rng: np.random.Generator) -> DensityProblem:
        """Join the model to its data. Nothing is random."""
        data = needed(data, "give X and y, for a population the nodes of a rule with its weights")
        inputs = UNITS[self.unit][0](self.grid.dims)
        if data.X.shape[1] != inputs:
            raise ValueError(f"X: unit {self.unit!r} on {self.grid.dims} axes takes {inputs} column(s), got {data.X.shape[1]}")
        if data.outputs != 1:
            raise ValueError(f"y: a density has one output, got {data.outputs} columns; use TwoLayerMeanField")
        if self.weights is not None and len(self.weights) != data.n:
            raise ValueError(f"weights: need one per sample ({data.n}), got {len(self.weights)}")
        refuse_above_available(
            "grid", f"{self.grid.cells} cells times {data.n} samples", 8.0 * data.n * self.grid.cells, "use fewer of one, or particles"
        )
        weights = np.full(data.n, 1 / data.n) if self.weights is None else self.weights
        return DensityProblem(
            self.grid,
            lambda grid: NetworkEnergy(self.activation, self.unit, data, weights, grid),  # type: ignore[arg-type]
            lambda grid: grid.masses(self.initial, "initial"),
            self.temperature,
            ridge(self.weight_decay),
            data,
        )


class NetworkEnergy:
    r"""Mean loss of :math:`f = \sum_j s(x; \theta_j)\,m_j`, and its first variation."""

    def __init__(self, activation: Activation, unit: str, data: Data, weights: Array, grid: Grid) -> None:
        self.data, self.weights, self.dtype = data, weights[:, None], data.X.dtype
        self.theta = grid.centers
        self.features = lambda X: UNITS[unit][1](activation.value, np.asarray(X, float), self.theta)
        self.matrix = self.features(data.X)

    def evaluate(self, masses: Array) -> tuple[float, Array, Array]:
        f = (self.matrix @ masses)[:, None]
        values, residual = self.data.loss.value_and_residual(f, self.data.y)
        residual = self.weights * residual
        return float(self.weights[:, 0] @ values), f.astype(self.dtype), residual[:, 0] @ self.matrix

    def predict(self, masses: Array, X: Array) -> Array:
        return by_parts(lambda part: self.features(part) @ masses[:, None], X, 3 * len(masses)).astype(self.dtype)


def ridge(weight_decay: float) -> Callable[[Array], Array] | None:
    r""":math:`\tfrac\lambda2 |\theta|^2`; None where it vanishes."""
    return (lambda points: weight_decay / 2 * (points**2).sum(axis=1)) if weight_decay else None
