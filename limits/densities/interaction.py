r"""Particles that attract and repel, in the limit of many: any potential V and any pair interaction U.

.. math::
    E[\rho] = \int V\,d\rho + \tfrac12 \iint U(\theta, \theta')\,\rho(d\theta)\,\rho(d\theta'), \qquad
    \Psi(\theta) = V(\theta) + \int U(\theta, \theta')\,\rho(d\theta'), \qquad
    \partial_t\rho = \nabla\cdot(\rho\,\nabla\Psi) + \tau\,\Delta\rho .

A two-layer network with squared loss is the case :math:`V(\theta) = -\mathbb E[y\,s(x;\theta)]`,
:math:`U(\theta, \theta') = \mathbb E[s(x;\theta)\,s(x;\theta')]`; then E is the loss less :math:`\tfrac12\mathbb E y^2`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ...solvers.checks import asked, flag, function, instance, real, returned, settle
from ...solvers.data import Data, unwanted
from ...solvers.grids.grid import Grid
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import MethodFailed
from .problem import DensityProblem
from .singularity import cell_average, grows

__all__ = ["InteractionMeanField"]

Array = np.ndarray

CELL_AVERAGE = "give own_cell=, the average over a cell of a kernel that is singular at equal points"
WIDTHS = "widths of cells (q, dims) to averages (q,)"
HIDDEN = (
    "the interaction is singular at equal points, and what stands for it there is not of coarser grids; give own_cell=, its average over a"
    " cell of any width"
)
SAME = 1e-3  # of the average over a cell, by which what stands there may miss it
POTENTIAL = "points (q, dims) to numbers (q,)"


@dataclass(frozen=True, eq=False)
class InteractionMeanField:
    r"""Gradient flow of a potential and a pair interaction, on a grid; ``solve`` gets no data.

    Parameters
    ----------
    grid : Grid
        One or two axes; no mass leaves it.
    initial : callable
        Density at time 0, of any norm: points (q, dims) to (q,).
    potential : callable or None
        V: points (q, dims) to (q,). None: no potential.
    interaction : callable or None
        U: two sets of points, (q, dims) and (r, dims), to (q, r), symmetric. With ``convolution``: differences (q, dims) to (q,), even.
        None: no interaction.
    own_cell : callable, optional
        What stands for U at equal points where it is singular there: the average of U(center, .) over a cell, widths (q, dims) to
        (q,); for :math:`U = -\log|x - y|` on a line ``lambda h: 1 - np.log(h[:, 0] / 2)``. U itself is not looked at there. A U
        that is singular and holds a value there already is that of one grid alone: where it is the average over a cell of it, of a
        convolution, ``sol.error`` knows those of coarser grids; else it is None, and the message says why.
    convolution : bool
        U depends on differences only. Needs an even number of equal cells per axis; done by FFT in O(cells log cells) without a
        matrix, so large grids are cheap.
    temperature : float
        :math:`\tau \ge 0`.

    Raises
    ------
    ValueError
        Where an argument is out of its range, U is not symmetric, V or U is not finite at the centres of the cells (a singular V is to
        be replaced by its average over a cell, a singular U needs ``own_cell``), or the grid does not suit it.

    Notes
    -----
    ``sol.loss`` is E (not the free energy: see ``free_energy`` in :mod:`infwidth.limits.densities`) and may be negative;
    ``sol.outputs`` is empty.

    Examples
    --------
    Points that attract each other in a harmonic trap with noise stay Gaussian; the variance tends to :math:`\tau/(1 + 1)`:

    >>> import infwidth as iw
    >>> from infwidth.limits import InteractionMeanField
    >>> from infwidth.solvers import Grid, ImplicitTransport
    >>> square = lambda x: (x**2).sum(axis=1) / 2
    >>> start = lambda x: np.exp(-square(x - 1) / 0.3)
    >>> model = InteractionMeanField(Grid.uniform(-4, 4, 160), start, square, square, convolution=True, temperature=0.5)
    >>> sol = iw.solve(model, method=ImplicitTransport(8.0), save_at=[8])
    >>> x = sol.problem.grid.axes[0]
    >>> float((x**2 @ sol.state - (x @ sol.state) ** 2).round(2))
    0.25
    """

    grid: Grid
    initial: Callable[[Array], Array]
    potential: Callable[[Array], Array] | None = None
    interaction: Callable[..., Array] | None = None
    convolution: bool = False
    temperature: float = 0.0
    own_cell: Callable[[Array], Array] | None = None

    def __post_init__(self) -> None:
        settle(self, temperature=real("temperature", self.temperature, least=0), convolution=flag("convolution", self.convolution))
        instance("grid", self.grid, Grid, "Grid.uniform(-4, 4, 200)")
        function("initial", self.initial, "points (q, dims) to densities (q,)")
        if self.potential is not None:
            function("potential", self.potential, POTENTIAL)
        if self.interaction is not None:
            function("interaction", self.interaction, self._signature)
        if self.own_cell is not None:
            function("own_cell", self.own_cell, WIDTHS)
        if self.interaction is None:
            return
        if self.convolution:
            if not equal_cells(self.grid) or any(cells % 2 for cells in self.grid.shape):
                raise ValueError("grid: convolution needs an even number of equal cells per axis; use Grid.uniform, or convolution=False")
        else:
            refuse_above_available(
                "grid", f"pairs of {self.grid.cells} cells", 8.0 * self.grid.cells**2, "coarsen it, or use convolution=True"
            )
        every = max(1, self.grid.cells // 7)  # an early look; the whole of U is looked at on its grid
        some, widths = self.grid.centers[::every], cell_widths(self.grid)[::every]
        if self.convolution:
            there, back = self._pairs(widths, some - some[0]), self._pairs(widths, some[0] - some)
        else:
            there = self._pairs(widths, some, some)
            back = there.T
        refuse_asymmetry(there, back)

    @property
    def _signature(self) -> str:
        pairs = "two sets of points, (q, dims) and (r, dims), to numbers (q, r), or with convolution=True differences (q, dims) to (q,)"
        return "with convolution=True differences (q, dims) to numbers (q,)" if self.convolution else pairs

    def _pairs(self, widths: Array, *points: Array) -> Array:
        """U of the same points twice, which are the centres of cells of those widths, or of differences on equal cells."""
        assert self.interaction is not None
        shape = tuple(len(x) for x in points)
        with np.errstate(all="ignore") if self.own_cell is not None else nullcontext():
            values = asked("interaction", self.interaction, *points, signature=self._signature)
        if self.own_cell is not None and np.shape(values) == shape:
            equal = ~points[0].any(axis=1) if self.convolution else np.eye(*shape, dtype=np.bool_)
            averages = asked("own_cell", self.own_cell, widths, signature=WIDTHS)
            averages = returned("own_cell", averages, widths.shape[:1], f"widths of shape {widths.shape}")
            values = np.array(values, float)
            values[equal] = averages[0] if self.convolution else averages
        return returned("interaction", values, shape, "these points", CELL_AVERAGE)

    def bind(self, data: Data | None, rng: np.random.Generator) -> DensityProblem:
        """Put the model on its grid. Nothing is random."""
        unwanted(data, "call solve without X and y, or use DensityMeanField")
        return DensityProblem(self.grid, self._energy, lambda grid: grid.masses(self.initial, "initial"), self.temperature)

    def _energy(self, grid: Grid) -> InteractionEnergy:
        values = np.zeros(grid.cells)
        if self.potential is not None:
            way_out = "end the grid at a hard wall, and replace a singularity by its average over a cell"
            values = asked("potential", self.potential, grid.centers, signature=POTENTIAL)
            values = returned("potential", values, (grid.cells,), "the centres of the cells", way_out)
        if self.interaction is None:
            return InteractionEnergy(values, np.zeros_like)
        if grid.cells < self.grid.cells and self.own_cell is None and grows(self._near, self._cell):
            return self._with_averages()._energy(grid)
        if self.convolution:
            return InteractionEnergy(values, convolver(partial(self._pairs, cell_widths(grid)), grid))
        matrix = self._pairs(cell_widths(grid), grid.centers, grid.centers)
        for i in range(0, grid.cells, 256):  # in blocks, for the matrix may fill the memory
            refuse_asymmetry(matrix[i : i + 256], matrix[:, i : i + 256].T)
        return InteractionEnergy(values, lambda masses: matrix @ masses)

    @property
    def _cell(self) -> Array:
        """Widths of the cell in the middle, shape (dims,)."""
        return np.asarray(cell_widths(self.grid)[self.grid.cells // 2])

    def _near(self, differences: Array) -> Array:
        """U of the centre of that cell and points around it."""
        assert self.interaction is not None
        middle = self.grid.centers[self.grid.cells // 2]
        return self.interaction(differences) if self.convolution else self.interaction(middle[None], middle + differences)[0]

    def _with_averages(self) -> InteractionMeanField:
        """The model with ``own_cell``, where the value at equal points is an average over a cell of this grid."""
        if self.convolution:
            held, average = float(self._near(np.zeros((1, self.grid.dims)))[0]), cell_average(self._near, self._cell)
            if abs(held - average) <= SAME * abs(average):
                return replace(self, own_cell=lambda widths: np.full(len(widths), cell_average(self._near, widths[0])))
        raise MethodFailed(HIDDEN)


def cell_widths(grid: Grid) -> Array:
    """Widths of each cell along the axes, shape (cells, dims)."""
    return np.stack(np.meshgrid(*grid.widths, indexing="ij"), axis=-1).reshape(grid.cells, grid.dims)


def equal_cells(grid: Grid) -> bool:
    """Whether all cells are alike."""
    return all(np.ptp(widths) <= 1e-9 * widths.mean() for widths in grid.widths)


def refuse_asymmetry(there: Array, back: Array) -> None:
    """Compare U with its transpose."""
    if not np.allclose(there, back, rtol=1e-8, atol=1e-10 * np.abs(there).max()):
        raise ValueError("interaction: is not symmetric, so this is no gradient flow; use (U(a, b) + U(b, a)) / 2")


class InteractionEnergy:
    """:math:`V \\cdot m + \\frac12 m \\cdot U m` and its gradient in m."""

    def __init__(self, potential: Array, interact: Callable[[Array], Array]) -> None:
        self.potential, self.interact = potential, interact

    def evaluate(self, masses: Array) -> tuple[float, Array, Array]:
        field = self.interact(masses)
        return float(masses @ (self.potential + field / 2)), np.zeros((0, 1)), self.potential + field

    def predict(self, masses: Array, X: Array) -> Array:
        raise ValueError("X: this model has no inputs and so no outputs; look at sol.problem.density(sol.state)")


def convolver(kernel: Callable[[Array], Array], grid: Grid) -> Callable[[Array], Array]:
    """``masses -> sum_j U(x_i - x_j) m_j`` on equal cells, by FFT on a padded grid."""
    from scipy import fft

    if not equal_cells(grid):
        raise MethodFailed("there is no coarser grid of equal cells")
    offsets = [np.arange(1 - n, n) * float(w.mean()) for n, w in zip(grid.shape, grid.widths, strict=True)]
    points = np.stack(np.meshgrid(*offsets, indexing="ij"), axis=-1).reshape(-1, grid.dims)
    values = kernel(points).reshape([len(o) for o in offsets])
    refuse_asymmetry(values, np.flip(values))
    size = [fft.next_fast_len(len(o), real=True) for o in offsets]
    transformed = fft.rfftn(values, size)
    window = tuple(slice(n - 1, 2 * n - 1) for n in grid.shape)
    # The sum reaches index 3 n - 3, but what wraps around a period of 2 n - 1 falls below n - 1, outside of the window.
    return lambda masses: fft.irfftn(fft.rfftn(masses.reshape(grid.shape), size) * transformed, size)[window].ravel()
