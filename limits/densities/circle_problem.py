r"""Two measures on the circle that move, grow and decay by the gradient of an energy of their difference.

.. math::
    \partial_t\nu_s = \partial_\varphi(s V'\,\nu_s) - 2 s V\,\nu_s, \qquad s = \pm 1, \qquad V = \frac{\delta E}{\delta(\nu_+ - \nu_-)},

the Wasserstein-Fisher-Rao gradient flow of :math:`E[\nu_+ - \nu_-]` [chizat2019]_, which falls at the rate
:math:`\sum_s \int (V'^2 + 2 V^2)\,d\nu_s`. The state is the mass of each cell, those of :math:`\nu_+` first. Transport is the upwind flux
of :mod:`.finite_volumes` across the faces of the closed ring, so that mass changes by growth alone. No rate of an empty
cell is negative, so the flow keeps masses non-negative.

References
----------
.. [chizat2019] Chizat, arXiv:1907.10300 (for non-negative measures;
   a sign is one more point of the space they live on).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import ClassVar, Protocol

import numpy as np

from ...solvers.abilities import Refinable
from ...solvers.checks import observed
from ...solvers.data import Data
from ...solvers.grids.finite_volumes import transport
from ...solvers.grids.grid import Grid
from .mass_problem import MassProblem
from .problem import Energy

__all__ = ["CircleEnergy", "CircleProblem", "dissipation"]

Array = np.ndarray

SIGNS = np.array([[1.0], [-1.0]])
REACH = 2  # cells beyond a face that its flux looks at


class CircleEnergy(Energy, Protocol):
    """A function of the signed masses at given angles, with outputs (n, 1)."""


class CircleProblem(MassProblem, Refinable):
    """Problem whose state is the mass of each cell for both signs, shape (2 * cells,).

    Parameters
    ----------
    cells : int
        A multiple of 4, for two :meth:`coarser` ones.
    energy : callable
        Angles (cells,) to a :class:`CircleEnergy`.
    initial : callable
        Grid to masses, shape (2, cells).
    data : Data or None

    Notes
    -----
    There is no ``max_step``, by which ``TransportFlow`` knows its problems: between two of its steps that method keeps the total mass.
    """

    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType(
        {
            "noise": "use particles (TwoLayerMeanField), which take noise",
            "momentum": "use GradientFlow, or particles (TwoLayerMeanField), which take momentum",
        }
    )

    flow = "GradientFlow"
    instead_of_batches = "leave batch_size out, or use TwoLayerMeanField"

    def __init__(
        self, cells: int, energy: Callable[[Array], CircleEnergy], initial: Callable[[Grid], Array], data: Data | None = None
    ) -> None:
        self.grid = Grid.uniform(-np.pi, np.pi, cells)
        super().__init__(initial(self.grid), data)
        self._make = (energy, initial, data)
        self._width = 2 * np.pi / cells
        # The circle cut open, with copies of some cells at both ends: a flux that crosses the cut sees what it would on the ring.
        ghosts = REACH * self._width
        self._ring = Grid.uniform(-np.pi - ghosts, np.pi + ghosts, cells + 2 * REACH)
        self.energy = energy(self.angles)

    @property
    def angles(self) -> Array:
        """Centres of the cells, from -pi to pi, shape (cells,)."""
        return self.grid.axes[0]

    def coarser(self) -> CircleProblem:
        """The same problem on half as many cells."""
        return CircleProblem(self.grid.cells // 2, *self._make)

    def measures(self, state: Array) -> Array:
        """View of a state: masses of the two signs, shape (2, cells)."""
        return state.reshape(2, -1)

    def density(self, state: Array) -> Array:
        """Mass per radian of the two signs, shape (2, cells)."""
        return self.measures(state) / self._width

    def _energy_of(self, state: Array) -> tuple[float, Array, Array]:
        positive, negative = self.measures(state)
        return self.energy.evaluate(positive - negative)

    def _motion(self, state: Array, potential: Array) -> tuple[Array, float]:
        moved, step = self._transport(state, potential)
        growth = 2 * SIGNS * potential * self.measures(state)
        return (moved - growth).ravel(), 1 / (1 / step + 2 * float(np.abs(potential).max()) + 1e-300)

    def stable_rate(self, state: Array) -> float:
        """Largest learning rate with which a step of gradient descent keeps every mass non-negative (CFL)."""
        return self.motion(state)[1]

    def dissipation(self, state: Array) -> float:
        r""":math:`\sum_s\int(V'^2 + 2V^2)\,d\nu_s`."""
        _, V = self.potential(state)
        slope = (np.roll(V, -1) - np.roll(V, 1)) / (2 * self._width)
        return float((slope**2 + 2 * V**2) @ self.measures(state).sum(axis=0))

    def predict(self, state: Array, X: Array) -> Array:
        positive, negative = self.measures(state)
        return self.energy.predict(positive - negative, X)

    def _transport(self, state: Array, V: Array) -> tuple[Array, float]:
        """Rate of change by transport, shape (2, cells), and its largest stable step."""
        masses = np.pad(self.measures(state), ((0, 0), (REACH, REACH)), mode="wrap")
        potential = np.pad(V, REACH, mode="wrap")
        (up, up_step), (down, down_step) = (transport(m, s * potential, self._ring) for m, s in zip(masses, (1, -1), strict=True))
        return np.stack((up, down))[:, REACH:-REACH], min(up_step, down_step)


def dissipation(t: float, state: Array, problem: CircleProblem) -> float:
    r"""Observable: :math:`-d\,\mathrm{Loss}/dt` of the exact flow, up to the second order in the width of the cells.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (2 * cells,)
    problem : CircleProblem
        Of a :class:`~infwidth.limits.CircleMeanField`.

    Returns
    -------
    float

    Examples
    --------
    What is spent along the way is the loss that is gone:

    >>> import infwidth as iw
    >>> from infwidth.limits.densities import dissipation
    >>> X, y, times = np.eye(2), np.array([1.0, -1.0]), np.linspace(0, 1, 41)
    >>> flow = iw.GradientFlow(1.0, estimate_error=False)
    >>> sol = iw.solve(iw.CircleMeanField("relu"), X, y, flow, save_at=times, observables={"spent": dissipation})
    >>> iw.limits.particle_diagnostics.energy_defect(sol.t, sol.loss, sol.observables["spent"]) < 0.01
    True
    """
    state = observed(state, problem, CircleProblem, "CircleMeanField(...)")
    return problem.dissipation(state)
