"""Averages over directions, against mpmath and finite differences."""

import math
import re

import mpmath
import numpy as np
import pytest

from infwidth.limits.isotropic.directions import MEI_MONOTONE, MEI_NON_MONOTONE, PiecewiseLinear

ACTIVATIONS = (MEI_MONOTONE, MEI_NON_MONOTONE, PiecewiseLinear((-1.0, 0.0, 2.0), (1.0, 3.0, -2.0)))


def quadrature(activation, s, dim):
    """Mean of the activation over the first coordinate of a direction (a Gaussian at infinity), cut at the knots."""
    cuts = [t / s for t in activation.knots]

    def value(z):
        return mpmath.mpf(float(activation.value(float(s * z))))

    if math.isinf(dim):
        return float(mpmath.quad(lambda z: mpmath.npdf(z) * value(z), sorted([-12, 0, 12, *(c for c in cuts if abs(c) < 12)])))
    angles = sorted([0, mpmath.pi / 2, mpmath.pi, *(mpmath.acos(c) for c in cuts if abs(c) < 1)])
    power = dim - 2
    mean = mpmath.quad(lambda a: mpmath.sin(a) ** power * value(mpmath.cos(a)), angles)
    return float(mean / mpmath.quad(lambda a: mpmath.sin(a) ** power, [0, mpmath.pi / 2, mpmath.pi]))


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dim", [2, 3, 40, math.inf])
def test_radial_mean_against_quadrature(activation, dim):
    s = np.array([0.3, 1.1, 4.0, 30.0])
    expected = [quadrature(activation, float(x), dim) for x in s]
    assert np.allclose(activation.radial_mean(s, dim), expected, rtol=0, atol=1e-9)
    assert activation.radial_mean(np.zeros(1), dim)[0] == pytest.approx(float(activation.value(0.0)), abs=1e-14)


def test_radial_mean_in_one_dimension_is_the_even_part():
    s = np.linspace(0.01, 5, 50)
    for activation in ACTIVATIONS:
        even = (activation.value(s) + activation.value(-s)) / 2
        assert np.allclose(activation.radial_mean(s, 1), even, rtol=0, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("dim", [3, 40, math.inf])
def test_radial_slope_is_the_derivative(activation, dim):
    s = np.linspace(0.05, 20, 60) + 1e-3
    h = 1e-5
    difference = (activation.radial_mean(s + h, dim) - activation.radial_mean(s - h, dim)) / (2 * h)
    assert np.allclose(activation.radial_slope(s, dim), difference, rtol=0, atol=1e-6)


def test_value_and_derivative_of_the_activation():
    ramp = MEI_MONOTONE
    assert ramp.value(np.array([-9.0, 0.5, 1.0, 1.5, 9.0])).tolist() == [-2.5, -2.5, 2.5, 7.5, 7.5]
    assert ramp.derivative(np.array([-9.0, 0.5, 1.0, 1.5, 9.0])).tolist() == [0, 10, 10, 0, 0]


@pytest.mark.parametrize(
    ("knots", "values", "name", "way_out"),
    [
        ((1.0,), (2.0,), "knots", "need 2 numbers or more, got 1"),
        ((1.0, 0.0), (0.0, 1.0), "knots", "need increasing numbers"),
        ((0.0, 1.0), (1.0,), "values", "need 2 numbers, one per knot"),
        ((0.0, np.nan), (0.0, 1.0), r"knots\[1\]", "need a finite number"),
    ],
)
def test_bad_activations(knots, values, name, way_out):
    with pytest.raises(ValueError, match=rf"^{name}: .*{re.escape(way_out)}"):
        PiecewiseLinear(knots, values)


@pytest.mark.parametrize("dim", [1, 2, 3, 40, math.inf])
def test_the_mean_keeps_its_digits_at_huge_radii(dim):
    """Half of the directions see each end, up to c / s: c from the smaller radius, where there is no cancellation to speak of."""
    for activation in (MEI_MONOTONE, MEI_NON_MONOTONE):
        end = (activation.values[0] + activation.values[-1]) / 2
        near, far = activation.radial_mean(np.array([1e4, 1e12]), dim) - end
        assert abs(far - near * 1e-8) < 1e-14
        near, far = activation.radial_slope(np.array([1e4, 1e8]), dim)
        assert far == pytest.approx(near * 1e-8, rel=1e-3, abs=1e-25)
