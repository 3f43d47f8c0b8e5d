"""The density of radii: order, noise, ridge, and the masses of far tails."""

import math

import numpy as np
import pytest
from scipy import stats

import infwidth as iw
from infwidth.limits.densities.problem import free_energy
from infwidth.limits.isotropic.density import radial_confinement, radial_masses
from infwidth.limits.isotropic.directions import PiecewiseLinear
from infwidth.solvers import Grid, ImplicitTransport, wasserstein_to_particles


def test_density_solver_is_of_second_order():
    """Against 6400 particles from quantiles, at t = 3, when the bump has spread and moved from .8 to 2."""
    exact = iw.solve(iw.RadialMeanField(40, 0.8, size=6400), method=iw.GradientFlow(3.0, rtol=1e-8, estimate_error=False), save_at=[3.0])
    errors = []
    for size in (200, 400, 800):
        sol = iw.solve(iw.RadialMeanField(40, 0.8, discretisation="density", size=size), method=iw.TransportFlow(3.0), save_at=[3.0])
        errors.append(wasserstein_to_particles(sol.problem.grid, sol.state, exact.state))
    assert math.log2(errors[1] / errors[2]) == pytest.approx(2, abs=0.15), errors


def test_density_with_noise_reaches_the_gibbs_law_of_its_own_potential():
    model = iw.RadialMeanField(20, 0.8, discretisation="density", temperature=0.05, weight_decay=0.2, r_max=6.0)
    sol = iw.solve(model, method=ImplicitTransport(100.0), save_at=np.linspace(0, 60, 9), observables={"free energy": free_energy})
    assert np.all(np.diff(sol.observables["free energy"]) < 0)
    _, psi = sol.problem.potential(sol.state)
    gibbs = sol.problem.grid.volumes * np.exp(-(psi - psi.min()) / 0.05)
    assert np.abs(sol.state - gibbs / gibbs.sum()).sum() < 1e-3


def test_radial_confinement_is_the_noise_of_many_dimensions():
    """Without interaction (activation constant) noise and ridge make w Gaussian of variance tau/lambda: r is a scaled chi."""
    flat = PiecewiseLinear((0.0, 1.0), (0.0, 0.0))
    model = iw.RadialMeanField(
        8, 0.5, discretisation="density", grid=Grid.uniform(0, 3.5, 120), activation=flat, temperature=0.5, weight_decay=2.0
    )
    sol = iw.solve(model, method=ImplicitTransport(3.0), save_at=[3.0])
    edges = sol.problem.grid.edges[0]
    assert np.abs(sol.state - np.diff(stats.chi(8, scale=0.5).cdf(edges))).sum() < 2e-3


def test_masses_of_far_tails_keep_their_digits():
    law = stats.chi(40, scale=0.8 / math.sqrt(40))
    grid = Grid([0.0, 0.2, 0.21, 0.8, 1.8, 1.81, 3.0])
    masses = radial_masses(law)(grid)
    lower, upper = (law.pdf(a + 0.01 * (np.arange(100) + 0.5) / 100).mean() * 0.01 for a in (0.2, 1.8))  # a midpoint rule
    assert lower < 1e-16 and upper < 1e-16
    assert math.isclose(masses[1], lower, rel_tol=1e-4) and math.isclose(masses[4], upper, rel_tol=1e-4)
    assert math.isclose(masses[5], law.sf(1.81), rel_tol=1e-12)  # the rest of the tail is in the last cell
    assert radial_masses(law)(Grid([0.7, 0.8, 0.9]))[[0, 1]] == pytest.approx([law.cdf(0.8), law.sf(0.8)])
    assert masses.sum() == pytest.approx(1, abs=1e-15)


def test_the_confinement_of_noise_and_ridge():
    r = np.array([[0.5], [2.0]])
    expected = 0.2 / 2 * r[:, 0] ** 2 - 0.3 * 7 * np.log(r[:, 0])
    assert np.allclose(radial_confinement(8, 0.3, 0.2)(r), expected, rtol=1e-15)
    assert np.allclose(radial_confinement(8, 0.0, 0.2)(r), r[:, 0] ** 2 / 10) and radial_confinement(8, 0.0, 0.0) is None


def test_a_given_grid_is_used():
    grid = Grid.uniform(0, 6, 30)
    assert iw.RadialMeanField(40, 0.8, "density", grid=grid).bind(None, None).grid is grid
