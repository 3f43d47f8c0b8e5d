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


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_bound_holds_where_coefficients_are_inexact(order):
    """A kink that is not told: at a small variance none of it is seen, at a large one it costs digits, whichever comes first."""
    clip, q = (lambda h: np.clip(h, -1, 1)), np.array([1e-3, 4.0])
    rough, told = (gaussian.hermite_series(clip, q, 60, kinks) for kinks in ((), (-1.0, 1.0)))
    first, second, c = np.array(order[:1]), np.array(order[1:]), np.array([0.7])
    value, error = rough.pairs(first, second, c)
    gap = np.abs(value - told.pairs(first, second, c)[0])
    assert rough.error[0] < 1e-14 < told.error[1] * 10 and 1e-12 < gap < error < 1e-2


def test_even_and_odd_functions_have_half_of_the_coefficients():
    """Those of exp(h) are both; the parity of each function is kept to the last bit."""
    q = np.array([0.5, 2.0])
    series = {f: gaussian.hermite_series(f, q, 21).coefficients for f in (np.exp, np.sinh, np.cosh)}
    assert not series[np.sinh][:, ::2].any() and not series[np.cosh][:, 1::2].any()
    np.testing.assert_allclose(series[np.sinh] + series[np.cosh], series[np.exp], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        (([0, 2], [0, 1], [0.1, 0.2]), "first: need a vector of 2 row numbers from 0 to 1"),
        (([0, 1], [0, -1], [0.1, 0.2]), "second: need a vector of 2 row numbers from 0 to 1"),
        (([0], [0, 1], [0.1, 0.2]), "first: need a vector of 2 row numbers from 0 to 1"),
        (([0, 1], [0, 0.5], [0.1, 0.2]), "second: need a vector of 2 row numbers from 0 to 1"),
        (([0], [np.nan], [0.1]), "second: need a vector of 1 row numbers from 0 to 1"),
        (([0], [0], [1.1]), r"c: need a vector of correlations in \[-1, 1\]"),
        (([0], [0], [np.nan]), r"c: need a vector of correlations in \[-1, 1\]"),
        ((0, 0, 0.5), r"c: need a vector of correlations in \[-1, 1\]"),
        (([0], ["one"], [0.5]), "second: need an array of real numbers"),
    ],
)
def test_pairs_that_are_none_are_refused(pairs, words):
    series = gaussian.hermite_series(np.tanh, np.array([0.5, 2.0]), 21)
    with pytest.raises(ValueError, match=f"^{words}"):
        series.pairs(*pairs)


def test_pairs_take_lists_and_no_pair_at_all():
    series = gaussian.hermite_series(np.tanh, np.array([0.5, 2.0]), 21)
    value, error = series.pairs([0, 1], [1, 1], [0.3, -1.0])
    exact = gaussian.dual("tanh", np.array([0.5, 2.0]), 2.0, np.array([0.3, -1.0])).value
    assert (np.abs(value - exact) <= error).all()
    assert [len(part) for part in series.pairs([], [], [])] == [0, 0]
