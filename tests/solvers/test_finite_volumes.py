"""Fluxes: the compiled ones against the readable ones, mass, sign, free energy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infwidth.solvers import Grid
from infwidth.solvers.finite_volumes import limited_slopes, reference_transport, transport

GRIDS = {
    "uniform": Grid.uniform(0, 1, 40),
    "stretched": Grid.stretched(-1, 2, 41, focus=0.3, finest=0.01),
    "two cells": Grid([0.0, 1.0, 3.0]),
    "three cells": Grid([0.0, 1.0, 3.0, 3.5]),
    "plane": Grid(Grid.stretched(-1, 2, 13, focus=0, finest=0.05).edges[0], np.linspace(0, 1, 8)),
}


def random_state(grid, seed):
    rng = np.random.default_rng(seed)
    masses = rng.dirichlet(np.full(grid.cells, 0.3))
    masses[rng.random(grid.cells) < 0.2] = 0
    return masses, rng.standard_normal(grid.cells)


@pytest.mark.parametrize("temperature", [0.0, 0.3])
@pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS)
def test_compiled_fluxes_against_the_reference(grid, temperature):
    for seed in range(5):
        masses, potential = random_state(grid, seed)
        rate, step = transport(masses, potential, grid, temperature)
        expected, expected_step = reference_transport(masses, potential, grid, temperature)
        assert np.allclose(rate, expected, rtol=1e-12, atol=1e-13 * np.abs(expected).max())
        assert step == pytest.approx(expected_step, rel=1e-12)


@given(st.sampled_from(list(GRIDS.values())), st.integers(0, 10**6), st.sampled_from([0.0, 0.05, 2.0]))
def test_an_euler_step_keeps_mass_and_sign_and_the_energy_falls(grid, seed, temperature):
    masses, potential = random_state(grid, seed)
    rate, step = transport(masses, potential, grid, temperature)
    new = masses + step * rate
    assert new.min() >= -1e-17
    assert abs(rate.sum()) <= 1e-13 * np.abs(rate).sum()
    density = masses / grid.volumes
    xi = potential + temperature * np.log(np.maximum(density, 1e-100))
    assert rate @ xi <= 0  # dF/dt of the semi-discrete flow
    if np.abs(rate).max() > 0:
        assert rate @ xi < 0


def test_the_step_bound_is_not_lavish():
    """Four times the bound does make a mass negative: the tests above would see a bound that is too long."""
    worst = 0.0
    for seed in range(20):
        masses, potential = random_state(GRIDS["uniform"], seed)
        rate, step = transport(masses, potential, GRIDS["uniform"])
        worst = min(worst, (masses + 4 * step * rate).min())
    assert worst < -1e-6


def test_limited_slopes_are_exact_for_a_line_and_vanish_at_extrema():
    grid = GRIDS["stretched"]
    x, widths = grid.axes[0], grid.widths[0]
    slopes = limited_slopes(3 + 2 * x, widths, np.diff(x))
    assert np.allclose(slopes[1:-1], 2) and slopes[0] == slopes[-1] == 0
    assert limited_slopes(np.array([0.0, 1.0, 0.0]), np.ones(3), np.ones(2)).tolist() == [0, 0, 0]


def test_gibbs_law_is_stationary():
    for grid in GRIDS.values():
        potential = (grid.centers**2).sum(axis=1)
        masses = grid.volumes * np.exp(-potential / 0.4)
        rate, _ = transport(masses / masses.sum(), potential, grid, 0.4)
        assert np.abs(rate).max() < 1e-12


@pytest.mark.parametrize("cells", [12, 16])
def test_coarse_cells_reach_the_gibbs_law(cells):
    """A double well whose potential changes by more than the temperature per cell: nothing but the Gibbs law may stand still."""
    grid = Grid.uniform(-2, 2, cells)
    x = grid.axes[0]
    potential = (x**2 - 1) ** 2 + 0.3 * x
    assert np.abs(np.diff(potential)).max() > 0.25
    gibbs = np.exp(-potential / 0.25)
    gibbs /= gibbs.sum()
    masses = np.where(x < 0, gibbs, 0.0) / gibbs[x < 0].sum()
    t = 0.0
    while t < 600:
        rate, step = transport(masses, potential, grid, 0.25)
        masses, t = masses + 0.9 * step * rate, t + 0.9 * step
    assert np.abs(masses - gibbs).max() < 1e-5


@given(st.sampled_from(list(GRIDS.values())), st.integers(0, 10**6), st.sampled_from([0.02, 0.2]))
def test_only_equilibrium_stands_still(grid, seed, temperature):
    masses, potential = random_state(grid, seed)
    masses = masses + 1e-3
    xi = potential + temperature * np.log(masses / grid.volumes)
    rate, _ = transport(masses, potential, grid, temperature)
    # one axis: the fluxes are the cumulated rates, and each goes down the slope of xi
    if grid.dims == 1:
        flux, fall = -np.cumsum(rate)[:-1], -np.diff(xi)
        assert np.all(flux[np.abs(fall) > 1e-6] * fall[np.abs(fall) > 1e-6] > 0)
