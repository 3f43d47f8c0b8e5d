"""Kinks that are taken off: exact jumps, what is left, coefficients and truncated moments against integrals of other kinds."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest

from infwidth.limits import activations, gaussian
from infwidth.limits.gaussian import duals
from infwidth.limits.gaussian.hermite_functions import hermite_functions
from infwidth.limits.gaussian.kinks import Kink, coefficients, kinks_of, product, without
from infwidth.limits.gaussian.line import density, integrate
from infwidth.limits.gaussian.plane import in_units, integrate_pairs

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


@pytest.mark.parametrize("of", ["value", "derivative"])
@pytest.mark.parametrize("phi", [CLIP, RELU6, HARD, TENT], ids=lambda a: a.name)
def test_pairs_are_integrals_at_every_correlation(phi, of, monkeypatch):
    """Against the integral over the plane, which shares nothing with it, and without asking for that but beside c = 1 where curvatures
    jump: within the errors that both state."""
    c = np.array([-0.9, 0.0, 0.99, 1 - 1e-9])
    s = np.sqrt((1 - c) * (1 + c))
    f = phi.value if of == "value" else phi.derivative
    exact, error = integrate_pairs(f, np.full(4, 2.0), np.full(4, 0.7), c, s, phi.kinks, 1e-9)
    asked = []
    monkeypatch.setattr(duals, "integrate_pairs", lambda f, q1, *rest: (asked.extend(q1), integrate_pairs(f, q1, *rest))[1])
    found = gaussian.dual(phi, 2.0, 0.7, c, of=of, sine=s)
    assert (np.abs(found.value - exact) <= found.error + error).all()
    assert (found.error < 2e-12).all() and len(asked) <= (1 if phi is HARD and of == "value" else 0)


def test_what_is_no_polynomial_beside_its_kink_has_an_honest_error():
    """tanh, cut at 1: its series says what it misses, and pairs go the slow way."""
    cut = activations.custom("cut", lambda h: np.tanh(np.minimum(h, 1)), lambda h: (h < 1) * (1 - np.tanh(h) ** 2), kinks=(1.0,))
    series = gaussian.hermite_series(cut.value, np.array([1.0]), 40, cut.kinks)
    functions, z = hermite_functions(np.linspace(-12, 12, 48001), 40), np.linspace(-12, 12, 48001)
    exact = (cut.value(z) * np.sqrt(density(z)) * functions).sum(axis=1) * (z[1] - z[0])
    gap = np.linalg.norm(series.coefficients[0] - exact)
    assert 1e-12 < gap < series.error[0] + 1e-8
    found, told = gaussian.dual(cut, 1.0, 1.0, 0.5), gaussian.dual(replace(cut, kinks=()), 1.0, 1.0, 0.5)
    assert found.error < 1e-12 and abs(found.value - told.value) <= told.error + found.error
