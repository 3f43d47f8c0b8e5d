"""Paths of Gaussian processes are functions with the right covariance, however they are asked for."""

import numpy as np

from infwidth.limits.gaussian import ProcessPath

POINTS = np.array([[0.0], [0.4], [1.0], [1.0]])


def covariance(X, Z):
    return np.exp(-np.abs(X - Z.T))


def test_covariance_of_points_asked_for_one_after_the_other():
    draws = []
    for seed in range(3000):
        path = ProcessPath(covariance, 1, np.random.default_rng(seed))
        draws.append(np.concatenate([path(POINTS[:2]), path(POINTS[2:])])[:, 0])
    exact = covariance(POINTS, POINTS)
    error = np.sqrt((exact**2 + 1) / 3000)
    assert (np.abs(np.cov(np.array(draws).T) - exact) < 4.5 * error).all()


def test_it_is_one_function():
    path = ProcessPath(covariance, 2, np.random.default_rng(0))
    first = path(POINTS)
    np.testing.assert_allclose(first[2], first[3], atol=1e-7)
    np.testing.assert_allclose(path(POINTS[::-1]), first[::-1], atol=1e-6)
    assert path(POINTS.astype(np.float32)).dtype == np.float32
