"""The rule for the population: exact where the answer is known, and its stated error."""

import math

import numpy as np
import pytest

from infwidth.limits.isotropic.directions import MEI_MONOTONE, MEI_NON_MONOTONE, PiecewiseLinear
from infwidth.limits.isotropic.population import _error, radial_population

ACTIVATIONS = (MEI_MONOTONE, MEI_NON_MONOTONE, PiecewiseLinear((-1.0, 0.0, 2.0), (1.0, 3.0, -2.0)))


@pytest.mark.parametrize("dim", [10, 40, 320, 1500])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_population_rule_is_exact_where_the_answer_is_known(activation, dim):
    radii, labels, weights, error = radial_population(dim, 0.6, activation)
    assert error < 2e-9
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    # moments of chi_d, which the rule does not use to state its error
    for label in (1, -1):
        own = labels == label
        assert 2 * weights[own] @ radii[own] ** 2 == pytest.approx(dim * (1 + 0.6 * label) ** 2, rel=1e-10)


def test_population_rule_states_its_error_in_low_dimension():
    errors = [radial_population(dim, 0.8, MEI_MONOTONE).error for dim in (2, 3, 5, 10)]
    assert errors[0] > errors[1] > errors[2] > errors[3]
    assert errors[0] < 0.02


def test_the_stated_error_of_the_rule_is_that_of_the_mean_and_of_its_slope():
    """In two dimensions, where it is large: the mean over a class as a function of the radius of the weight, and its derivative."""
    radii, labels, weights, error = radial_population(2, 0.8, MEI_MONOTONE)
    r = np.linspace(0, 10, 201)
    worst = 0.0
    for label in (1, -1):
        own, scale = labels == label, 1 + 0.8 * label

        def gap(r, own=own, scale=scale):
            rule = MEI_MONOTONE.radial_mean(np.outer(r, radii[own]), 2) @ (2 * weights[own])
            return rule - MEI_MONOTONE.radial_mean(scale * r, math.inf)

        slope = (gap(r[1:] + 1e-6) - gap(r[1:] - 1e-6)) / 2e-6
        worst = max(worst, np.abs(gap(r)).max(), np.abs(slope).max())
    assert error == pytest.approx(worst, rel=1e-4)
    # A rule whose weights sum to 1.01, of an activation that is nearly constant: there the mean is worse than the slope.
    flat = PiecewiseLinear((-50.0, 50.0), (3.0, 4.0))
    assert _error(np.ones(1), np.array([1.01]), math.inf, 0.5, flat) == pytest.approx(0.035)
