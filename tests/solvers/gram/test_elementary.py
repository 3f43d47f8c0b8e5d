"""Elementary functions against mpmath."""

import math

import mpmath
import numpy as np
import pytest

from infwidth.solvers.gram import elementary


def test_arcsine_polynomial():
    z = np.linspace(0, 0.25, 301)
    exact = [float(mpmath.asin(mpmath.sqrt(v)) / mpmath.sqrt(v)) if v else 1.0 for v in map(mpmath.mpf, z)]
    np.testing.assert_allclose([elementary.arcsine_ratio(v) for v in z], exact, rtol=3e-16)


def test_angle_has_its_digits_at_both_ends():
    delta = np.concatenate([[0.0, 1e-300, 1e-20, 1e-9, 0.4999, 0.5001, 0.9999, 1.0, 1.0001, 1.4999, 1.5001, 2.0], np.linspace(0, 2, 97)])
    with mpmath.workdps(400):
        exact = [float(mpmath.acos(1 - mpmath.mpf(d))) for d in delta]
    np.testing.assert_allclose([elementary.angle(d) for d in delta], exact, rtol=6e-16, atol=0)


def test_arcsine_of_arguments_near_zero_and_one():
    for x in (1e-20, 1e-3, 0.3, 0.4999, 0.5001, 0.9):
        for sign in (-1, 1):
            assert elementary.arcsine(sign * x, 1 - sign * x) == pytest.approx(sign * math.asin(x), rel=6e-16)
    with mpmath.workdps(40):
        assert elementary.arcsine(1.0, 1e-25) == pytest.approx(float(mpmath.asin(1 - mpmath.mpf(1e-25))), rel=3e-16)


def test_mills_ratio():
    """(1 - Phi) over the density, from 0 on."""
    for z in (0.0, 1e-8, 0.3, 1.0, 4.99, 5.01, 12.0, 37.0, 300.0):
        with mpmath.workdps(40):
            exact = float(mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) * mpmath.sqrt(mpmath.pi / 2) * mpmath.exp(mpmath.mpf(z) ** 2 / 2))
        assert elementary.mills(z) == pytest.approx(exact, rel=1e-15)


def test_exponential():
    x = np.array([0.0, -1e-20, -1e-3, -0.3465, -0.3466, -1.0, -50.3, -690.0])
    np.testing.assert_allclose([elementary.exp(v) for v in x], np.exp(x), rtol=0, atol=2.3e-16)
    np.testing.assert_allclose([elementary.exp(v) for v in x], np.exp(x), rtol=1e-13)
    assert elementary.exp(-1e9) < 1e-300


@pytest.mark.parametrize("delta", [-1e-16, 0.0, 1.0, 2.0, 2 + 1e-15])
def test_within_is_the_range_of_what_is_missing_from_a_cosine(delta):
    assert elementary.within(delta) == min(max(delta, 0.0), 2.0)
