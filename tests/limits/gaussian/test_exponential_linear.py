"""The closed form of elu against mpmath, where its parts cancel or grow, and against identities that share nothing with it."""

import mpmath
import numpy as np
import pytest

from infwidth.limits import gaussian
from infwidth.limits.gaussian.exponential_linear import elu

FORM = elu()


def exactly(q1, q2, c, order):
    r"""E f(u) E[f(v) | u], the inner mean in closed form, to 25 digits; f is :math:`\phi` or its derivative."""
    a, b, c = mpmath.sqrt(q1), mpmath.sqrt(q2), mpmath.mpf(c)
    root = mpmath.sqrt(1 - c * c)
    tau = b * root

    def inner(z):
        mean = c * b * z
        below = mpmath.exp(mean + tau**2 / 2) * mpmath.ncdf(-mean / tau - tau)
        if order:
            return mpmath.ncdf(mean / tau) + below
        return mean * mpmath.ncdf(mean / tau) + tau * mpmath.npdf(mean / tau) + below - mpmath.ncdf(-mean / tau)

    def outer(z):
        return (mpmath.mpf(1) if order else a * z) if z > 0 else (mpmath.exp(a * z) if order else mpmath.expm1(a * z))

    width = float(root / abs(c)) if c else 1.0
    cuts = sorted({-14.0, -5.0, -2.0, 0.0, 2.0, 5.0, 14.0, *(k * min(width, 1) for k in (-8, -2, 2, 8)), -12 / (1 + float(a))})
    return mpmath.quad(lambda z: mpmath.npdf(z) * outer(z) * inner(z), cuts)


CASES = [(1.0, 2.0, 0.9999), (1e-3, 1e-3, 0.3), (1e3, 1e-3, -0.5)]
MORE = [
    (q1, q2, c)
    for q1, q2 in ((1e-8, 4.0), (0.0024, 0.0026), (4.0, 0.3), (1e3, 1e3), (1e5, 1e-2))
    for c in (-0.9999, -0.5, 1e-3, 0.9, 1 - 1e-9)
]


@pytest.mark.parametrize("case", CASES + [pytest.param(case, marks=pytest.mark.slow) for case in MORE])
def test_duals_against_mpmath(case):
    """To 1e-14 of the root mean squares, also where all terms of order 1 cancel (small variances)."""
    q1, q2, c = case
    with mpmath.workdps(25):
        sine = float(mpmath.sqrt(1 - mpmath.mpf(c) ** 2))
        exact = [float(exactly(mpmath.mpf(q1), mpmath.mpf(q2), c, order)) for order in (0, 1)]
    for of, value in zip(("value", "derivative"), exact, strict=True):
        moments = gaussian.moments("elu", [q1, q2])
        size = np.sqrt(np.prod(moments.square if of == "value" else moments.slope_square))
        found = gaussian.dual("elu", q1, q2, c, of=of, sine=sine)
        assert abs(found.value - value) < 1e-14 * size and found.error <= 1e-14 * size


@pytest.mark.parametrize("q", [1e-12, 1e-6, 1e-3, 0.1, 1.0, 30.0, 1e4])
def test_moments_against_mpmath(q):
    with mpmath.workdps(40):
        a = mpmath.sqrt(mpmath.mpf(q))
        tail = mpmath.erfc(a / mpmath.sqrt(2)) / 2 * mpmath.exp(a * a / 2)
        twice = mpmath.erfc(mpmath.sqrt(2) * a) / 2 * mpmath.exp(2 * a * a)
        mean = a / mpmath.sqrt(2 * mpmath.pi) + tail - 0.5
        exact = [mean, mpmath.mpf(q) / 2 + twice - 2 * tail + 0.5, 0.5 + tail, 0.5 + twice]
    found = gaussian.moments("elu", q)
    for value, expected in zip((found.mean, found.square, found.slope, found.slope_square), exact, strict=True):
        assert value == pytest.approx(float(expected), rel=2e-14)


def test_independent_variables_and_opposite_ones():
    """At c = 0 the product of the means; at c = -1 and c = 1 an integral over one variable."""
    q1, q2 = np.array([1e-4, 1.0, 100.0, 1e6]), np.array([3.0, 2.0, 1e-2, 1e6])
    zero, one = np.zeros(4), np.ones(4)
    np.testing.assert_allclose(FORM.value(q1, q2, zero, one), FORM.mean(q1) * FORM.mean(q2), rtol=1e-14, atol=1e-14 * 0.01)
    np.testing.assert_allclose(FORM.slope(q1, q2, zero, one), FORM.mean_slope(q1) * FORM.mean_slope(q2), rtol=3e-14)
    elu = lambda h: np.where(h > 0, h, np.expm1(np.minimum(h, 0)))  # noqa: E731
    for sign in (-1, 1):
        line = gaussian.expectation(lambda z, s=sign: elu(z) * elu(s * np.sqrt(2.0) * z), 1.0)
        assert FORM.value(np.array(1.0), np.array(2.0), np.array(float(sign)), np.array(0.0)) == pytest.approx(float(line.value), rel=1e-13)


def test_price_and_stein():
    """dE/dc = ab E phi' phi', and E phi'' phi = 2 dE/dq1 at fixed k; by central differences."""
    q1, q2, c, h = np.array([0.7, 5.0]), np.array([2.0, 0.3]), np.array([0.4, -0.8]), 1e-5

    def value(q1, q2, c):
        return FORM.value(q1, q2, c, np.sqrt(1 - c * c))

    slope = (value(q1, q2, c + h) - value(q1, q2, c - h)) / (2 * h)
    np.testing.assert_allclose(slope, np.sqrt(q1 * q2) * FORM.slope(q1, q2, c, np.sqrt(1 - c * c)), rtol=1e-8)
    up, down = q1 + h, q1 - h
    moved = (value(up, q2, c * np.sqrt(q1 / up)) - value(down, q2, c * np.sqrt(q1 / down))) / h
    np.testing.assert_allclose(FORM.curvature(q1, q2, c, np.sqrt(1 - c * c)), moved, rtol=1e-7)


def test_shapes_are_broadcast():
    c = np.linspace(-1, 1, 5)
    found = FORM.value(np.array([[1.0], [2.0]]), np.array(0.5), c, np.sqrt(1 - c**2))
    assert found.shape == (2, 5)
    assert found[1, 3] == FORM.value(np.array(2.0), np.array(0.5), c[3], np.sqrt(1 - c[3] ** 2))
