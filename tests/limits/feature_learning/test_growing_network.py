"""The growing network: what it knows before training, and random matrices in place of its operators."""

import math

import numpy as np
import pytest

from infwidth.limits.feature_learning.growing_network import GrowingNetwork
from infwidth.solvers.problem import MethodFailed


def test_before_training_forward_and_backward_fields_are_orthogonal_and_of_known_length():
    scales = (2.0, 0.5, 3.0, 0.25)
    network = GrowingNetwork(2, 1, scales, 1e-10)
    h, g = network.fields()
    forward = np.cumprod(scales)
    for l in range(1, 4):
        np.testing.assert_allclose(h[l].T @ h[l], forward[l - 1] ** 2 * np.eye(2), atol=1e-13)
        np.testing.assert_allclose(g[l - 1].T @ g[l - 1], np.prod(np.square(scales[l:])) * np.eye(1), atol=1e-13)
        np.testing.assert_allclose(h[l].T @ g[l - 1], 0, atol=1e-13)


def test_against_gaussian_matrices():
    """A middle matrix moved by b a^T: overlaps of all fields with each other, in the limit and in a wide network of the same move."""
    rng = np.random.default_rng(0)
    m, d, k = 4000, 2, 1
    network = GrowingNetwork(d, k, (1.0, 1.0, 1.0), 1e-12)
    h, g = network.fields()
    network.matrices[1] += 0.7 * g[1] @ h[1][:, :1].T  # W_2 += .7 g^2 (h^1 e_1)^T
    h, g = network.fields()

    A1, Z, A3 = rng.standard_normal((m, d)), rng.standard_normal((m, m)) / np.sqrt(m), rng.standard_normal((k, m))
    W = Z + 0.7 * A3.T @ A1[:, :1].T / m
    wide_h = [A1, W @ A1]
    wide_g = [W.T @ A3.T, A3.T]
    for layer in (0, 1):
        fields, wide = np.hstack([h[layer + 1], g[layer]]), np.hstack([wide_h[layer], wide_g[layer]])
        np.testing.assert_allclose(fields.T @ fields, wide.T @ wide / m, atol=0.15)
    assert abs((h[1].T @ g[0])[0, 0]) > 0.5  # the move is seen


def test_a_zero_scale_knows_nothing():
    network = GrowingNetwork(2, 1, (1.0, 1.0, 0.0), 1e-10)
    _, g = network.fields()
    assert [above.shape[1] for above in g] == [1, 1, 1]
    assert not np.any(g[0])
    assert not np.any(g[1])


def test_the_same_network_gives_the_same_bits_from_a_snapshot():
    network = GrowingNetwork(3, 2, (1.0, 1.0, 1.0, 1.0), 1e-10)
    h, g = network.fields()
    network.matrices[1] += 0.3 * g[1] @ (h[1] @ np.ones((3, 2))).T
    twin = GrowingNetwork(3, 2, (1.0, 1.0, 1.0, 1.0), 1e-10)
    twin.restore(network.snapshot())
    for first, second in zip((*network.fields()[0], *network.fields()[1]), (*twin.fields()[0], *twin.fields()[1]), strict=True):
        np.testing.assert_array_equal(first, second)


def test_what_does_not_fit_is_refused(monkeypatch):
    from infwidth.limits.feature_learning import growing_network

    monkeypatch.setattr(growing_network, "LARGEST", 100)
    with pytest.raises(MethodFailed, match=r"tolerance: .* needs layers wider than .*; raise it"):
        GrowingNetwork(5, 2, (1.0, 1.0, 1.0), 1e-10).fields()


def test_moments_of_an_untrained_layer_are_catalan_numbers():
    """<a, (Z^T Z)^n a> = 1, 2, 5, 14, ...: forward and backward questions in turn, each answered by one new neuron."""
    network = GrowingNetwork(1, 1, (1.0, 1.0, 1.0), 1e-8)
    a = vector = np.zeros((len(network.matrices[0]), 1))
    a[0] = 1  # layer 1 before anything is asked
    for n in range(1, 7):
        pad(vector, network, 1)
        network._ask_forward(1, pad(vector, network, 1))
        image = network.matrices[1] @ pad(vector, network, 1)
        network._ask_backward(1, image)
        vector = network.matrices[1].T @ pad(image, network, 2)
        assert (pad(a, network, 1).T @ vector).item() == pytest.approx(math.comb(2 * n, n) / (n + 1), rel=1e-12)


def pad(vector, network, layer):
    """An old vector in today's basis."""
    return np.vstack([vector, np.zeros((network.widths[layer] - len(vector), 1))])


def test_one_hidden_layer_has_as_many_neurons_as_inputs_and_outputs():
    network = GrowingNetwork(4, 2, (1.0, 1.0), 0.0)
    for _ in range(5):
        _, g = network.fields()
        network.matrices[0] += 0.1 * g[0] @ np.ones((2, 4))
    assert network.widths == [4, 6, 2]


def test_new_directions_are_orthogonal_however_short_they_are():
    network = GrowingNetwork(1, 1, (1.0, 1.0, 1.0), 1e-12)
    network.fields()
    rng = np.random.default_rng(0)
    for size in (1e-3, 1e-7, 1e-10, 1e-11):
        for A in network.matrices:
            A += size * rng.standard_normal(A.shape)
        network.fields()
    for known in (network.forward_known[1], network.backward_known[1]):
        np.testing.assert_allclose(known.T @ known, np.eye(known.shape[1]), atol=1e-13)
    assert network.forward_known[1].shape[1] > 2
