"""Hermite functions against numpy's polynomials, orthonormal, and bounded where the polynomials are not."""

import math

import numpy as np
from numpy.polynomial import hermite_e

from infwidth.limits.gaussian.hermite_functions import hermite_functions


def test_they_are_polynomials_times_the_root_of_the_density():
    z = np.linspace(-5, 5, 11)
    polynomials = [hermite_e.hermeval(z, np.eye(12)[k]) / math.sqrt(math.factorial(k)) for k in range(12)]
    root = np.exp(-(z**2) / 4) / (2 * np.pi) ** 0.25
    np.testing.assert_allclose(hermite_functions(z, 12), polynomials * root, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(hermite_functions(z, 1), [root])


def test_they_are_orthonormal_and_bounded_at_high_degree():
    """By the trapezoidal rule, which is exact for them to rounding."""
    z = np.linspace(-54, 54, 4001)
    high = hermite_functions(z, 501)[[0, 1, 250, 499, 500]]
    np.testing.assert_allclose(high @ high.T * (z[1] - z[0]), np.eye(5), atol=1e-12)
    assert np.abs(high).max() < 1
