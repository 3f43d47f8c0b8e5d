"""The fused loop against the reference, and on many threads."""

import numpy as np
import pytest

from infwidth.solvers.particles import thin

SLOPES = {"relu": (1.0, 0.0, 0.0), "abs": (1.0, -1.0, 0.0), "leaky_relu": (1.0, 0.01, 0.01)}


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_thin(assert_same, draw, activation):
    engine = thin.ThinEngine(*SLOPES[activation][:2])
    for N, n, D in ((1, 1, 3), (511, 4, 3), (513, 7, 4), (64 * 512 + 1, 6, 3), (20, 130, 1)):
        assert_same(engine, activation, *draw(N, n, D, 1))
    assert_same(engine, activation, *draw(300, 50, 3, 1, integers=True))


def test_thin_on_many_threads_gives_the_same_bits(draw, monkeypatch):
    """Moves in place too: a parallel loop that wrote into the arrays it reads would be free to read them afterwards."""
    W, a, X, r = draw(3000, 150, 3, 1)
    engine, results = thin.ThinEngine(1.0, 0.0), []
    inputs = engine.prepare(X)
    for serial in (thin.SERIAL, 0):
        monkeypatch.setattr(thin, "SERIAL", serial)
        out = W.copy(), a.copy()
        F, memo = engine.outputs(*out, inputs)
        engine.move(*out, inputs, r, 0.3, out, True, memo)
        results.append((F, *out))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(out[1], a - 0.3 * np.maximum(X @ W.T, 0).T @ r, rtol=1e-12, atol=1e-12)


def test_thin_in_single_precision(assert_same, draw):
    assert_same(thin.ThinEngine(1.0, 0.0), "relu", *draw(200, 130, 3, 1, np.float32), tolerance=1e-6)
