"""Expectations of two functions: exact moments, both methods, and a bound that holds."""

import mpmath
import numpy as np
import pytest

from infwidth.limits import gaussian

C = np.array([-1.0, -0.97, 0.0, 0.4, 0.9999, 1.0])


def test_moments_and_which_function_is_at_which_variable():
    """E u^3 v = 3 q1 k and E u^2 v^4 = 3 q1 q2^2 + 12 q2 k^2, k = c sqrt(q1 q2)."""
    q1, q2 = 0.5, 2.0
    k = C * np.sqrt(q1 * q2)
    for f, g, exact in (
        (lambda h: h**3, lambda h: h, 3 * q1 * k),
        (lambda h: h**2, lambda h: h**4, 3 * q1 * q2**2 + 12 * q2 * k**2),
    ):
        value, error = gaussian.pair_expectation(f, g, q1, q2, C)
        np.testing.assert_allclose(value, exact, rtol=1e-11, atol=1e-12)
        assert (np.abs(value - exact) <= error).all()


@pytest.mark.parametrize("c", [0.3, 0.95])
def test_against_mpmath(c):
    """tanh(u) and the step at 1: beyond the series at .95, in the plane."""
    q1, q2, s = 1.7, 0.6, np.sqrt(1 - c * c)
    value, error = gaussian.pair_expectation(np.tanh, lambda h: (h > 1) * 1.0, q1, q2, c, kinks=(1.0,), tolerance=1e-10)
    cut = 1 / mpmath.sqrt(q2)  # in units of v
    exact = mpmath.quad(
        lambda z: mpmath.tanh(mpmath.sqrt(q1) * z) * mpmath.npdf(z) * mpmath.ncdf((c * z - cut) / s), [-12, -3, 0, float(cut), 3, 12]
    )
    assert abs(value - float(exact)) <= max(error, 1e-13)
    assert error < 1e-9


def test_equal_functions_are_the_dual():
    value, error = gaussian.pair_expectation(np.tanh, np.tanh, [1.0, 2.0], 0.7, C[:, None])
    exact = gaussian.dual("tanh", [1.0, 2.0], 0.7, C[:, None])
    assert value.shape == (6, 2)
    assert (np.abs(value - exact.value) <= error + exact.error).all()
    assert error.max() < 1e-11


def test_a_variable_that_does_not_vary():
    """f(0) E g(v), kinks or none."""
    value, error = gaussian.pair_expectation(np.cos, np.abs, 0.0, [1.0, 4.0], C[:, None], kinks=(0.0, 1.0))
    assert (np.abs(value - np.sqrt(2 / np.pi) * np.array([1.0, 2.0])) <= error + 1e-15).all()
    assert error.max() < 1e-9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 1.0, 0.5), "q1: variances must be finite and not negative"),
        ((1.0, np.nan, 0.5), "q2: variances must be finite and not negative"),
        ((1.0, 1.0, 1.5), r"c: correlations lie in \[-1, 1\]"),
        (([1.0, 2.0], [1.0, 2.0, 3.0], 0.5), "c: shapes must broadcast"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        gaussian.pair_expectation(np.tanh, np.tanh, *arguments)
    with pytest.raises(TypeError, match="g: "):
        gaussian.pair_expectation(np.tanh, 3.0, 1.0, 1.0, 0.5)


@pytest.mark.parametrize("c", [0.5, 1.0])
def test_what_is_no_function_of_numbers_is_refused_by_its_name(c):
    for wrong, message in ((lambda h: 1j * h, "real numbers"), (lambda h: h[:2], r"shape \(6,\)|six points"), (np.arccosh, "finite")):
        with np.errstate(invalid="ignore"):
            with pytest.raises(ValueError, match=f"^g: .*({message})"):
                gaussian.pair_expectation(np.tanh, wrong, 1.0, 4.0, c)
            with pytest.raises(ValueError, match=f"^f: .*({message})"):
                gaussian.pair_expectation(wrong, np.tanh, 1.0, 4.0, c)
