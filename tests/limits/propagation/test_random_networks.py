"""Inputs, weights and statistics that the measurements share."""

import numpy as np
import pytest

from infwidth.limits.propagation.random_networks import inputs, over_networks, refuse_too_many, weight_matrix


def test_statistics_over_networks():
    values = np.random.default_rng(0).standard_normal((5, 2, 3))
    found = over_networks(list(values))
    np.testing.assert_allclose(found.mean, values.sum(axis=0) / 5)
    np.testing.assert_allclose(found.variance, ((values - found.mean) ** 2).sum(axis=0) / 4)
    np.testing.assert_allclose(found.error, np.sqrt(found.variance / 5))


def test_inputs_are_exact():
    h = inputs(np.random.default_rng(1), 7, 0.6, -0.3)
    np.testing.assert_allclose(h @ h.T / 7, [[0.6, -0.18], [-0.18, 0.6]], rtol=1e-12)


def test_weights():
    rng = np.random.default_rng(2)
    Q = weight_matrix(rng, 50, "orthogonal")
    np.testing.assert_allclose(Q @ Q.T, np.eye(50), atol=1e-12)
    assert weight_matrix(rng, 400, "gaussian").var() == pytest.approx(1 / 400, rel=0.02)
    diagonals = [np.diagonal(weight_matrix(rng, 3, "orthogonal")).mean() for _ in range(300)]
    assert abs(np.mean(diagonals)) < 4 * np.std(diagonals) / np.sqrt(300)  # plain QR has a sign


def test_hours_of_work_are_refused():
    with pytest.raises(ValueError, match=r"networks: 100000000 of 2 layers have .* weights, hours of work; lower networks"):
        refuse_too_many(100, 2, 10**8)
