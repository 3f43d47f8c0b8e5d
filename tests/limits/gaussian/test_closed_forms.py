"""Closed forms against integrals, two computations that share nothing, and against mpmath to the last digits."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from infwidth.limits import activations, gaussian

CLOSED = [
    *(activations.get(name) for name in activations.names() if activations.get(name).duals),
    activations.leaky_relu(0.3),
    activations.hermite(3),
    activations.monomial(2),
]
CORRELATIONS = np.array([-1, -1 + 1e-12, -0.999, -0.5, 0, 0.3, 0.9, 0.99, 0.9999, 1 - 1e-8, 1 - 1e-14, 1])
VARIANCES = [(1e-3, 1e-3), (1.0, 1.0), (1.0, 2.0), (1e3, 1e3), (1e-3, 1e3)]


def bare(phi):
    """The same function under a name that has no closed form."""
    return replace(phi, name="bare", duals=None)


def scale(phi, of, q1, q2):
    return float(np.sqrt(gaussian.dual(phi, q1, q1, 1.0, of=of).value * gaussian.dual(phi, q2, q2, 1.0, of=of).value))


@pytest.mark.parametrize("of", ["value", "derivative"])
@pytest.mark.parametrize("phi", CLOSED, ids=lambda a: a.name)
def test_closed_forms_and_integrals_agree(phi, of):
    """To 1e-12 of the scale, over all correlations with both ends and variances from 1e-3 to 1e3; and the errors say so."""
    for q1, q2 in VARIANCES[3:] if phi.kinks else VARIANCES:  # those with a kink at 0 are homogeneous
        exact = gaussian.dual(phi, q1, q2, CORRELATIONS, of=of)
        found = gaussian.dual(bare(phi), q1, q2, CORRELATIONS, of=of)
        size = scale(phi, of, q1, q2)
        np.testing.assert_allclose(found.value, exact.value, rtol=0, atol=1e-12 * size)
        assert (np.abs(found.value - exact.value) <= found.error + exact.error).all()
        assert (found.error <= 3e-12 * size).all() and (exact.error <= 1e-14 * size).all()


@pytest.mark.parametrize("phi", CLOSED, ids=lambda a: a.name)
def test_moments_of_closed_forms_and_integrals_agree(phi):
    q = np.array([1e-3, 0.2, 1.0, 7.0, 1e3])
    exact, found = gaussian.moments(phi, q), gaussian.moments(bare(phi), q)
    for name in ("mean", "square", "slope", "slope_square", "curvature"):
        assert (np.abs(getattr(found, name) - getattr(exact, name)) <= found.error + exact.error).all(), name
    size = np.maximum(exact.square, exact.slope_square)
    assert (found.error <= 3e-12 * np.maximum(1, size)).all()


def exact_arcsine_forms(name, of, q1, q2, c):
    q1, q2, c = mpmath.mpf(q1), mpmath.mpf(q2), mpmath.mpf(c)
    k, theta = c * mpmath.sqrt(q1 * q2), mpmath.acos(c)
    erf_root = (1 + 2 * q1) * (1 + 2 * q2)
    return {
        ("relu", "value"): mpmath.sqrt(q1 * q2) * (mpmath.sin(theta) + (mpmath.pi - theta) * c) / (2 * mpmath.pi),
        ("relu", "derivative"): (mpmath.pi - theta) / (2 * mpmath.pi),
        ("abs", "derivative"): 1 - 2 * theta / mpmath.pi,
        ("sign", "value"): 1 - 2 * theta / mpmath.pi,
        ("erf", "value"): 2 / mpmath.pi * mpmath.asin(2 * k / mpmath.sqrt(erf_root)),
        ("erf", "derivative"): 4 / mpmath.pi / mpmath.sqrt(erf_root - 4 * k * k),
        ("sin", "value"): mpmath.exp(-(q1 + q2) / 2) * mpmath.sinh(k),
        ("cos", "value"): mpmath.exp(-(q1 + q2) / 2) * mpmath.cosh(k),
    }[name, of]


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("relu", "value"),
        ("relu", "derivative"),
        ("abs", "derivative"),
        ("sign", "value"),
        ("erf", "value"),
        ("erf", "derivative"),
        ("sin", "value"),
        ("cos", "value"),
    ],
)
def test_closed_forms_lose_no_digits(name, of):
    """At the floats themselves, those beside 1 and -1 included, where an angle is 1e-8."""
    c = np.concatenate([CORRELATIONS, [np.nextafter(1, 0), np.nextafter(-1, 0)]])
    with mpmath.workdps(40):
        for q1, q2 in [*VARIANCES, (1e6, 1e6)]:
            expected = np.array([float(exact_arcsine_forms(name, of, q1, q2, x)) for x in c])
            size = float(np.sqrt(abs(exact_arcsine_forms(name, of, q1, q1, 1) * exact_arcsine_forms(name, of, q2, q2, 1))))
            np.testing.assert_allclose(gaussian.dual(name, q1, q2, c, of=of).value, expected, rtol=0, atol=4e-15 * size)


SMOOTH = [phi for phi in CLOSED if phi.name not in ("sign", "step")]  # what a jump adds is left out, as from their derivative


@pytest.mark.parametrize("phi", SMOOTH, ids=lambda a: a.name)
def test_curvature_is_twice_the_derivative_by_the_first_variance(phi):
    """E phi''(u) phi(v) = 2 d/dq1 E phi(u) phi(v) at a fixed covariance, of different variances, by central differences."""
    q1, q2, c, step = np.array([0.7, 2.0, 5.0]), np.array([2.0, 0.4, 3.0]), np.array([0.4, -0.8, 0.95]), 1e-5

    def value(q):
        moved = c * np.sqrt(q1 / q)
        return phi.duals.value(q, q2, moved, np.sqrt(1 - moved**2))

    exact = (value(q1 + step) - value(q1 - step)) / step
    found = phi.duals.curvature(q1, q2, c, np.sqrt(1 - c**2))
    np.testing.assert_allclose(found, exact, rtol=1e-7, atol=1e-8 * np.abs(value(q1)).max())


def test_errors_hold_what_rounding_does():
    """Mean squares of erf at 200 variances: some are off by a rounding, none by more than is said."""
    q = np.linspace(0.1, 3, 200)
    with mpmath.workdps(30):
        exact = [2 / mpmath.pi * mpmath.asin(2 * mpmath.mpf(x) / (1 + 2 * mpmath.mpf(x))) for x in q]
        gaps = [float(abs(mpmath.mpf(float(x)) - y)) for x, y in zip(gaussian.moments("erf", q).square, exact, strict=True)]
    assert 0 < max(gaps) and (gaps <= gaussian.moments("erf", q).error).all()
