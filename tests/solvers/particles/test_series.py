"""Series of elementary functions against mpmath, to the last digits of double precision."""

import math

import mpmath
import numpy as np
from numpy.polynomial import polynomial

from infwidth.solvers.particles.series import ERF_LARGE, ERF_SMALL, EXPM1


def test_erf_near_zero():
    x = np.linspace(-1, 1, 401)
    x = x[x != 0]
    exact = [float(mpmath.erf(v) / v) for v in x]
    np.testing.assert_allclose(polynomial.polyval(2 * x**2 - 1, ERF_SMALL), exact, rtol=3e-16)


def test_scaled_erfc_beyond():
    """Within what erf shows of it: its error is damped by exp(-x^2)."""
    x = np.linspace(1, 6, 401)
    exact = np.array([float(mpmath.erfc(v) * mpmath.exp(v**2)) for v in map(mpmath.mpf, x)])
    t = (x - 3) / (x + 3)
    error = np.abs(polynomial.polyval((12 * t + 1) / 5, ERF_LARGE) - exact)
    assert error.max() < 1e-15 and (error * np.exp(-(x**2))).max() < 4e-16


def test_expm1_is_the_exponential_series_from_its_square_on():
    assert EXPM1 == tuple(1 / math.factorial(n) for n in range(2, 2 + len(EXPM1)))
    x = 0.5 * math.log(2)  # the largest that is left when powers of two are taken out
    assert abs(x + x**2 * polynomial.polyval(x, EXPM1) - math.expm1(x)) < 1e-16
