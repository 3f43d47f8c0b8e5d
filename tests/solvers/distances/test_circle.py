"""Wasserstein distance on the circle."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from infwidth.solvers.distances.circle import circular_wasserstein


def test_circular_distance_is_the_optimal_assignment():
    rng = np.random.default_rng(0)
    for _ in range(20):
        a, b = rng.normal(3, rng.random() * 3, (2, 9))
        cost = np.abs(np.mod(a[:, None] - b + np.pi, 2 * np.pi) - np.pi)
        assert circular_wasserstein(a, np.full(9, 2.0), b, np.ones(9)) == pytest.approx(cost[linear_sum_assignment(cost)].mean(), rel=1e-12)
    assert circular_wasserstein([0.1, 3.0], [1.0, 0.0], [0.1], [4.0]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0], [1.0, 2.0], [0.0], [1.0]), r"masses: need a vector of 1 numbers, one per angle"),
        (([0.0], [1.0], [0.0], [-1.0]), "other_masses: need finite numbers >= 0, got -1 at index 0"),
        (([0.0], [0.0], [0.0], [1.0]), "masses: must not be all zero"),
        (([0.0], [1.0], [np.nan], [1.0]), "other_angles: need finite numbers, got nan at index 0"),
    ],
)
def test_what_is_no_measure_is_refused(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        circular_wasserstein(*arguments)
