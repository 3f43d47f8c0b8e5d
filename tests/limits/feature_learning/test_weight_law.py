"""The law of the weights: before training, and against singular values of wide trained networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits.feature_learning.weight_law import quarter_circle

X, Y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([2.0, -1.0])


def test_before_training():
    law = iw.solve(iw.DeepLinearMuP(3, weight_std=(1, 2, 0.5, 1)), X, Y, iw.GradientDescent(0.1, 0)).problem.weights_law()
    np.testing.assert_allclose(law.first, np.eye(2))
    np.testing.assert_allclose(law.last, np.eye(1))
    assert [layer.edge for layer in law.middle] == [4.0, 1.0]
    assert all(not len(layer.outliers) for layer in law.middle)


def test_quarter_circle_is_a_density():
    s = np.linspace(0, 3, 200_001)
    assert np.trapezoid(quarter_circle(s, 3.0), s) == pytest.approx(1, abs=1e-6)


def test_against_a_wide_network():
    """After training, ends and outliers of the middle matrix, two layers; gaps of the order m^{-1/2}."""
    method, m = iw.GradientDescent(0.1, 60), 1500
    law = iw.solve(iw.DeepLinearMuP(2), X, 3 * Y, method).problem.weights_law()
    sol = iw.solve(iw.Network(2, 2, m, "linear", iw.Parameterization.mup(2)), X, 3 * Y, method, rng=0)
    (first, middle, last), _ = sol.problem.layers(sol.state)
    np.testing.assert_allclose(law.first, first.T @ first / m, atol=0.15)
    np.testing.assert_allclose(law.last, last @ last.T / m, atol=0.15 * law.last.max())
    values = np.linalg.svd(middle / np.sqrt(m), compute_uv=False)
    outliers = np.sort(law.middle[0].outliers)[::-1]
    assert len(outliers) >= 1
    np.testing.assert_allclose(values[: len(outliers)], outliers, rtol=0.03)
    assert values[len(outliers)] < law.middle[0].edge * 1.02
