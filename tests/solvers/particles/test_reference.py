"""The formulas of particles, sum by sum, whatever the blocks."""

import math

import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.solvers.particles import reference


def sums(W, a, X, r, value, slope):
    """Outputs and velocities by loops over particles, samples and outputs."""
    F, dW, da = np.zeros((len(X), a.shape[1])), np.zeros_like(W), np.zeros_like(a)
    for j, w in enumerate(W):
        for i, x in enumerate(X):
            h = math.fsum(p * q for p, q in zip(w, x, strict=True))
            for c in range(a.shape[1]):
                F[i, c] += a[j, c] * value(h)
                da[j, c] -= r[i, c] * value(h)
                dW[j] -= a[j, c] * r[i, c] * slope(h) * x
    return F, dW, da


@pytest.mark.parametrize("block", [1, 9, 10, 31, 1 << 16])  # pre-activations of ten samples: one particle, one, one, three, all
@pytest.mark.parametrize("k", [1, 3])
def test_sums_over_particles_and_samples(draw, monkeypatch, block, k):
    monkeypatch.setattr(reference, "BLOCK", block)
    engine = reference.NumpyEngine(activations.get("tanh"))
    W, a, X, r = draw(7, 10, 3, k)
    F, dW, da = sums(W, a, X, r, math.tanh, lambda h: 1 - math.tanh(h) ** 2)
    inputs = engine.prepare(X)
    found, memo = engine.outputs(W, a, inputs)
    np.testing.assert_allclose(found, F, rtol=1e-13, atol=1e-14)
    out = np.full_like(W, np.nan), np.full_like(a, np.nan)
    engine.move(W, a, inputs, r, 0.3, out, False, memo)
    np.testing.assert_allclose(out[0], 0.3 * dW, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(out[1], 0.3 * da, rtol=1e-12, atol=1e-15)
    W0, a0 = W.copy(), a.copy()
    engine.move(W, a, inputs, r, 0.3, (W, a), True, memo)  # in place: weights and signs of one step move together
    np.testing.assert_allclose(W, W0 + 0.3 * dW, rtol=1e-12)
    np.testing.assert_allclose(a, a0 + 0.3 * da, rtol=1e-12)


def test_float32_stays_float32(draw):
    W, a, X, r = draw(5, 4, 2, 1, np.float32)
    engine = reference.NumpyEngine(activations.get("relu"))
    assert engine.outputs(W, a, X)[0].dtype == np.float32
    engine.move(W, a, X, r.astype(float), 0.3, (W, a), True, None)
    assert W.dtype == a.dtype == np.float32


@pytest.mark.parametrize("add", [False, True])
def test_blocks_of_particles_and_of_samples(add):
    """More samples and particles than a block holds: the formulas as matrices, all at once."""
    rng = np.random.default_rng(3)
    N, n = 300, 1300
    W, a, X, r = (rng.standard_normal(shape) for shape in ((N, 2), (N, 2), (n, 2), (n, 2)))
    engine = reference.NumpyEngine(activations.get("sin"))
    h = X @ W.T
    np.testing.assert_allclose(engine.outputs(W, a, X)[0], np.sin(h) @ a, rtol=1e-10, atol=1e-11)
    out = np.ones((N, 2)), np.ones((N, 2))
    engine.move(W, a, X, r, 0.5, out, add, None)
    np.testing.assert_allclose(out[0], add - 0.5 * (np.cos(h) * (r @ a.T)).T @ X, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(out[1], add - 0.5 * np.sin(h).T @ r, rtol=1e-10, atol=1e-10)
