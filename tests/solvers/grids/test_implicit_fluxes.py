"""One implicit step: dense algebra, mass and sign at any length, Gibbs laws, the explicit fluxes at short steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infwidth.solvers import Grid
from infwidth.solvers.grids.finite_volumes import transport
from infwidth.solvers.grids.implicit_fluxes import implicit_step, reference_implicit_step

LINE = Grid.stretched(-1, 2, 30, focus=0.3, finest=0.02)
PLANE = Grid(np.linspace(0, 1, 9), Grid.stretched(-1, 2, 7, focus=0, finest=0.1).edges[0])


def random_state(grid, seed):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(grid.cells, 0.3)), 3 * rng.standard_normal(grid.cells)


@pytest.mark.parametrize("temperature", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("h", [1e-4, 0.1, 100.0])
def test_elimination_against_dense_algebra(temperature, h):
    masses, potential = random_state(LINE, 1)
    expected = reference_implicit_step(masses, potential, LINE, temperature, h)
    assert np.allclose(implicit_step(masses, potential, LINE, temperature, h), expected, rtol=1e-9, atol=1e-13)


def test_two_axes_are_one_after_the_other():
    masses, potential = random_state(PLANE, 2)
    m, psi = masses.reshape(PLANE.shape), potential.reshape(PLANE.shape)
    for x, y in ((1, 0), (0, 1)):
        line = Grid(PLANE.edges[x])
        m = np.stack(
            [reference_implicit_step(a, b, line, 0.3, 0.2) for a, b in zip(np.moveaxis(m, y, 0), np.moveaxis(psi, y, 0), strict=True)], y
        )
    assert np.allclose(implicit_step(masses, potential, PLANE, 0.3, 0.2), m.ravel(), rtol=1e-12)


@given(st.sampled_from([LINE, PLANE]), st.integers(0, 10**6), st.sampled_from([0.0, 0.01, 1.0]), st.sampled_from([1e-6, 1.0, 1e9]))
def test_steps_of_any_length_keep_mass_and_sign(grid, seed, temperature, h):
    masses, potential = random_state(grid, seed)
    new = implicit_step(masses, potential, grid, temperature, h)
    assert new.min() >= 0 and abs(new.sum() - 1) < 1e-9 * max(1, grid.cells)


def test_gibbs_laws_stand_still_and_are_reached_in_one_long_step():
    for grid in (LINE, PLANE):
        _, potential = random_state(grid, 4)
        gibbs = grid.volumes * np.exp(-potential / 0.7)
        gibbs /= gibbs.sum()
        assert np.abs(implicit_step(gibbs, potential, grid, 0.7, 10.0) - gibbs).max() < 1e-13
    _, potential = random_state(LINE, 4)
    gibbs = LINE.volumes * np.exp(-potential / 0.7)
    assert np.allclose(implicit_step(np.ones(30) / 30, potential, LINE, 0.7, 1e9), gibbs / gibbs.sum(), rtol=1e-4)


def test_short_steps_agree_with_the_explicit_fluxes_where_noise_is_resolved():
    grid = Grid.uniform(0, 1, 30)
    masses, potential = random_state(grid, 3)
    potential = 0.05 * potential  # below the temperature per cell
    rate, _ = transport(masses, potential, grid, 1.0)
    found = (implicit_step(masses, potential, grid, 1.0, 1e-9) - masses) / 1e-9
    assert np.allclose(found, rate, rtol=1e-4, atol=1e-4 * np.abs(rate).max())
