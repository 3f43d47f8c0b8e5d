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
