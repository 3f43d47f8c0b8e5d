"""Wasserstein distances of masses on grids, between themselves and to particles."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from infwidth.solvers import Grid, wasserstein_of_grids, wasserstein_to_particles


@given(st.lists(st.floats(-2, 3), min_size=1, max_size=30), st.integers(0, 10**6))
def test_distance_to_particles_against_brute_force(particles, seed):
    rng = np.random.default_rng(seed)
    grid = Grid.uniform(0, 1, 5)
    masses = rng.dirichlet(np.ones(5))
    found = wasserstein_to_particles(grid, masses, np.array(particles))
    points = np.repeat(grid.axes[0], 400) + np.tile((np.arange(400) + 0.5) / 400 - 0.5, 5) / 5
    brute = stats.wasserstein_distance(points, particles, np.repeat(masses / 400, 400))
    assert found == pytest.approx(brute, abs=1e-3)


def test_distance_of_a_shifted_density_is_the_shift():
    grid = Grid.uniform(0, 10, 100)
    masses = np.zeros(100)
    masses[20:30] = 0.1
    assert wasserstein_of_grids(grid, masses, grid, np.roll(masses, 7)) == pytest.approx(0.7)
    assert wasserstein_of_grids(grid, masses, grid, masses) == 0


@pytest.mark.parametrize(
    ("build", "name", "way_out"),
    [
        (
            lambda: wasserstein_to_particles(Grid.uniform(0, 1, 4), np.ones(3), np.ones(2)),
            "masses",
            "need a vector of 4 numbers, one per cell",
        ),
        (
            lambda: wasserstein_to_particles(Grid.uniform(0, 1, 4), np.ones(4), np.ones(2)),
            "masses",
            "divide by the sum, or multiply a density by grid.volumes",
        ),
        (
            lambda: wasserstein_to_particles(Grid.uniform(0, 1, 4), np.ones(4) / 4, np.ones((3, 2))),
            "particles",
            "need a vector of numbers, got shape (3, 2)",
        ),
        (lambda: wasserstein_to_particles(Grid.uniform((0, 0), (1, 1), (2, 2)), np.ones(4), np.ones(2)), "grid", "compare marginals"),
    ],
)
def test_bad_arguments_are_named(build, name, way_out):
    with pytest.raises(ValueError, match=rf"^{name}: .*{re.escape(way_out)}"):
        build()
