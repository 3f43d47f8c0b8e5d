"""Wasserstein distances of clouds of particles."""

import itertools

import numpy as np
import pytest
from scipy import stats

from infwidth.limits import wasserstein


@pytest.mark.parametrize("order", [1, 2])
def test_wasserstein_against_all_permutations_and_scipy(order):
    rng = np.random.default_rng(7)
    for D in (1, 3):
        A, B = rng.standard_normal((6, D)), rng.standard_normal((6, D)) + 1
        cost = np.linalg.norm(A[:, None] - B[None], axis=2) ** order
        best = min(cost[np.arange(6), list(p)].mean() for p in itertools.permutations(range(6)))
        assert wasserstein(A, B, order) == pytest.approx(best ** (1 / order), rel=1e-12)
        assert wasserstein(A, A[::-1], order) == 0
    a, b = rng.standard_normal(7), rng.standard_normal(12)
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), rel=1e-12)


def test_wasserstein_of_the_largest_clouds(monkeypatch):
    monkeypatch.setattr("infwidth.solvers.distances.particles.LARGEST", 4)
    assert wasserstein(np.eye(4), np.eye(4)) == 0
    with pytest.raises(ValueError, match="first: an assignment of 5 particles is too large"):
        wasserstein(np.eye(5), np.eye(5))


def test_wasserstein_of_many_numbers_of_particles():
    """Monotone coupling of two grids on [0, 1]: the distance of the quantile functions, which are steps. 49 * (1 / 49) < 1 in doubles."""
    for n in (*range(1, 12), 49):
        for m in range(1, 12):
            u = (np.arange(n * m) + 0.5) / (n * m)  # a middle of every common step
            gap = np.abs(np.floor(u * n) / n - np.floor(u * m) / m)
            assert wasserstein(np.arange(n) / n, np.arange(m) / m) == pytest.approx(gap.mean(), abs=1e-14)
            assert wasserstein(np.arange(n) / n, np.arange(m) / m, 2) == pytest.approx(np.sqrt((gap**2).mean()), abs=1e-14)


def test_wasserstein_errors():
    with pytest.raises(ValueError, match="second: need 2 columns"):
        wasserstein(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="second: has 4 particles, first has 3"):
        wasserstein(np.zeros((3, 2)), np.zeros((4, 2)))
    with pytest.raises(ValueError, match="order: need an integer from 1 to 2, got 3"):
        wasserstein([0.0], [1.0], order=3)
    with pytest.raises(ValueError, match="order: need an integer from 1 to 2, got True"):
        wasserstein([0.0], [1.0], order=True)
    with pytest.raises(ValueError, match="take a random subset"):
        wasserstein(np.zeros((5001, 2)), np.zeros((5001, 2)))
