"""Grids: cells, masses, refinement."""

import re

import numpy as np
import pytest
from scipy import stats

from infwidth.solvers import Grid


def test_volumes_fill_the_rectangle_and_centers_follow_c_order():
    grid = Grid([0.0, 1.0, 3.0], [0.0, 0.5, 1.0, 4.0])
    assert grid.shape == (2, 3) and grid.dims == 2
    assert grid.volumes.sum() == 12
    assert grid.centers[1].tolist() == [0.5, 0.75] and grid.centers[3].tolist() == [2.0, 0.25]


@pytest.mark.parametrize("focus", [0.0, 0.3, 2.0])
def test_stretched_cells_are_finest_at_the_focus(focus):
    grid = Grid.stretched(0, 2, 200, focus=focus, finest=0.001)
    widths = grid.volumes
    assert grid.edges[0][0] == 0 and grid.edges[0][-1] == 2
    finest = np.argmin(widths)
    assert abs(grid.axes[0][finest] - focus) < 0.002
    assert widths[finest] == pytest.approx(0.001, rel=0.01)
    assert np.abs(np.diff(np.log(widths))).max() < 0.06  # neighbours are alike


def test_adapted_cells_hold_equal_parts_of_the_monitor():
    law = stats.norm(1, 0.1)
    grid = Grid.adapted(-5, 5, 80, law.pdf, share=0.7)
    parts = 0.7 * np.diff(law.cdf(grid.edges[0])) + 0.3 * grid.volumes / 10
    assert np.allclose(parts, 1 / 80, rtol=0.02)


def test_cells_adapted_to_masses_hold_equal_parts_of_them_and_of_the_old_cells():
    grid = Grid.stretched(-5, 5, 300, focus=0, finest=0.01)
    law = stats.norm(1, 0.3)
    masses = np.diff(law.cdf(grid.edges[0]))
    new = grid.adapted_to(7 * masses, 40, share=0.7).edges[0]
    old_cells = np.interp(new, grid.edges[0], np.arange(301)) / 300
    assert np.allclose(np.diff(0.7 * law.cdf(new) + 0.3 * old_cells), 1 / 40, rtol=0.01)
    assert new[0] == -5 and new[-1] == 5
    assert np.allclose(grid.adapted_to(masses, 300, share=0).edges[0], grid.edges[0], rtol=0, atol=1e-12)


def test_adapted_cells_change_gradually_where_the_masses_jump():
    """All mass in one cell, whose share is 21 times that of an empty one: linear interpolation would have that ratio from one cell to the
    next, and the limited slopes lose an order there. Ends are kept in the extreme cases too."""
    grid = Grid.uniform(0, 1, 20)
    for held, cells in ((7, 200), (0, 2), (19, 3)):
        new = grid.adapted_to(np.eye(20)[held], cells)
        assert new.cells == cells and new.edges[0][0] == 0 and new.edges[0][-1] == 1
    widths = grid.adapted_to(np.eye(20)[7], 200).volumes
    assert widths.max() > 10 * widths.min() and np.abs(np.diff(np.log(widths))).max() < np.log(4)


def test_two_axes_are_adapted_to_the_marginals():
    x, y = Grid.uniform(0, 1, 30), Grid.stretched(-1, 2, 20, focus=0, finest=0.05)
    a, b = x.masses(lambda p: p[:, 0] ** 4), y.masses(lambda p: np.exp(-8 * p[:, 0] ** 2))
    plane = Grid(x.edges[0], y.edges[0]).adapted_to(np.outer(a, b).ravel(), (12, 9))
    assert plane.shape == (12, 9)
    assert np.allclose(plane.edges[0], x.adapted_to(a, 12).edges[0], rtol=0, atol=1e-12)
    assert np.allclose(plane.edges[1], y.adapted_to(b, 9).edges[0], rtol=0, atol=1e-12)
    assert Grid(x.edges[0], y.edges[0]).adapted_to(np.outer(a, b).ravel(), 8).shape == (8, 8)


@pytest.mark.parametrize("cells", [7, 8])
def test_coarser_merges_pairs(cells):
    grid = Grid.stretched(0, 1, cells, focus=0, finest=0.01)
    coarse = grid.coarser()
    assert coarse.cells == 4
    assert set(coarse.edges[0]) <= set(grid.edges[0]) and coarse.volumes.sum() == pytest.approx(1)


def test_masses_integrate_polynomials_of_degree_five():
    grid = Grid.uniform((0, 0), (1, 1), (2, 2))
    masses = grid.masses(lambda p: p[:, 0] ** 5 + p[:, 1])
    x5 = np.array([0.5**6, 1 - 0.5**6]) / 6 / 2
    y = np.array([0.125, 0.375]) / 2
    expected = x5[:, None] + y[None]
    assert np.allclose(masses.reshape(2, 2), expected / expected.sum(), rtol=1e-14)


@pytest.mark.parametrize(
    ("build", "name", "way_out"),
    [
        (lambda: Grid([0.0, 1.0]), "edges", "need three or more finite, increasing numbers per axis"),
        (lambda: Grid([0.0, 2.0, 1.0]), "edges", "need three or more finite, increasing numbers per axis"),
        (lambda: Grid(*[[0.0, 1.0, 2.0]] * 3), "edges", "more dimensions are for particles"),
        (lambda: Grid.uniform(1, 0, 5), "upper", "0 must exceed lower = 1"),
        (lambda: Grid.uniform(0, 1, 1), "cells", "need an integer >= 2"),
        (lambda: Grid.uniform((0, 0), (1, 1), 3), "cells", "lower, upper and cells must have one number per axis each"),
        (lambda: Grid.stretched(0, 1, 10, focus=2, finest=0.01), "focus", ">= 0 and <= 1, got 2"),
        (lambda: Grid.stretched(0, 1, 10, focus=0, finest=0.2), "finest", "equal cells are 0.1 wide"),
        (lambda: Grid.adapted(0, 1, 10, lambda x: 0 * x), "density", "change lower and upper"),
        (
            lambda: Grid.uniform(0, 1, 4).masses(lambda p: p[:, 0] - 0.5),
            "density",
            "must be non-negative and not zero on the whole grid",
        ),
        (lambda: Grid.adapted(0, 1, 10, np.ones_like, share=1.0), "share", "the rest covers the empty part of the interval"),
        (lambda: Grid.uniform(0, 1, 4).adapted_to(np.ones(4), 10, share=1.0), "share", "the rest keeps cells where no mass ends"),
        (lambda: Grid.uniform(0, 1, 4).adapted_to(np.ones(4), 1), "cells", "need an integer >= 2"),
        (lambda: Grid.uniform(0, 1, 4).adapted_to(np.ones(4), (5, 5)), "cells", "need one number for each of 1 axes or one for all"),
        (
            lambda: Grid.uniform(0, 1, 4).adapted_to(np.ones(3), 10),
            "masses",
            "need a vector of 4 numbers, one per cell",
        ),
        (
            lambda: Grid.uniform(0, 1, 4).adapted_to(np.array([0, -1, 1, 1]), 10),
            "masses",
            "need finite numbers >= 0, got -1 at index 1",
        ),
        (
            lambda: Grid.uniform(0, 1, 4).adapted_to(np.zeros(4), 10),
            "masses",
            "are all zero",
        ),
    ],
)
def test_bad_arguments_are_named(build, name, way_out):
    with pytest.raises(ValueError, match=rf"^{name}: .*{re.escape(way_out)}"):
        build()
