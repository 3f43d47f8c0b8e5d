"""Grids of cells on an interval or a rectangle: uniform, stretched around a point, or fine where a density is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..checks import asked, function, integer, real, returned, shown, vector
from ..machine.memory import refuse_above_available
from .averages import averages

__all__ = ["Grid"]

Array = np.ndarray

DENSITY = "points (q, p) to numbers (q,)"
LARGEST, SMALLEST = 1e100, 1e-100  # edge and width
NUMBERS = 8  # of each cell that a flow needs


@dataclass(init=False, eq=False)
class Grid:
    """Tensor-product cells in one or two dimensions, numbered in C order.

    Parameters
    ----------
    *edges : array_like, shape (n + 1,)
        Increasing edges of the n cells of an axis, one array per axis.

    Raises
    ------
    ValueError
        Where there are no or more than two axes, or edges do not increase.

    Examples
    --------
    >>> from infwidth.solvers import Grid
    >>> grid = Grid([0.0, 1.0, 3.0])
    >>> grid.cells, grid.centers.ravel().tolist(), grid.volumes.tolist()
    (2, [0.5, 2.0], [1.0, 2.0])
    """

    edges: tuple[Array, ...]

    def __init__(self, *edges: Any) -> None:
        if len(edges) not in (1, 2):
            raise ValueError(f"edges: need those of one or two axes, got {len(edges)}; more dimensions are for particles")
        self.edges = tuple(vector("edges", axis).copy() for axis in edges)
        for axis in self.edges:
            if len(axis) < 3 or not np.all(np.diff(axis) > 0):
                raise ValueError(f"edges: need three or more finite, increasing numbers per axis, got {shown(axis.tolist())}")
            size, finest = np.abs(axis).max(), np.diff(axis).min()
            if size > LARGEST or finest < max(SMALLEST, 1e-12 * size):
                raise ValueError(
                    f"edges: cells of width {finest:.3g} at {size:.3g} have no digits for what is in them; shift or rescale it"
                )

    @classmethod
    def uniform(cls, lower: float | Sequence[float], upper: float | Sequence[float], cells: int | Sequence[int]) -> Grid:
        """Equal ``cells`` from ``lower`` to ``upper``; sequences give one number per axis. ValueError where they do not fit."""
        bounds = [list(v) if isinstance(v, tuple | list | np.ndarray) and np.ndim(v) == 1 else [v] for v in (lower, upper, cells)]
        if len({len(axis) for axis in bounds}) > 1:
            what = f"got {shown(lower)}, {shown(upper)} and {shown(cells)}"
            raise ValueError(f"cells: lower, upper and cells must have one number per axis each, {what}")
        intervals = [(*_interval(low, high), integer("cells", count, least=2)) for low, high, count in zip(*bounds, strict=True)]
        _fits([count for _, _, count in intervals])
        return cls(*(np.linspace(low, high, count + 1) for low, high, count in intervals))

    @classmethod
    def stretched(cls, lower: float, upper: float, cells: int, *, focus: float, finest: float) -> Grid:
        r"""An interval from ``lower`` to ``upper`` with cells that grow like :math:`\cosh` away from ``focus``, where their width is
        ``finest``. ValueError where ``focus`` lies outside, or ``finest`` is no smaller than equal cells."""
        (lower, upper), cells = _interval(lower, upper), integer("cells", cells, least=2)
        _fits([cells])
        focus = real("focus", focus, least=lower, most=upper)
        equal = (upper - lower) / cells
        finest = real("finest", finest, above=1e-12 * equal, below=equal, way_out=f"equal cells are {equal:g} wide")
        from scipy.optimize import brentq

        # x = focus + a sinh(z), z uniform of spacing finest / a; find the a whose cells fill the interval.
        def excess(log_a: float) -> float:
            a = np.exp(log_a)
            return float(a * (np.arcsinh((upper - focus) / a) - np.arcsinh((lower - focus) / a)) - cells * finest)

        span = np.log(upper - lower)
        a = np.exp(brentq(excess, span - 200, span + 20))
        z = np.linspace(np.arcsinh((lower - focus) / a), np.arcsinh((upper - focus) / a), cells + 1)
        edges = focus + a * np.sinh(z)
        edges[[0, -1]] = lower, upper
        return cls(edges)

    @classmethod
    def adapted(cls, lower: float, upper: float, cells: int, density: Callable[[Array], Array], *, share: float = 0.5) -> Grid:
        """An interval from ``lower`` to ``upper`` whose cells hold equal parts of ``share`` times the density plus ``1 - share`` times the
        uniform law. ValueError where the density vanishes, or an argument is out of its range."""
        share = real("share", share, least=0, below=1, way_out="the rest covers the empty part of the interval")
        (lower, upper), cells = _interval(lower, upper), integer("cells", cells, least=2)
        _fits([100 * cells])
        function("density", density, "points (q,) to numbers (q,)")
        fine = np.linspace(lower, upper, 100 * cells + 1)
        middle = (fine[1:] + fine[:-1]) / 2
        values = asked("density", density, middle, signature="points (q,) to numbers (q,)")
        monitor = np.maximum(returned("density", values, middle.shape, f"{len(middle)} points"), 0.0)
        total = monitor.sum()
        if not 0 < total < np.inf:
            raise ValueError("density: vanishes on the whole interval, or its sum overflows; change lower and upper, or rescale it")
        weight = share * monitor / total + (1 - share) / len(monitor)
        cumulated = np.concatenate(([0.0], np.cumsum(weight)))
        edges = np.interp(np.linspace(0, cumulated[-1], cells + 1), cumulated, fine)
        edges[[0, -1]] = lower, upper
        return cls(edges)

    def __repr__(self) -> str:
        return " x ".join(f"Grid of {len(axis) - 1} cells on [{axis[0]:g}, {axis[-1]:g}]" for axis in self.edges)

    @property
    def dims(self) -> int:
        return len(self.edges)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return tuple(len(axis) - 1 for axis in self.edges)

    @property
    def cells(self) -> int:
        return int(np.prod(self.shape))

    @cached_property
    def widths(self) -> tuple[Array, ...]:
        """Widths of the cells along each axis."""
        return tuple(np.diff(axis) for axis in self.edges)

    @cached_property
    def axes(self) -> tuple[Array, ...]:
        """Centres of the cells along each axis."""
        return tuple((axis[1:] + axis[:-1]) / 2 for axis in self.edges)

    @cached_property
    def distances(self) -> tuple[Array, ...]:
        """Between neighbouring centres along each axis."""
        return tuple(np.diff(axis) for axis in self.axes)

    @cached_property
    def centers(self) -> Array:
        """Centres, shape (cells, dims)."""
        return np.stack(np.meshgrid(*self.axes, indexing="ij"), axis=-1).reshape(self.cells, self.dims)

    @cached_property
    def volumes(self) -> Array:
        """Volumes, shape (cells,)."""
        volumes = self.widths[0]
        for widths in self.widths[1:]:
            volumes = np.multiply.outer(volumes, widths)
        return volumes.ravel()

    def _corners(self, side: int) -> Array:
        """Lower (-1) or upper (1) corners, shape (cells, dims)."""
        corners = [axis[:-1] if side < 0 else axis[1:] for axis in self.edges]
        return np.stack(np.meshgrid(*corners, indexing="ij"), axis=-1).reshape(self.cells, self.dims)

    def coarser(self) -> Grid:
        """Every pair of neighbours merged; an axis with an odd number of cells keeps its last cell single."""
        return Grid(*(np.append(axis[:-1:2], axis[-1]) for axis in self.edges))

    def adapted_to(self, masses: Any, cells: int | Sequence[int], *, share: float = 0.5) -> Grid:
        r"""The same domain in cells of which ``share`` follow these masses, and the rest the cells of this grid.

        Along each axis, cells hold equal parts of ``share`` times the marginal of the masses plus ``1 - share`` times the number of own
        cells. Made for a second solve where the measure concentrates: a coarse solve shows where. It does not pay where errors arise on
        the way: cells must also be fine where the flow parts neighbours, and there the mass is small. Adapt equal or stretched cells, and
        once: only a part of the cells stays where no mass is, so repetition makes those twice as wide each time.

        Parameters
        ----------
        masses : array_like, shape (cells of this grid,)
            Such as the state of a solution on this grid.
        cells : int or sequence of int
            Number of cells along each axis of the new grid.
        share : float, default 0.5

        Raises
        ------
        ValueError
            Where an argument is out of its range or the masses do not fit this grid.

        Examples
        --------
        At :math:`\Delta = .3` all radii end in one point. The distance W1 to particles, on 80 equal cells and on 80 adapted ones:

        >>> import infwidth as iw
        >>> from infwidth.solvers import Grid, TransportFlow, wasserstein_to_particles
        >>> def distance(grid):
        ...     model = iw.RadialMeanField(40, 0.3, "density", grid=grid)
        ...     sol = iw.solve(model, method=TransportFlow(60.0, estimate_error=False), save_at=[60])
        ...     return sol.state, wasserstein_to_particles(grid, sol.state, particles.state)
        >>> particles = iw.solve(iw.RadialMeanField(40, 0.3, size=400), method=iw.GradientFlow(60.0), save_at=[60])
        >>> grid = Grid.uniform(0, 6, 80)
        >>> masses, plain = distance(grid)
        >>> _, adapted = distance(grid.adapted_to(masses, 80))
        >>> round(plain, 3), round(adapted, 4)
        (0.027, 0.0003)
        """
        given = list(cells) if isinstance(cells, tuple | list | np.ndarray) and np.ndim(cells) == 1 else [cells] * self.dims
        if len(given) != self.dims:
            raise ValueError(f"cells: need one number for each of {self.dims} axes or one for all, got {shown(cells)}")
        counts = [integer("cells", count, least=2) for count in given]
        _fits(counts)
        values = vector("masses", masses, length=self.cells, least=0, each="cell")
        if not values.max() > 0:
            raise ValueError("masses: are all zero; give those of a solution on this grid")
        values = values / values.max()
        share = real("share", share, least=0, below=1, way_out="the rest keeps cells where no mass ends")
        from scipy.interpolate import PchipInterpolator

        values = values.reshape(self.shape) / values.sum()
        edges = []
        for axis, (own, count) in enumerate(zip(self.edges, counts, strict=True)):
            marginal = values if self.dims == 1 else values.sum(axis=1 - axis)
            cumulated = np.concatenate(([0.0], np.cumsum(share * marginal + (1 - share) / len(marginal))))
            new = PchipInterpolator(cumulated, own)(np.linspace(0, cumulated[-1], count + 1))  # smooth, so that neighbours are alike
            new[[0, -1]] = own[[0, -1]]
            edges.append(new)
        return Grid(*edges)

    def masses(self, density: Callable[[Array], Array], name: str = "density") -> Array:
        """Mass of each cell, shape (cells,), total 1, also where the density jumps inside one; ``density`` maps points (p, dims) to (p,),
        of any norm; errors call it ``name``.
        ValueError where it is negative, or zero on the whole grid."""
        function(name, density, DENSITY)

        def values(points: Array) -> Array:
            found = returned(name, asked(name, density, points, signature=DENSITY), (len(points),), f"points of shape {points.shape}")
            if found.min() < 0:
                raise ValueError(f"{name}: must be non-negative and not zero on the whole grid")
            return found

        masses = averages(values, self._corners(-1), self._corners(1))
        largest = masses.max()
        if not 0 < largest < np.inf:
            raise ValueError(f"{name}: must be non-negative and not zero on the whole grid")
        masses = masses / largest * self.volumes
        return masses / masses.sum()


def _interval(lower: Any, upper: Any) -> tuple[float, float]:
    """Its ends, in order."""
    low, high = (real(name, value, least=-LARGEST, most=LARGEST) for name, value in (("lower", lower), ("upper", upper)))
    if not high > low:
        raise ValueError(f"upper: {high:g} must exceed lower = {low:g}")
    return low, high


def _fits(counts: Sequence[int]) -> None:
    """Refuse more cells than there is memory for a few numbers of each."""
    cells = float(np.prod([float(count) for count in counts]))
    refuse_above_available("cells", f"{cells:.3g} cells", 8 * NUMBERS * cells, "take fewer")
