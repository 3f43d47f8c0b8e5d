"""Minimum risk: against brute force, its own certificate, and the dynamics."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar

import infwidth as iw
from infwidth.limits.isotropic import statics
from infwidth.limits.isotropic.directions import MEI_MONOTONE, MEI_NON_MONOTONE
from infwidth.limits.isotropic.statics import TOLERANCE, minimum_risk, one_atom_transition


def risk(dim, delta, radii, masses):
    """From the particles' own evaluation, by repeating radii; masses are multiples of 1/200."""
    r = np.repeat(radii, np.round(200 * np.asarray(masses)).astype(int))
    return iw.RadialMeanField(dim, delta, size=len(r)).bind(None, None).evaluate(r).loss


@pytest.mark.parametrize("dim", [40, math.inf])
@pytest.mark.parametrize("delta", [0.2, 0.5])
def test_one_atom_against_a_scalar_search(dim, delta):
    found = minimum_risk(dim, delta, atoms=1)
    best = min(
        (minimize_scalar(lambda r: risk(dim, delta, [r], [1.0]), bounds=(a, a + 1), method="bounded").fun for a in (0.0, 1.0, 2.0)),
    )
    assert found.risk == pytest.approx(best, abs=1e-8)
    assert len(found.radii) == 1 and risk(dim, delta, found.radii, found.masses) == pytest.approx(found.risk, abs=1e-8)


@pytest.mark.parametrize("activation", [MEI_MONOTONE, MEI_NON_MONOTONE])
@pytest.mark.parametrize("dim", [20, math.inf])
def test_any_law_is_certified_and_below_two_atoms_below_one(dim, activation):
    for delta in (0.3, 0.6):
        one, two, free = (minimum_risk(dim, delta, activation, atoms) for atoms in (1, 2, None))
        assert free.gap <= 1e-6
        assert free.risk <= two.risk + 1e-9 <= one.risk + 2e-9
        assert one.risk - one.gap <= free.risk + 1e-9 and two.risk - two.gap <= free.risk + 1e-9
        assert free.masses.sum() == pytest.approx(1) and np.all(np.diff(free.radii) > 0)


def test_no_random_law_beats_the_minimum():
    rng = np.random.default_rng(0)
    best = minimum_risk(40, 0.6)
    for _ in range(30):
        radii = rng.gamma(2.0, 1.0, 3)
        parts = rng.multinomial(200, rng.dirichlet(np.ones(3))) / 200
        assert risk(40, 0.6, radii, parts) >= best.risk - best.gap


def test_two_atoms_where_two_are_needed():
    found = minimum_risk(40, 0.46, atoms=2)
    near = risk(40, 0.46, np.where(np.isinf(found.radii), 1e7, found.radii), np.round(200 * found.masses) / 200)
    assert near == pytest.approx(found.risk, abs=1e-4)
    assert found.risk < minimum_risk(40, 0.46, atoms=1).risk - 1e-3


def test_transition_at_infinite_dimension():
    """A single radius is perfect where the outputs of both classes hit the labels; the paper reads off about .47."""
    q = MEI_MONOTONE.radial_mean

    def excess(delta):  # output of the wide class where that of the narrow one is -1
        r = brentq(lambda r: q(np.array([(1 - delta) * r]), math.inf)[0] + 1, 0.1, 2 / (1 - delta))
        return q(np.array([(1 + delta) * r]), math.inf)[0] - 1

    exact = brentq(excess, 0.3, 0.7)
    assert one_atom_transition(math.inf) == pytest.approx(exact, abs=1e-3)
    assert exact == pytest.approx(0.47, abs=0.005)
    assert minimum_risk(math.inf, exact + 0.01).risk < 1e-10 < 1e-6 < minimum_risk(math.inf, exact - 0.01).risk


def test_the_transition_is_the_upper_end_of_an_interval():
    end = one_atom_transition(20, tolerance=1e-2)
    gaps = [minimum_risk(20, delta, atoms=1).gap for delta in (0.05, end - 0.02, end + 0.02)]
    assert gaps[0] > 1e-6 and gaps[1] <= 1e-7 < 1e-6 < gaps[2]


@pytest.mark.slow
def test_no_atom_is_optimal_in_low_dimension():
    assert one_atom_transition(10) == 0.0


def test_gradient_flow_stays_above_the_minimum_and_ends_at_one_atom_below_the_transition():
    sol = iw.solve(iw.RadialMeanField(40, 0.3, size=50), method=iw.GradientFlow(400.0, estimate_error=False), save_at=[0, 10, 400])
    best = minimum_risk(40, 0.3)
    assert len(best.radii) == 1
    assert np.all(sol.loss > best.risk - 1e-9) and sol.loss[-1] == pytest.approx(best.risk, rel=1e-3)
    assert np.ptp(sol.state) < 0.02 and sol.state.mean() == pytest.approx(best.radii[0], rel=1e-2)


@pytest.mark.parametrize(
    ("dim", "delta", "activation"),
    [(40, 0.6125, MEI_MONOTONE), (40, 0.05, MEI_MONOTONE), (10, 0.7, MEI_NON_MONOTONE), (2, 0.6, MEI_MONOTONE)],
)
def test_any_law_meets_its_tolerance(monkeypatch, dim, delta, activation):
    """Whatever the candidates' program gave: here it starts from one poor atom, and all the others join by the certificate."""
    best = minimum_risk(dim, delta, activation)
    assert best.gap <= TOLERANCE and np.all(best.masses > 0)
    assert len(best.radii) == 1 or (np.all(np.diff(best.radii[:-1]) > 0) and best.radii[-1] > best.radii[-2])
    monkeypatch.setattr(statics, "_groups", lambda fields: np.array([0.3]))
    again = minimum_risk(dim, delta, activation)
    assert again.gap <= TOLERANCE and again.risk == pytest.approx(best.risk, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"atoms": 0}, "atoms: need an integer from 1 to 2, got 0"),
        ({"atoms": 3}, "atoms: need an integer from 1 to 2, got 3; or None for any law"),
        ({"delta": 1.2}, "delta: need a finite number >= 0 and < 1, got 1.2; at 1 one class is a point"),
        ({"dim": 1}, "dim: need an integer from 2 to 1000000, got 1; or math.inf"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        minimum_risk(**({"dim": 40, "delta": 0.5} | arguments))


def test_the_gap_is_that_of_the_potential_of_the_density_solver():
    """One atom at delta = .5 is not optimal; its potential, from the other code, on fine cells up to radius 40."""
    from infwidth.limits.isotropic.density import RadialRisk
    from infwidth.limits.isotropic.population import radial_population
    from infwidth.solvers import Grid

    found = minimum_risk(40, 0.5, atoms=1)
    edges = np.concatenate((np.linspace(0, 3, 601), np.geomspace(3.01, 1e4, 200)))
    grid = Grid(np.sort(np.append(edges, found.radii[0] + np.array([-1e-6, 1e-6]))))
    atom = int(np.argmin(np.abs(grid.axes[0] - found.radii[0])))
    risk, _, psi = RadialRisk(radial_population(40, 0.5, MEI_MONOTONE), MEI_MONOTONE, 40, grid).evaluate(np.eye(grid.cells)[atom])
    assert risk == pytest.approx(found.risk, abs=1e-7)
    assert psi[atom] - psi.min() == pytest.approx(found.gap, abs=2e-3)
