"""Radial particles: the compiled table against the reference, finite differences, and their starts."""

import math

import numpy as np
import pytest
from scipy import stats

import infwidth as iw
from infwidth.limits.isotropic.directions import MEI_MONOTONE, MEI_NON_MONOTONE
from infwidth.limits.isotropic.particles import RadialTable, reference_evaluate


@pytest.mark.parametrize("activation", [MEI_MONOTONE, MEI_NON_MONOTONE])
@pytest.mark.parametrize("dim", [3, 40, math.inf])
def test_compiled_evaluation_against_the_reference(activation, dim):
    for size in (1, 255, 256, 257, 600):
        problem = iw.RadialMeanField(dim, 0.8, size=size, activation=activation, initial=stats.uniform(0.0, 4.0)).bind(None, None)
        r = problem.start()
        r[0] *= -1  # a particle that stepped over the origin counts by its modulus and moves back
        velocity = np.empty_like(r)
        risk, outputs = problem.evaluate(r, velocity)
        expected, moves = reference_evaluate(r, problem.population, activation, dim)
        assert risk == pytest.approx(expected, abs=1e-7)
        assert np.abs(velocity - moves).max() < 1e-4 if dim == 3 else np.abs(velocity - moves).max() < 1e-8
        assert outputs.shape == (len(problem.population.radii), 1)


def test_table_error_falls_at_third_order():
    errors = [RadialTable(MEI_MONOTONE, 40, cells).error for cells in (512, 1024)]
    assert math.log2(errors[0] / errors[1]) == pytest.approx(3, abs=0.15)  # of the slope; the value is of order 4
    assert RadialTable(MEI_MONOTONE, 40).error < 1e-9


@pytest.mark.parametrize("dim", [3, 40, math.inf])
def test_the_table_is_right_beside_the_origin(dim):
    """A knot at 0 makes a one-sided slope there, which the first cell of the table has to know."""
    table = RadialTable(MEI_NON_MONOTONE, dim)
    s = np.array([1e-9, 1e-5, 1e-4])
    value, slope = table.read(s)
    exact = MEI_NON_MONOTONE.radial_slope(s, dim)
    assert np.all(exact < -0.1) and np.allclose(slope, exact, rtol=1e-4)
    assert np.allclose(value, MEI_NON_MONOTONE.radial_mean(s, dim), rtol=0, atol=1e-9)
    problem = iw.RadialMeanField(dim, 0.5, size=3, activation=MEI_NON_MONOTONE).bind(None, None)
    r = np.array([0.0, 1e-5, -1e-5])
    velocity = np.empty(3)
    problem.evaluate(r, velocity)
    _, expected = reference_evaluate(r, problem.population, MEI_NON_MONOTONE, dim)
    assert velocity[0] == 0 and velocity[1] == -velocity[2] != 0 and np.allclose(velocity, expected, rtol=1e-4)


def test_velocity_is_minus_size_times_the_gradient_of_the_risk():
    problem = iw.RadialMeanField(40, 0.5, size=12, random_start=True).bind(None, np.random.default_rng(3))
    r = problem.start() + 0.5
    velocity = np.empty_like(r)
    problem.evaluate(r, velocity)
    for i in (0, 5, 11):
        step = 1e-5 * np.eye(12)[i]
        slope = (problem.evaluate(r + step).loss - problem.evaluate(r - step).loss) / 2e-5
        assert velocity[i] == pytest.approx(-12 * slope, abs=1e-8)


def test_quantile_start_and_random_start():
    law = stats.chi(40, scale=0.8 / math.sqrt(40))
    placed = iw.RadialMeanField(40, 0.8, size=100).bind(None, None).start()
    assert np.allclose(law.cdf(placed), (np.arange(100) + 0.5) / 100)
    drawn = iw.RadialMeanField(40, 0.8, size=2000, random_start=True).bind(None, np.random.default_rng(0)).start()
    assert stats.kstest(drawn, law.cdf).pvalue > 0.01


def test_a_random_start_is_of_the_generator_alone():
    model = iw.RadialMeanField(40, 0.8, size=30, random_start=True)
    first, same, other = (model.bind(None, np.random.default_rng(seed)).start() for seed in (1, 1, 2))
    assert np.array_equal(first, same) and not np.array_equal(first, other)


def test_noise_on_weights_in_d_dimensions_is_seen_in_their_radii():
    """One Langevin step of 200 000 weights in d dimensions, each with the radial velocity of its radius, and of as many radii."""
    d, N, h, tau, decay = 5, 200_000, 0.3, 0.2, 0.4
    problem = iw.RadialMeanField(d, 0.5, size=N, initial=0.6).bind(None, np.random.default_rng(0))
    rng, r = np.random.default_rng(1), problem.start()
    velocity = np.empty(N)
    problem.evaluate(r, velocity)
    w = np.zeros((N, d))
    w[:, 2] = (1 - decay * h) * r + h * velocity
    w += np.sqrt(2 * tau * h) * rng.standard_normal((N, d))
    many = np.linalg.norm(w, axis=1)
    problem.stir(r)[1](h, tau, decay, rng)
    for power in (1, 2, 4):
        a, b = many**power, r**power
        assert abs(a.mean() - b.mean()) < 4 * np.sqrt((a.var() + b.var()) / N)
    assert stats.ks_2samp(many, r).pvalue > 1e-3
    assert r.min() >= 0


def test_noise_drifts_a_radius_outwards_by_d_minus_1_over_r():
    """Radii at 1: beyond what the force moves, the mean moves by (d - 1) tau h / r."""
    d, N, h, tau = 7, 400_000, 1e-3, 0.5
    problem = iw.RadialMeanField(d, 0.5, size=N, initial=stats.uniform(0.999, 0.002)).bind(None, np.random.default_rng(0))
    r, velocity = problem.start(), np.empty(N)
    problem.evaluate(r, velocity)
    before = r + h * velocity
    problem.stir(r)[1](h, tau, 0.0, np.random.default_rng(2))
    drift = (r - before) / h
    assert abs(drift.mean() - (d - 1) * tau) < 4 * drift.std() / np.sqrt(N) + 10 * h


def test_radial_particles_with_noise_agree_with_the_density():
    d, delta, tau, decay, t = 20, 0.8, 0.05, 0.2, 2.0
    runs = [
        iw.solve(iw.RadialMeanField(d, delta, size=1000), method=iw.Langevin(0.02, tau, decay, 100), rng=s, save_at=[100]) for s in range(8)
    ]
    squares = np.array([(run.state**2).mean() for run in runs])
    density = iw.RadialMeanField(d, delta, "density", temperature=tau, weight_decay=decay)
    q = iw.solve(density, method=iw.solvers.ImplicitTransport(t, estimate_error=False), save_at=[t])
    exact = q.problem.grid.axes[0] ** 2 @ q.state
    assert abs(squares.mean() - exact) < 4 * squares.std(ddof=1) / np.sqrt(8) + 0.01 * exact  # the step of .02 and the cells


def test_noise_in_infinite_dimension_is_refused():
    with pytest.raises(ValueError, match=r"^temperature: .*finite dim"):
        iw.solve(iw.RadialMeanField(np.inf, 0.5, size=5), method=iw.Langevin(0.1, 0.1, 0.1, 2), rng=0)
    sol = iw.solve(iw.RadialMeanField(np.inf, 0.5, size=5), method=iw.Langevin(0.1, 0.0, 0.1, 2), rng=0)
    assert sol.success
