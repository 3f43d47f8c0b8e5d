"""Particles, inputs and residuals to hold an engine against the reference."""

import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.solvers.particles.reference import NumpyEngine


def _draw(N, n, D, k, dtype=np.float64, integers=False, seed=3):
    rng = np.random.default_rng([seed, N, n, D, k])

    def numbers(*shape):
        return (rng.integers(-2, 3, shape) if integers else rng.standard_normal(shape)).astype(dtype)

    return numbers(N, D), rng.standard_normal((N, k)).astype(dtype), numbers(n, D), (rng.standard_normal((n, k)) / n).astype(dtype)


def _assert_same(engine, activation, W, a, X, r, tolerance=1e-13):
    reference = NumpyEngine(activations.get(activation))
    inputs = engine.prepare(X)
    F, memo = engine.outputs(W, a, inputs)
    expected, _ = reference.outputs(W, a, X)
    assert F.dtype == W.dtype and F.shape == expected.shape
    scale = np.abs(W).sum() + np.abs(a).sum()
    np.testing.assert_allclose(F, expected, rtol=0, atol=tolerance * scale)
    for add in (False, True):
        found, wanted = (W.copy(), a.copy()), (W.copy(), a.copy())
        engine.move(W, a, inputs, r, 0.3, found, add, memo)
        reference.move(W, a, X, r, 0.3, wanted, add, None)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * 10)
    engine.move(W, a, inputs, r, 0.3, (W, a), True, memo)  # in place
    for one, other in zip((W, a), found, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.fixture
def draw():
    """Particles, inputs and residuals; small integers put many samples exactly on kinks, and some particles at 0."""
    return _draw


@pytest.fixture
def assert_same():
    """That outputs, velocities and moves in place of an engine are those of the reference."""
    return _assert_same
