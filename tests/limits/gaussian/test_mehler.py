"""Hermite coefficients against exact ones, and the bound of what a series leaves out."""

import math

import numpy as np
import pytest

from infwidth.limits import activations, gaussian


def test_coefficients_of_an_exponential():
    r"""exp(h) at variance q has a_k = exp(q / 2) q^{k/2} / sqrt(k!)."""
    q = np.array([0.1, 1.0, 4.0])
    series = gaussian.hermite_series(np.exp, q, 30)
    exact = np.exp(q / 2)[:, None] * np.sqrt(q)[:, None] ** np.arange(30) / np.sqrt([float(math.factorial(k)) for k in range(30)])
    assert (np.linalg.norm(series.coefficients - exact, axis=1) <= series.error).all()
    assert (series.error <= 1e-13 * np.exp(q)).all()
    np.testing.assert_allclose(series.tail**2, np.exp(2 * q) - (exact**2).sum(axis=1), atol=1e-14 * np.exp(2 * q).max())


def test_coefficients_of_a_polynomial_end():
    series = gaussian.hermite_series(activations.hermite(5).value, np.array([1.0]), 12)
    np.testing.assert_allclose(series.coefficients[0], np.eye(12)[5], atol=1e-13)


@pytest.mark.parametrize("terms", [8, 40, 400])
def test_the_bound_holds_where_the_series_is_too_short(terms):
    q, c = np.array([1.0, 9.0, 100.0]), np.array([-0.99, -0.5, 0.7, 0.99])
    series = gaussian.hermite_series(activations.get("erf").value, q, terms)
    first, second, c = (array.ravel() for array in np.meshgrid(range(3), range(3), c, indexing="ij"))
    value, error = series.pairs(first, second, c)
    exact = gaussian.dual("erf", q[first], q[second], c).value
    assert (np.abs(value - exact) <= error).all()
    if terms == 8:
        assert np.abs(value - exact).max() > 1e-3  # the bound had something to bound
