"""Gaussian expectations against mpmath, published numbers, and exact identities."""

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


def bare(phi):
    """The same function under a name that has no closed form."""
    return replace(phi, name="bare", duals=None)


# mpmath


ORACLES = {
    "tanh": mpmath.tanh,
    "gelu": lambda h: h * mpmath.ncdf(h),
    "silu": lambda h: h / (1 + mpmath.exp(-h)),
    "elu": lambda h: h if h > 0 else mpmath.expm1(h),
}


def density(z):
    return mpmath.npdf(z)


@pytest.mark.parametrize(("name", "q1", "q2", "c"), [("tanh", 1, 2, 0.3), ("tanh", 4, 4, 0.999), ("elu", 1, 2, 0.9)])
def test_pairs_against_a_double_integral(name, q1, q2, c):
    with mpmath.workdps(16):
        phi, a, b, s = ORACLES[name], mpmath.sqrt(q1), mpmath.sqrt(q2), mpmath.sqrt(1 - mpmath.mpf(c) ** 2)

        def inner(z):
            cuts = sorted([-9, max(-9, min(9, -c * z / s)), 9])
            return mpmath.quad(lambda w: phi(b * (c * z + s * w)) * density(w), cuts, method="gauss-legendre", maxdegree=5)

        expected = mpmath.quad(lambda z: phi(a * z) * density(z) * inner(z), [-9, 0, 9], method="gauss-legendre", maxdegree=5)
    found = gaussian.dual(name, q1, q2, c)
    assert float(found.value) == pytest.approx(float(expected), abs=1e-12)
    assert found.error < 1e-12


@pytest.mark.parametrize("q", [1e-3, 0.7, 50.0])
@pytest.mark.parametrize("name", ORACLES)
def test_moments_against_mpmath(name, q):
    phi, root = ORACLES[name], mpmath.sqrt(q)
    cuts = [-40, -8, -2, -0.25, 0, 0.25, 2, 8, 40]
    with mpmath.workdps(18):
        square = mpmath.quad(lambda z: phi(root * z) ** 2 * density(z), cuts)
        mean = mpmath.quad(lambda z: phi(root * z) * density(z), cuts)
        slope_mean = mpmath.quad(lambda z: phi(root * z) * z * density(z), cuts) / root  # Stein
    found = gaussian.moments(name, q)
    np.testing.assert_allclose(
        [found.square, found.mean, found.slope], [float(x) for x in (square, mean, slope_mean)], rtol=1e-13, atol=1e-15
    )


def test_public_numbers_of_tanh():
    np.testing.assert_allclose(gaussian.moments("tanh", [0.2, 1, 2]).square, [0.147182, 0.394294, 0.519976], atol=5e-7)


@pytest.mark.parametrize(("std", "fixed"), [(1.3, 0.607047), (2.5, 4.079124), (4.0, 12.604149)])
def test_public_fixed_points_of_tanh(std, fixed):
    assert std**2 * gaussian.moments("tanh", fixed).square + 0.3**2 == pytest.approx(fixed, abs=1e-6)


def test_no_fixed_window():
    """A public grid, cut at 10, has 14.61 for the mean square of relu at variance 100."""
    relu = bare(activations.get("relu"))
    assert gaussian.moments(relu, 100.0).square == pytest.approx(50, rel=1e-13)
    assert gaussian.moments(relu, 7.905).square * 1.79 + 0.83 == pytest.approx(7.905, abs=5e-4)
    assert gaussian.expectation(np.exp, 36.0).value == pytest.approx(np.exp(18), rel=1e-12)


# Exact identities


@pytest.mark.parametrize("name", ["tanh", "elu", "softplus", "gelu", "erf"])
def test_price(name):
    """dE phi(u) phi(v)/dc = sqrt(q1 q2) E phi'(u) phi'(v)."""
    c, step = np.array([-0.6, 0.2, 0.85]), 1e-5
    difference = (gaussian.dual(name, 1.5, 0.6, c + step).value - gaussian.dual(name, 1.5, 0.6, c - step).value) / (2 * step)
    np.testing.assert_allclose(difference, np.sqrt(0.9) * gaussian.dual(name, 1.5, 0.6, c, of="derivative").value, rtol=1e-8)


@pytest.mark.parametrize("name", ["tanh", "elu", "softplus", "gelu", "cos", "gaussian", "abs"])
def test_heat_equation(name):
    """dE phi(u)^2/dq = E phi'^2 + E phi phi'', a kink of phi included."""
    q, step = np.array([0.3, 2.0, 20.0]), 1e-5
    difference = (gaussian.moments(name, q + step).square - gaussian.moments(name, q - step).square) / (2 * step)
    now = gaussian.moments(name, q)
    np.testing.assert_allclose(difference, now.slope_square + now.curvature, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("phi", [*CLOSED, *(activations.get(name) for name in ("tanh", "elu", "softplus"))], ids=lambda a: a.name)
def test_a_variance_of_zero_is_exact(phi):
    """u = 0 almost surely, also where phi or its slope jumps there."""
    rest, slope = phi.at_zero()
    found = gaussian.moments(phi, [0.0, 2.0])
    assert (found.mean[0], found.square[0], found.slope[0], found.slope_square[0]) == (rest, rest**2, slope, slope**2)
    pair, derivative = (gaussian.dual(phi, [0, 0], [0, 2.0], 0.5, of=of).value for of in ("value", "derivative"))
    np.testing.assert_allclose(pair, [rest**2, rest * found.mean[1]], rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(derivative, [slope**2, slope * found.slope[1]], rtol=1e-13, atol=1e-300)


def test_a_variance_of_zero_has_the_error_of_the_other():
    """A constant times a mean: that of softplus."""
    found, mean = gaussian.dual("softplus", 0.0, [2.0, 40.0], 0.3), gaussian.moments("softplus", [2.0, 40.0])
    np.testing.assert_array_equal(found.error, np.log(2) * mean.error)


@pytest.mark.parametrize("name", ["softplus", "tanh", "silu"])
def test_curvature_at_small_variances(name):
    phi = activations.get(name)
    second = (phi.derivative(np.array([1e-4])) - phi.derivative(np.array([-1e-4])))[0] / 2e-4
    for q in (0.0, 1e-300, 1e-12, 1e-9):
        found = gaussian.moments(name, q)
        assert found.curvature == pytest.approx(phi.at_zero()[0] * second, abs=2e-8)
        assert found.error < 1e-9


def test_kinks_away_from_zero():
    """A clipped line, by erf functions; and without its kinks told, an error that is honest."""
    clip = activations.custom("clip", lambda h: np.clip(h, -1, 2), lambda h: ((h > -1) & (h < 2)).astype(h.dtype), kinks=(-1.0, 2.0))
    q = np.array([0.04, 1.0, 900.0])
    expected = [float(mpmath.ncdf(2 / r) - mpmath.ncdf(-1 / r)) for r in np.sqrt(q)]
    np.testing.assert_allclose(gaussian.moments(clip, q).slope, expected, rtol=1e-12)
    pair = gaussian.dual(clip, 1.0, 1.0, [0.999, -0.3], of="derivative")
    cell = gaussian.expectation(lambda z: clip.derivative(z) * _inside(z, 0.999), 1.0, kinks=(-1.0, 2.0))
    assert pair.value[0] == pytest.approx(cell.value, abs=1e-11)
    untold = gaussian.moments(replace(clip, kinks=()), q)
    assert (np.abs(untold.slope - expected) <= untold.error).all()


def _inside(z, c):
    from scipy.special import ndtr

    s = np.sqrt((1 - c) * (1 + c))
    return ndtr((2 - c * z) / s) - ndtr((-1 - c * z) / s)


def test_narrow_features_are_seen():
    """gelu at a variance of 1e6 is relu but for a boundary layer of width 1e-3, and relu's mean square plus what that takes off."""
    found = gaussian.moments(bare(activations.get("gelu")), 1e6)
    assert abs(found.square - gaussian.moments("gelu", 1e6).square) < 1e-11 * found.square
    steep = gaussian.expectation(lambda h: np.tanh(1e4 * h) ** 2, 1.0)
    assert steep.value == pytest.approx(1 - 2e-4 / np.sqrt(2 * np.pi), abs=1e-10)


def test_shapes_broadcast():
    found = gaussian.dual("tanh", np.ones((3, 1)), 2.0, np.zeros(4))
    assert found.value.shape == found.error.shape == (3, 4)
    assert gaussian.moments("erf", np.ones((2, 3))).square.shape == (2, 3)
    assert gaussian.expectation(np.cos, np.zeros((0,))).value.shape == (0,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: gaussian.moments("tanh", -1.0), "q: variances must be finite and not negative, got -1.0"),
        (lambda: gaussian.dual("tanh", 1.0, np.nan, 0.0), "q2: variances"),
        (lambda: gaussian.dual("tanh", 1.0, 1.0, 1.0000001), r"c: correlations lie in \[-1, 1\]"),
        (lambda: gaussian.dual("tanh", 1.0, 1.0, 0.0, of="slope"), "of: .* is not one of value, derivative"),
        (lambda: gaussian.dual("tanh", 1.0, 1.0, 0.0, tolerance=0), "tolerance: need a finite number > 0"),
        (lambda: gaussian.expectation(lambda h: np.exp(h**2), 1.0), "activation: (overflows|grows so fast)"),
        (lambda: gaussian.expectation(np.exp, 1e5), "activation: (overflows|grows so fast)"),
    ],
)
def test_errors_name_the_argument(call, words):
    with pytest.raises(ValueError, match=words):
        call()
