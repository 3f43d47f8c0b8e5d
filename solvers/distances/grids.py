r"""Wasserstein-1 distance between a density on an interval and particles, or two densities, exactly.

In one dimension :math:`W_1(\mu, \nu) = \int |F_\mu(x) - F_\nu(x)|\,dx`. The distribution function of a density that is constant in each
cell is linear between the edges and that of particles is constant between them, so between any two neighbouring breakpoints the
difference is linear and its modulus integrates in closed form.
"""

from __future__ import annotations

import numpy as np

from ..checks import instance, vector
from ..grids.grid import Grid

__all__ = ["wasserstein_of_grids", "wasserstein_to_particles"]

Array = np.ndarray


def wasserstein_to_particles(grid: Grid, masses: Array, particles: Array) -> float:
    """W1 between masses spread evenly over their cells and particles of equal weight, shape (N,).

    Parameters
    ----------
    grid : Grid
        Of one axis.
    masses : ndarray, shape (cells,)
        Of sum 1.
    particles : ndarray, shape (N,)

    Raises
    ------
    ValueError
        Where the grid has two axes, shapes do not fit, or the masses do not sum to 1.

    Examples
    --------
    The uniform law on [0, 1] against an atom at its centre:

    >>> from infwidth.solvers import Grid
    >>> wasserstein_to_particles(Grid.uniform(0, 1, 4), np.full(4, 0.25), np.array([0.5]))
    0.25
    """
    edges, cumulated = _distribution(grid, masses)
    x = np.sort(vector("particles", particles))
    points = np.union1d(edges, x)
    density_below = np.interp(points, edges, cumulated, left=0, right=cumulated[-1])
    after = np.searchsorted(x, points, side="right") / len(x)  # constant up to the next point
    return _integral(np.diff(points), density_below[:-1] - after[:-1], density_below[1:] - after[:-1])


def wasserstein_of_grids(grid: Grid, masses: Array, other: Grid, other_masses: Array) -> float:
    """W1 between two densities, each constant in its cells.

    Parameters
    ----------
    grid : Grid
        Of one axis.
    masses : ndarray, shape (cells,)
        Of sum 1.
    other, other_masses
        Likewise.

    Raises
    ------
    ValueError
        Where a grid has two axes, shapes do not fit, or masses do not sum to 1.

    Examples
    --------
    >>> from infwidth.solvers import Grid
    >>> coarse, fine = Grid.uniform(0, 1, 2), Grid.uniform(0, 1, 4)
    >>> wasserstein_of_grids(coarse, np.array([0.5, 0.5]), fine, np.array([0.5, 0, 0, 0.5]))
    0.125
    """
    edges, cumulated = _distribution(grid, masses)
    other_edges, other_cumulated = _distribution(other, other_masses, "other", "other_masses")
    points = np.union1d(edges, other_edges)
    difference = np.interp(points, edges, cumulated) - np.interp(points, other_edges, other_cumulated)
    return _integral(np.diff(points), difference[:-1], difference[1:])


def _distribution(grid: Grid, masses: Array, of: str = "grid", name: str = "masses") -> tuple[Array, Array]:
    instance(of, grid, Grid, "Grid.uniform(0, 1, 100)")
    if grid.dims != 1:
        raise ValueError(f"{of}: need one axis, got {grid.dims}; compare marginals")
    values = vector(name, masses, length=grid.cells, least=0, each="cell")
    cumulated = np.concatenate(([0.0], np.cumsum(values)))
    if not abs(cumulated[-1] - 1) < 1e-6:  # left and right of the grid the difference would not vanish
        raise ValueError(f"{name}: sum to {cumulated[-1]:g}, not to 1; divide by the sum, or multiply a density by grid.volumes")
    return grid.edges[0], cumulated


def _integral(widths: Array, a: Array, b: Array) -> float:
    """Of the modulus of a function that runs linearly from a to b over each width."""
    whole = np.abs(a) + np.abs(b)
    crossing = a * b < 0
    value = np.where(crossing, (a**2 + b**2) / np.where(crossing, whole, 1), whole) / 2
    return float(widths @ value)
