"""The convex program of the smallest risk: its gradient, its masses against another solver, its certificate against brute force."""

import math

import numpy as np
import pytest
from scipy import optimize

from infwidth.limits.isotropic.directions import MEI_MONOTONE, MEI_NON_MONOTONE
from infwidth.limits.isotropic.population import radial_population
from infwidth.limits.isotropic.radial_fields import Fields, polished


def fields(dim=40, delta=0.6, activation=MEI_MONOTONE):
    return Fields(radial_population(dim, delta, activation), activation, dim)


@pytest.mark.parametrize("dim", [3, 40, math.inf])
def test_slope_is_that_of_the_columns(dim):
    program, x = fields(dim), np.array([0.05, 0.4, 0.7, 0.95])
    difference = (program(x + 1e-6) - program(x - 1e-6)) / 2e-6
    np.testing.assert_allclose(program.slope(x), difference, atol=1e-6)
    np.testing.assert_allclose(program(1.0), program(1 - 1e-9), atol=1e-6)  # infinity is a radius like others


def test_best_masses_against_quadratic_programming():
    program = fields()
    rng = np.random.default_rng(0)
    for size in (1, 2, 5, 9):
        columns = program(rng.random(size))
        found = program.best_masses(columns)
        assert found.min() >= 0 and found.sum() == pytest.approx(1, abs=1e-14)
        other = optimize.minimize(
            lambda m, columns=columns: np.sum((columns @ m - program.target) ** 2),
            np.full(size, 1 / size),
            bounds=[(0, 1)] * size,
            constraints={"type": "eq", "fun": lambda m: m.sum() - 1},
            tol=1e-12,
        )
        assert np.sum((columns @ found - program.target) ** 2) == pytest.approx(other.fun, abs=1e-8)


@pytest.mark.parametrize("activation", [MEI_MONOTONE, MEI_NON_MONOTONE])
def test_the_certificate_is_the_steepest_change_of_the_risk(activation):
    """-d/de risk((1 - e) rho + e delta_x) at the radius that it names, and no larger on 4000 others."""
    program = fields(20, 0.5, activation)
    x, masses = np.array([0.3, 0.62]), np.array([0.25, 0.75])
    gap, worst = program.certificate(x, masses)

    def gain(z, e=1e-6):
        moved = (1 - e) * (program(x) @ masses - program.target)[:, None] + e * (program(z) - program.target[:, None])
        return (program.risk(x, masses) - np.sum(moved**2, axis=0)) / e

    assert gap == pytest.approx(gain(worst).item(), rel=1e-4)
    assert gain(np.linspace(0, 1, 4001)).max() < gap * (1 + 1e-4)


def test_polished_atoms_are_at_a_stationary_point_in_order():
    program = fields()
    x, masses = polished(program, np.array([0.9, 0.5, 0.1]), np.full(3, 1 / 3))
    assert masses.sum() == pytest.approx(1, abs=1e-13) and np.all(np.diff(x) > 0)
    psi = 2 * (program(x) @ masses - program.target) @ program(x)
    slope = 2 * (program(x) @ masses - program.target) @ program.slope(x)
    inside = (x > 0) & (x < 1)
    assert np.ptp(psi) < 1e-6 and np.abs(slope[inside]).max() < 1e-6


def test_atoms_at_one_place_are_united():
    x, masses = polished(fields(math.inf, 0.2), np.array([0.6, 0.6, 0.999999]), np.array([0.3, 0.7, 0.0]))
    assert len(x) == 1 and masses.tolist() == [1.0]
