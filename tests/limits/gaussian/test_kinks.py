"""Kinks that are taken off: exact jumps, what is left, coefficients and truncated moments against integrals of other kinds."""

import mpmath
import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.limits.gaussian.hermite_functions import hermite_functions
from infwidth.limits.gaussian.kinks import Kink, coefficients, kinks_of, product, without
from infwidth.limits.gaussian.line import density, integrate
from infwidth.limits.gaussian.plane import in_units

ROOT = np.array([1e-3, 0.5, 1.0, 10.0])
CLIP = activations.custom("clip", lambda h: np.clip(h, -1, 2), lambda h: ((h > -1) & (h < 2)).astype(h.dtype), kinks=(-1.0, 2.0))
RELU6 = activations.custom("relu6", lambda h: np.clip(h, 0, 6), lambda h: ((h > 0) & (h < 6)).astype(h.dtype), kinks=(0.0, 6.0))
HARD = activations.custom(
    "hard swish", lambda h: h * np.clip(h + 3, 0, 6) / 6, lambda h: np.where(np.abs(h) < 3, (2 * h + 3) / 6, h > 0), kinks=(-3.0, 3.0)
)
TENT = activations.custom("tent", lambda h: np.maximum(0, 1 - abs(h)), lambda h: -np.sign(h) * (abs(h) < 1), kinks=(-1.0, 0.0, 1.0))


def close(found, at, jumps, atol=1e-11):
    return found.at == at and np.allclose(found.jumps, jumps, rtol=0, atol=atol)


def test_jumps():
    low, high = kinks_of(HARD.value, HARD.kinks)
    assert close(low, -3, (0, -0.5, 1 / 3)) and close(high, 3, (0, -0.5, -1 / 3))
    one, two = kinks_of(CLIP.derivative, CLIP.kinks)
    assert close(one, -1, (1, 0, 0)) and close(two, 2, (-1, 0, 0))
    near = kinks_of(lambda h: abs(h - 1) + abs(h - 1.01), (1.01, 1.0))  # steps no longer than the way to the next
    assert [kink.at for kink in near] == [1, 1.01] and all(close(kink, kink.at, (0, 2, 0), 1e-9) for kink in near)


@pytest.mark.parametrize("near", [np.nextafter(1.0, 2.0), 1 + 1e-12, 1 + 1e-8])
def test_points_too_near_for_differences_are_one(near):
    """Rounding over the square of their distance was taken for a jump of the curvature."""
    found = kinks_of(lambda h: h**2 + 3.0 * np.maximum(h - 1, 0.0), (1.0, near))
    np.testing.assert_allclose(np.sum([kink.jumps for kink in found], axis=0), (0, 3, 0), atol=1e-6)


@pytest.mark.parametrize("points", [(1e-300,), (0.0, 5e-324), (-1e-310, 1e-310)])
def test_points_as_good_as_0(points):
    jumps = np.sum([kink.jumps for kink in kinks_of(lambda h: np.maximum(h, 0.0), points)], axis=0)
    np.testing.assert_allclose(jumps, (0, 1, 0), atol=1e-9)


@pytest.mark.parametrize("phi", [CLIP, RELU6, HARD, TENT], ids=lambda a: a.name)
def test_what_is_left_is_a_polynomial(phi):
    """Of second degree: third differences vanish across all kinks; and near 0 nothing is taken off."""
    h = np.linspace(-9, 9, 61)
    smooth = without(phi.value, kinks_of(phi.value, phi.kinks))
    np.testing.assert_allclose(np.diff(smooth(h), 3), 0, atol=1e-10)
    at = np.array([-0.3, -1e-9, 1e-9, 0.3])
    off = [kink for kink in kinks_of(phi.value, phi.kinks) if kink.at]
    np.testing.assert_array_equal(without(phi.value, off)(at), phi.value(at))


@pytest.mark.parametrize("kink", [Kink(0.7, (1.0, -2.0, 0.5)), Kink(-0.7, (1.0, -2.0, 0.5)), Kink(0.0, (0.5, 1.0, 3.0))])
def test_coefficients_are_integrals(kink):
    def taken(h):
        return -without(np.zeros_like, [kink])(h)

    def integrand(z, rows):
        functions = hermite_functions(z.ravel(), 12).reshape(12, *z.shape)
        return taken(ROOT[rows, None] * z) * functions / np.sqrt(density(z))

    exact, _ = integrate(integrand, len(ROOT), in_units((kink.at,), ROOT), 1e-13)
    found = coefficients([kink], ROOT, 12)
    size = np.sqrt(1 + ROOT**4)
    assert (np.abs(found.T - exact) < 2e-13 * size).all() and (np.abs(found) > 0.05).any()
    np.testing.assert_array_equal(coefficients([kink], ROOT, 1), found[:, :1])


def truncated(t, t_, c, p, p_):
    """E (z - t)_+^p (w - t')_+^p' by one integral, the inner one in closed form."""
    s = mpmath.sqrt(1 - mpmath.mpf(c) ** 2)

    def inner(z):
        x = (t_ - c * z) / s
        return s * (mpmath.npdf(x) - x * mpmath.ncdf(-x)) if p_ else mpmath.ncdf(-x)

    cuts = sorted({mpmath.mpf(t), *(mpmath.mpf(x) for x in (max(t, t_ / c + k * s) if c else t + 1 for k in (-8, 0, 8))), t + 3, t + 12})
    return mpmath.quad(lambda z: (z - t) ** p * mpmath.npdf(z) * inner(z), cuts)


@pytest.mark.parametrize("c", [-0.9, 0.3, 0.99, 1 - 1e-6])
@pytest.mark.parametrize("points", [(0.6,), (0.0,), (-1.0, 0.4)])
def test_products_against_mpmath(points, c):
    """The kinks of both variables, each with each: truncated moments, on the side that the kink's sign tells."""
    a, b, jumps = 2.0, 0.5, ((0.3, -1.0), (0.7, 2.0))
    kinks = [Kink(at, (*pair, 0.0)) for at, pair in zip(points, jumps, strict=False)]
    with mpmath.workdps(20):
        sine, exact = float(mpmath.sqrt(1 - mpmath.mpf(c) ** 2)), 0.0
        for at, (j0, j1, _) in kinks:
            for at_, (i0, i1, _) in kinks:
                side, side_ = np.copysign(1, at), np.copysign(1, at_)
                for p, weight in enumerate((side * j0, j1 * a)):
                    for p_, weight_ in enumerate((side_ * i0, i1 * b)):
                        exact += weight * weight_ * float(truncated(abs(at) / a, abs(at_) / b, float(side * side_) * c, p, p_))
    found, error = (x[0] for x in product(kinks, *(np.array([x]) for x in (a, b, c, sine))))
    assert abs(found - exact) <= error + 1e-15 < 1e-12 and abs(exact) > 1e-7
