"""One march against the uncompressed equations, and what happens when a response is dropped."""

import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.limits.feature_learning.march import FieldTheory, March
from infwidth.limits.feature_learning.rows import Budget

Z = np.array([[0.6, -0.2], [-0.4, 0.8]])
Y = np.array([[1.0], [-1.0]])


def run(steps, rate=0.5, tolerance=1e-5, L=2, samples=4096, dropped=None):
    theory = FieldTheory(L, activations.get("tanh"), 1.0, (1.0,) * (L + 1), (1.0,) * (L + 1), samples, tolerance)
    march = March(theory, Z, 1, np.random.SeedSequence(0), Budget(1e9))
    if dropped == "responses":
        mix = march.forward_mix
        march.forward_mix = lambda l, c, response: mix(l, c, None)
    outputs = []
    for step in range(steps):
        outputs.append(march.extend(np.full((step, 1), rate)))
        march.learn((outputs[-1] - Y) / len(Y))
    return np.array(outputs), march


def test_the_first_step_by_hand():
    """f_0 = 0, and f_1 is O(rate) with the tangent kernel of the start; L = 1: Theta = <phi phi> + <phi' phi'> x.x'."""
    rate = 1e-3
    outputs, march = run(2, rate, L=1)
    assert np.abs(outputs[0]).max() < 1e-3
    h = march.layers[0].from_below.values[:2].T @ Z.T
    phi, slope, z = np.tanh(h), 1 / np.cosh(h) ** 2, march.layers[0].from_above.values[0][:, None]
    kernel = (phi.T @ phi + (slope * z).T @ (slope * z) * (Z @ Z.T)) / len(h)
    np.testing.assert_allclose(outputs[1] - outputs[0], -rate * kernel @ (outputs[0] - Y) / 2, rtol=2e-3)


def test_the_tolerance_compresses_without_changing_much():
    fine, full = run(12, tolerance=1e-7)
    coarse, short = run(12, tolerance=1e-3)
    assert sum(len(layer.features) for layer in short.layers) < 0.8 * sum(len(layer.features) for layer in full.layers)
    np.testing.assert_allclose(coarse, fine, atol=5e-3)


def test_the_forward_response_matters():
    """Dropping it moves the outputs by far more than the sampling error (an ablation of the equations)."""
    full, dropped = run(15)[0], run(15, dropped="responses")[0]
    assert np.abs(full - dropped).max() > 0.03
    other = run(15, samples=16384)[0]
    assert np.abs(full - other).max() < 0.01


def test_bases_are_orthonormal_and_hold_the_fields():
    _, march = run(6)
    for l, layer in enumerate(march.layers):
        for basis in (layer.features, layer.gradients):
            np.testing.assert_allclose(basis.values @ basis.values.T / 4096, np.eye(len(basis)), atol=1e-9)
        newest = march.features[l + 1].values[-2:, 0] @ layer.features.values
        np.testing.assert_allclose(newest, np.tanh(march.h[l]), atol=2e-3)


@pytest.mark.parametrize("chunk", [1, 1 << 30])
def test_chunks_do_not_matter(chunk, monkeypatch):
    from infwidth.limits.feature_learning import march

    whole = run(4)[0]
    monkeypatch.setattr(march, "CHUNK", chunk)
    np.testing.assert_allclose(run(4)[0], whole, atol=1e-8)
