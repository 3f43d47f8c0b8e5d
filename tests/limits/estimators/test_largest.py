"""Which of several Gaussian numbers is the largest, against the closed form of two, mpmath and symmetry."""

import mpmath
import numpy as np
import pytest
from scipy.special import ndtr

from infwidth.limits.estimators.largest import probability_of_largest


def test_two_numbers():
    rng = np.random.default_rng(0)
    means, std = rng.standard_normal((400, 2)), np.exp(rng.uniform(-3, 3, 400))
    exact = ndtr((means[:, 1] - means[:, 0]) / (2**0.5 * std))
    np.testing.assert_allclose(probability_of_largest(means, std)[:, 1], exact, rtol=0, atol=1e-14)
    np.testing.assert_allclose(probability_of_largest(np.column_stack([means, means.min(axis=1) - 30 * std]), std)[:, 1], exact, atol=1e-14)
    behind = np.linspace(0, 8, 9)  # improbable winners, too, to many digits: logarithms are taken of them
    for others in (0, 1, 2):  # that have no chance
        found = probability_of_largest(np.stack([0 * behind, -behind, *[0 * behind - 50] * others], axis=1), np.ones(9))[:, 1]
        np.testing.assert_allclose(found, ndtr(-behind / 2**0.5), rtol=1e-12)


@pytest.mark.parametrize("means", [[0.3, -0.5, 1.1], [0.0, 0.4, 0.1, -3.0, 0.7, 0.7, 2.0]])
def test_against_mpmath(means):
    def share(c):
        others = [m for i, m in enumerate(means) if i != c]
        return mpmath.quad(
            lambda u: mpmath.npdf(u, means[c], 0.8) * mpmath.fprod(mpmath.ncdf((u - m) / 0.8) for m in others), [-8, -2, 0, 1, 2, 4, 10]
        )

    exact = [float(share(c)) for c in range(len(means))]
    np.testing.assert_allclose(probability_of_largest(np.array([means]), np.array([0.8]))[0], exact, rtol=1e-12)


@pytest.mark.parametrize("k", [2, 30, 1000])
def test_equal_means_have_equal_chances(k):
    found = probability_of_largest(np.zeros((1, k)), np.ones(1))
    np.testing.assert_allclose(found, 1 / k, rtol=1e-13)
    one_ahead = probability_of_largest(np.eye(1, k), np.ones(1))[0]
    fine = np.linspace(-9, 10, 20001)  # the law of the maximum of the others, by a plain sum
    exact = (ndtr(fine) ** (k - 1) * np.exp(-((fine - 1) ** 2) / 2)).sum() * (fine[1] - fine[0]) / (2 * np.pi) ** 0.5
    assert one_ahead[0] == pytest.approx(exact, rel=1e-11)
    np.testing.assert_allclose(one_ahead[1:], (1 - exact) / (k - 1), rtol=1e-9)


def test_without_spread_the_largest_is_certain_and_equals_share():
    means = np.array([[1.0, 1.0, 0.0], [0.2, 0.1, 0.3], [0.0, 0.0, 0.0]])
    for std in (0.0, 1e-300):
        exact = [[0.5, 0.5, 0], [0, 0, 1], [1 / 3] * 3]
        np.testing.assert_allclose(probability_of_largest(means, np.full(3, std)), exact, rtol=0, atol=1e-15)


def test_rounding_is_no_difference():
    found = probability_of_largest(np.array([[0.5, 0.5 + 1e-15, -1.0], [0.5, 0.5 + 1e-6, -1.0]]), np.zeros(2))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0, 1, 0]], rtol=0, atol=1e-6)


def test_many_rows_go_by_parts():
    rng = np.random.default_rng(1)
    means, std = rng.standard_normal((3000, 5)), np.exp(rng.standard_normal(3000))
    found = probability_of_largest(means, std)
    np.testing.assert_array_equal(
        found[::500], np.concatenate([probability_of_largest(means[i : i + 1], std[i : i + 1]) for i in range(0, 3000, 500)])
    )
