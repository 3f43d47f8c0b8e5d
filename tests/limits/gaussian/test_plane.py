"""Integrals over correlated pairs: exact moments and orthants at every correlation."""

import numpy as np
import pytest

from infwidth.limits.gaussian.line import FARTHEST
from infwidth.limits.gaussian.plane import in_units, integrate_pairs

CORRELATIONS = np.array([-1.0, -0.999, -0.4, 0.0, 0.7, 0.9999, 1.0])


def pairs(f, q1, q2, kinks=()):
    c = CORRELATIONS
    return integrate_pairs(f, np.full(len(c), q1), np.full(len(c), q2), c, np.sqrt((1 - c) * (1 + c)), kinks, 1e-12)


@pytest.mark.parametrize(("q1", "q2"), [(1.0, 1.0), (0.25, 9.0)])
def test_moments(q1, q2):
    """E uv = k and E u^3 v^3 = 9 q1 q2 k + 6 k^3 with k = c sqrt(q1 q2)."""
    k = CORRELATIONS * np.sqrt(q1 * q2)
    for f, exact, size in ((lambda h: h, k, np.sqrt(3 * q1 * q2)), (lambda h: h**3, 9 * q1 * q2 * k + 6 * k**3, 105 * (q1 * q2) ** 1.5)):
        value, error = pairs(f, q1, q2)
        np.testing.assert_allclose(value, exact, rtol=0, atol=1e-12 * size)
        assert (np.abs(value - exact) <= error).all() and (error < 1e-11 * size).all()


def test_orthants():
    """P(u > 0, v > 0) = 1/4 + arcsin(c) / 2 pi, with a kink at 0 that is a cut of both lines."""
    value, _ = pairs(lambda h: (h > 0) * 1.0, 1.0, 4.0)
    np.testing.assert_allclose(value, 0.25 + np.arcsin(CORRELATIONS) / (2 * np.pi), rtol=0, atol=1e-12)


def test_a_kink_away_from_zero_is_cut_on_both_lines():
    """P(u > 1, v > 1) at c = 1, 0 and -1 in closed form, and the identity over correlations between: d/dc is the density at (1, 1)."""
    from scipy import stats

    value, error = pairs(lambda h: (h > 1) * 1.0, 1.0, 1.0, kinks=(1.0,))
    tail = stats.norm.sf(1)
    assert value[[0, 3, 6]] == pytest.approx([0, tail**2, tail], abs=1e-12)
    normal = stats.multivariate_normal(mean=[0, 0], cov=[[1, 0.7], [0.7, 1]])
    assert value[4] == pytest.approx(1 - 2 * stats.norm.cdf(1) + normal.cdf([1.0, 1.0]), abs=1e-7)
    assert (error < 1e-10).all()


def test_kinks_of_strongly_correlated_pairs():
    """P(u > 1, v > 1) at variances 4 and 0.25: in z, the kink of v is a transition at 1 / (c sqrt(q2)); against the closed form."""
    from infwidth.limits.gaussian.kinks import Kink, product

    c = np.array([0.6, 0.99, 1 - 1e-7])
    q1, q2, s = np.full(3, 4.0), np.full(3, 0.25), np.sqrt((1 - c) * (1 + c))
    exact, _ = product([Kink(1.0, (1.0, 0.0, 0.0))], np.sqrt(q1), np.sqrt(q2), c, s)
    value, error = integrate_pairs(lambda h: (h > 1) * 1.0, q1, q2, c, s, (1.0,), 1e-12)
    np.testing.assert_allclose(value, exact, rtol=0, atol=1e-13)
    assert (error < 1e-11).all()


def test_kinks_in_units_of_the_standard_normal():
    assert in_units((), np.ones(2)) is None and in_units((0.0,), np.ones(2)) is None
    assert in_units((1.0, -2.0), np.array([2.0, 0.0])).tolist() == [[0.5, -1.0], [FARTHEST, -FARTHEST]]
