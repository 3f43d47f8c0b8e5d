"""Averages over cells, against integrals that are known."""

import numpy as np
import pytest

from infwidth.solvers import Grid
from infwidth.solvers.grids.averages import averages


def boxes(grid):
    return grid._corners(-1), grid._corners(1)


def test_polynomials_of_degree_five_are_exact_with_three_nodes():
    lower, upper = boxes(Grid.uniform(0, 1, 4))
    asked = []

    def power(x):
        asked.append(len(x))
        return x[:, 0] ** 5

    np.testing.assert_allclose(averages(power, lower, upper), (upper**6 - lower**6)[:, 0] * 4 / 6, rtol=1e-13)
    assert asked == [4] * 9  # each cell and its two halves, and no more


def test_a_jump_inside_a_cell_of_a_line():
    """The share of each cell, and so the mass, is that of the step to the tolerance, wherever it is; the other cells are exact."""
    grid = Grid.uniform(-1, 1, 10)
    for place in np.linspace(-0.95, 0.95, 39):
        found = averages(lambda x, place=place: 3.0 * (x[:, 0] > place), *boxes(grid))
        exact = 3 * np.clip((grid.edges[0][1:] - place) / 0.2, 0, 1)
        assert np.abs(found - exact).max() < 3e-4 and np.count_nonzero(np.abs(found - exact) > 1e-12) <= 1


def test_the_area_of_a_disc():
    grid = Grid.uniform((-1.2, -1.2), (1.2, 1.2), (12, 12))
    found = averages(lambda x: 1.0 * ((x**2).sum(axis=1) < 1), *boxes(grid))
    assert found @ grid.volumes == pytest.approx(np.pi, rel=1e-3)
    assert found.min() == 0 and found.max() == pytest.approx(1, abs=1e-12)


def test_a_function_that_is_rough_everywhere_ends():
    """Its work is bounded, though every part of every cell jumps."""
    asked = []

    def rough(x):
        asked.append(len(x))
        return np.floor(1e6 * np.sin(1e9 * x[:, 0])) % 2

    found = averages(rough, *boxes(Grid.uniform(0, 1, 5000)))
    assert 0 <= found.min() and found.max() <= 1 + 1e-12 and sum(asked) < 3e6
