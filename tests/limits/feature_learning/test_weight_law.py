"""The law of the weights: before training, and against singular values of wide trained networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits.feature_learning.growing_network import GrowingNetwork
from infwidth.limits.feature_learning.weight_law import middle_layer, quarter_circle

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


@pytest.mark.parametrize("strength", [0.8, 1.5, 3.0])
def test_an_independent_spike(strength):
    """Z + strength b a^T with a and b independent of Z: the singular value (strength^2 + 1) / strength above strength = 1, none below."""
    network = GrowingNetwork(1, 1, (1.0, 1.0, 1.0), 1e-8)  # asked for nothing yet: a = e_1 in layer 1, b = e_1 in layer 2
    network.matrices[1][0, 0] += strength
    expected = [(strength**2 + 1) / strength] * (strength > 1)
    np.testing.assert_allclose(middle_layer(network, 1).outliers, expected, atol=1e-9)


def test_what_is_known_of_a_layer_does_not_change_its_singular_values():
    """Questions alone, without training, and then the same spike."""
    outliers = []
    for asked in (False, True):
        network = GrowingNetwork(1, 1, (1.0, 1.0, 1.0), 1e-8)
        if asked:
            network.fields()
        assert middle_layer(network, 1).outliers.size == 0
        network.matrices[1][0, 0] += 2.0
        outliers.append(middle_layer(network, 1).outliers)
    np.testing.assert_allclose(outliers[0], outliers[1], atol=1e-9)
