r"""A law of parameters on a grid, moved by the gradient of an energy.

.. math::
    \partial_t\rho = \nabla\cdot(\rho\,\nabla\Psi[\rho]) + \tau\,\Delta\rho, \qquad \Psi = \frac{\delta E}{\delta\rho} + C,

the Wasserstein gradient flow of the free energy :math:`F = E[\rho] + \int C\,d\rho + \tau\int\rho\log\rho`. The state is the mass of each
cell. What E is, an object says that maps masses to :math:`(E, \text{outputs}, \delta E/\delta\rho)`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np

from ...solvers.abilities import ImplicitSteps, WithRemark
from ...solvers.checks import observed
from ...solvers.data import Data
from ...solvers.grids.finite_volumes import transport
from ...solvers.grids.grid import Grid
from ...solvers.grids.implicit_fluxes import implicit_step
from ...solvers.problem import MethodFailed, Problem
from .mass_problem import MassProblem

__all__ = ["DensityProblem", "Energy", "density", "free_energy"]

Array = np.ndarray

AT_THE_EDGE = 1e-3  # of the largest density, that is worth a remark


class Energy(Protocol):
    """The interaction of masses on one grid."""

    def evaluate(self, masses: Array) -> tuple[float, Array, Array]:
        """Loss, outputs (n, k) and first variation (cells,)."""

    def predict(self, masses: Array, X: Array) -> Array:
        """Outputs (n', k) at inputs (n', d)."""


@runtime_checkable
class OnCells(Problem, Protocol):
    """A problem whose state is the masses of cells."""

    def density(self, state: Array) -> Array:
        """Mass per unit of volume."""
        ...


class DensityProblem(MassProblem, ImplicitSteps, WithRemark):
    """Problem whose state is the mass of each cell, shape (cells,).

    Parameters
    ----------
    grid : Grid
    energy : callable
        ``Grid -> Energy``.
    initial : callable
        ``Grid -> masses``.
    temperature : float
    confinement : callable or None
        Points (p, dims) to the potential C (p,); it moves the density and does not count as loss.
    data : Data or None

    Notes
    -----
    Momentum and noise added to masses would make some of them negative: methods that do so refuse a problem whose coordinates are masses.
    A gradient step may make them negative too, when it is longer than :meth:`max_step`: the run then ends, naming that length.
    ``GradientFlow`` keeps the total, but small masses may fall below zero by less than its tolerances.
    """

    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "noise": "set the model's temperature and use TransportFlow or ImplicitTransport",
            "momentum": "use TransportFlow or ImplicitTransport, or particles (TwoLayerMeanField), which take momentum",
        }
    )

    flow = "TransportFlow"
    instead_of_batches = "use TransportFlow, or particles"

    def __init__(
        self,
        grid: Grid,
        energy: Callable[[Grid], Energy],
        initial: Callable[[Grid], Array],
        temperature: float = 0.0,
        confinement: Callable[[Array], Array] | None = None,
        data: Data | None = None,
    ) -> None:
        super().__init__(initial(grid), data)
        self.grid, self.temperature = grid, temperature
        self._make = (energy, initial, temperature, confinement, data)
        self.energy = energy(grid)
        self._confinement = None if confinement is None else np.asarray(confinement(grid.centers), float)

    def coarser(self) -> DensityProblem:
        """The same problem on a grid of twice the width."""
        if any(len(axis) < 4 for axis in self.grid.edges):
            raise MethodFailed("there is no coarser grid; give every axis three cells or more, or estimate_error=False")
        return DensityProblem(self.grid.coarser(), *self._make)

    def _energy_of(self, state: Array) -> tuple[float, Array, Array]:
        loss, outputs, psi = self.energy.evaluate(state)
        return loss, outputs, psi if self._confinement is None else psi + self._confinement

    def _motion(self, state: Array, potential: Array) -> tuple[Array, float]:
        return transport(state, potential, self.grid, self.temperature)

    def max_step(self, state: Array) -> float:
        """Largest stable explicit step (CFL)."""
        return self.motion(state)[1]

    def implicit_step(self, state: Array, h: float) -> Array:
        """A backward Euler step in the potential of ``state``."""
        return implicit_step(state, self.potential(state)[1], self.grid, self.temperature, h)

    def predict(self, state: Array, X: Array) -> Array:
        return self.energy.predict(state, X)

    def remark(self, state: Array) -> str:
        """Says where mass leans on the edge of the grid: no finer grid, and so no ``sol.error``, sees what it holds back."""
        density = self.density(state)
        edges = [np.take(density, side, axis=axis).max() for axis in range(density.ndim) for side in (0, -1)]
        share = float(max(edges) / max(density.max(), np.finfo(float).tiny))
        if share < AT_THE_EDGE:
            return ""
        return (
            f"at the edge of the grid the density is {share:.2g} of its largest value: mass is held back there, which sol.error does not"
            " see; widen the grid, unless its edges are walls of the problem"
        )

    def density(self, state: Array) -> Array:
        """Density of each cell, in the shape of the grid."""
        return (state / self.grid.volumes).reshape(self.grid.shape)

    def free_energy(self, state: Array) -> float:
        r""":math:`E + \int C\,d\rho + \tau\int\rho\log\rho`, which no exact flow lets rise."""
        energy = self.potential(state)[0].loss
        if self._confinement is not None:
            energy += float(self._confinement @ state)
        if self.temperature:
            occupied = state > 0
            energy += self.temperature * float(state[occupied] @ np.log(state[occupied] / self.grid.volumes[occupied]))
        return energy

    def energy_scale(self, state: Array) -> float:
        """Sum of the moduli of the terms of the free energy: its rounding is some units of the last place of that."""
        (loss, _), psi = self.potential(state)
        scale = 1 + abs(loss) + float(np.abs(psi) @ state)
        if self._confinement is not None:
            scale += float(np.abs(self._confinement) @ state)
        if self.temperature:
            occupied = state > 0
            scale += self.temperature * float(state[occupied] @ np.abs(np.log(state[occupied] / self.grid.volumes[occupied])))
        return scale


def density(t: float, state: Array, problem: DensityProblem) -> Array:
    """Observable: snapshots of the density, ``solve(..., observables={"density": density})``.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (cells,), or (2 * cells,) on a circle
    problem : DensityProblem or CircleProblem

    Returns
    -------
    ndarray
        Mass per unit of volume, in the shape of the grid; (2, cells) on a circle.

    Examples
    --------
    Half of the unit mass on half of the axis, at the start:

    >>> import infwidth as iw
    >>> from infwidth.limits.densities import density
    >>> model = iw.InteractionMeanField(iw.Grid.uniform(-2, 2, 4), lambda x: np.ones(len(x)), lambda x: (x**2).sum(axis=1))
    >>> sol = iw.solve(model, method=iw.TransportFlow(1.0), save_at=[0, 1], observables={"density": density})
    >>> sol.observables["density"][0]
    array([0.25, 0.25, 0.25, 0.25])
    """
    state = observed(state, problem, OnCells, "DensityMeanField(...)")
    return problem.density(state)


def free_energy(t: float, state: Array, problem: DensityProblem) -> float:
    r"""Observable: the free energy :math:`E + \int C\,d\rho + \tau\int\rho\log\rho`, which no exact flow lets rise.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (cells,)
    problem : DensityProblem

    Returns
    -------
    float

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits.densities import free_energy
    >>> grid = iw.Grid.uniform(-2, 2, 40)
    >>> model = iw.InteractionMeanField(grid, lambda x: np.ones(len(x)), lambda x: (x**2).sum(axis=1) / 2, temperature=0.1)
    >>> sol = iw.solve(model, method=iw.TransportFlow(5.0), save_at=[0, 1, 5], observables={"energy": free_energy})
    >>> bool(np.all(np.diff(sol.observables["energy"]) < 0))
    True
    """
    state = observed(state, problem, DensityProblem, "DensityMeanField(...)")
    return problem.free_energy(state)
