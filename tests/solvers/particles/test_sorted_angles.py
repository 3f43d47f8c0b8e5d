"""Sorted angles against the reference: chunks, kinks, close edges, any scale, any number of threads."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations
from infwidth.solvers.particles import sorted_angles
from infwidth.solvers.particles.reference import NumpyEngine

SLOPES = {"relu": (1.0, 0.0, 0.0), "abs": (1.0, -1.0, 0.0), "leaky_relu": (1.0, 0.01, 0.01)}


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky_relu"])
@pytest.mark.parametrize("k", [1, 3])
def test_sorted_angles(assert_same, draw, activation, k):
    engine = sorted_angles.SortedAngles(*SLOPES[activation])
    for N, n in ((1, 1), (2, 5), (255, 64), (257, 65), (8193, 33), (20001, 17), (32769, 5)):
        assert_same(engine, activation, *draw(N, n, 2, k))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_sorted_angles_on_kinks(assert_same, draw, activation):
    """Samples exactly on the edge of the active half-plane, at the seam of the angles, at the origin; particles at the origin."""
    engine = sorted_angles.SortedAngles(*SLOPES[activation])
    for seed in range(5):
        assert_same(engine, activation, *draw(300, 80, 2, 1, integers=True, seed=seed))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("n", [3, 5, 7, 15, 80])
def test_sorted_angles_on_a_lattice(activation, n):
    """Every velocity from small integers is exact, so one sample on the wrong side of a kink shows."""
    engine, reference = sorted_angles.SortedAngles(*SLOPES[activation]), NumpyEngine(activations.get(activation))
    rng = np.random.default_rng(n)
    W = np.array([(u, v) for u in range(-4, 5) for v in range(-4, 5)], float)
    a = np.ones((len(W), 1))
    for _ in range(200):
        X, r = rng.integers(-3, 4, (n, 2)).astype(float), rng.integers(-5, 6, (n, 1)).astype(float)
        inputs = engine.prepare(X)
        F, memo = engine.outputs(W, a, inputs)
        np.testing.assert_allclose(F, reference.outputs(W, a, X)[0], atol=1e-11)
        found, wanted = (np.empty_like(W), np.empty_like(a)), (np.empty_like(W), np.empty_like(a))
        engine.move(W, a, inputs, r, 1.0, found, False, memo)
        reference.move(W, a, X, r, 1.0, wanted, False, None)
        for one, other in zip(found, wanted, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-10)


@pytest.mark.parametrize(
    ("X", "w", "r", "velocity"),
    [
        ([(-1, 2), (-3, -3), (3, 2)], (2, 1), (1, 1, 4), (-12, -8)),  # the first sample ties with the edge, the third alone is active
        ([(0, 0), (0, 1), (0, 2)], (1, 1e-15), (5, 1, 1), (0, -3)),  # the origin stands among samples on the edge
    ],
)
def test_sorted_angles_on_an_edge(X, w, r, velocity):
    engine = sorted_angles.SortedAngles(1.0, 0.0, 0.0)
    W, a, inputs = np.array([w], float), np.ones((1, 1)), engine.prepare(np.array(X, float))
    _, memo = engine.outputs(W, a, inputs)
    out = np.empty_like(W), np.empty_like(a)
    engine.move(W, a, inputs, np.array(r, float)[:, None], 1.0, out, False, memo)
    np.testing.assert_allclose(out[0], [velocity], atol=1e-13)


def test_sorted_angles_on_both_edges_by_the_sign_alone():
    """Particles 1e-15 off an axis: no angle tells on which side of the edge the samples of the other axis are."""
    X = np.array([(0, 1), (0, 2), (0, -1), (0, -2), (1, 0), (3, 0), (-1, 0), (-2, 0)], float)
    W = np.array([v[::order] for order in (1, -1) for s in (1, -1) for t in (1e-15, -1e-15) for v in [(s, t)]], float)
    a, r = np.ones((len(W), 1)), 1.0 + np.arange(len(X))[:, None] ** 2
    engine, out = sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty_like(W), np.empty_like(a))
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, a, inputs)
    engine.move(W, a, inputs, r, 1.0, out, False, memo)
    np.testing.assert_allclose(out[0], [-(r[X @ w > 0] * X[X @ w > 0]).sum(axis=0) for w in W], atol=1e-12)


def test_sorted_angles_in_a_chain_of_close_edges():
    """Each follows the one before within the tie, but the last is 2e-12 from the first; particles between them have half the samples."""
    X = np.column_stack([np.ones(1000), 2e-15 * np.arange(1000)])
    W, r = np.array([[-1.0001e-12, 1.0], [-3.003e-13, 1.0], [1e-12, 1.0], [2.5e-12, -1.0]]), np.ones((1000, 1))
    engine, out = sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty((4, 2)), np.empty((4, 1)))
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, np.ones((4, 1)), inputs)
    engine.move(W, np.ones((4, 1)), inputs, r, 1.0, out, False, memo)
    active = -out[0][:, 0]  # the number of active samples, of which a few are within the rounding of the angles
    np.testing.assert_allclose(active, (X @ W.T > 0).sum(axis=0), atol=6)


def test_sorted_angles_of_particles_exactly_on_kinks():
    """w = (c, -c x) has its kink at the sample (x, 1), whose product with w is 0 exactly if it is not fused: its slope there is 0."""
    rng = np.random.default_rng(0)
    x, c = rng.standard_normal(60), rng.standard_normal(60)
    X, W, a, r = np.column_stack([x, np.ones(60)]), np.column_stack([c, -c * x]), np.ones((60, 1)), rng.standard_normal((60, 1))
    engine, out = sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty((60, 2)), np.empty((60, 1)))
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, a, inputs)
    engine.move(W, a, inputs, r, 1.0, out, False, memo)
    active = np.outer(x, c) > c * x
    np.testing.assert_allclose(out[0], -(active * r).T @ X, atol=1e-12)


@pytest.mark.parametrize("gap", [1e-12, 1e-13])
def test_sorted_angles_between_nearly_antipodal_samples(gap):
    """Between the edge where one sample ceases to be active and that where the other gets so both are active, or none."""
    X, r = np.array([(1.0, 0.0), (-1.0, gap)]), np.array([[1.0], [3.0]])
    W = np.array([(u * gap, v) for u in (-0.5, 0.5, 1.5, -1.5) for v in (-1.0, 1.0)])
    engine, out = sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty((8, 2)), np.empty((8, 1)))
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, np.ones((8, 1)), inputs)
    engine.move(W, np.ones((8, 1)), inputs, r, 1.0, out, False, memo)
    np.testing.assert_allclose(out[0], -((X @ W.T > 0) * r).T @ X, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e100])
@pytest.mark.parametrize("samples", ["any", "all equal", "on a line", "at the origin"])
def test_sorted_angles_of_any_scale_and_of_degenerate_samples(draw, scale, samples):
    W, a, X, r = draw(300, 41, 2, 2)
    X = {"any": X, "all equal": X[:1] + 0 * X, "on a line": X[:, :1] * [1.0, 3.0], "at the origin": 0 * X}[samples]
    W[::3] *= scale
    X[::2] *= scale
    active, engine = X / scale @ (W / np.abs(W).max(axis=1, keepdims=True)).T > 0, sorted_angles.SortedAngles(1.0, 0.0, 0.0)
    inputs, out = engine.prepare(X), (np.empty_like(W), np.empty_like(a))
    F, memo = engine.outputs(W, a, inputs)
    engine.move(W, a, inputs, r, 1.0, out, False, memo)
    for found, expected in ((F, (active * (X @ W.T)) @ a), (out[0], -(active * (r @ a.T)).T @ X), (out[1], -(active * (X @ W.T)).T @ r)):
        np.testing.assert_allclose(found, expected, atol=1e-13 * (np.abs(expected).max() + 1e-300))


def test_sorted_angles_give_the_same_bits_on_any_threads(draw, monkeypatch):
    """Nine chunks' worth of particles, the last chunk shorter than the others; outputs between a step's passes leave it alone."""
    W, a, X, r = draw(9 * sorted_angles.CHUNK + 5, 50, 2, 1)
    results = []
    for serial in (len(W) + 1, 0):
        monkeypatch.setattr(sorted_angles, "SERIAL", serial)
        engine, out = sorted_angles.SortedAngles(1.0, 0.0, 0.0), (W.copy(), a.copy())
        inputs, velocity = engine.prepare(X), (np.empty_like(W), np.empty_like(a))
        for _ in range(2):  # the second step in the memory of the first
            F, memo = engine.outputs(*out, inputs)
            engine.outputs(W[::-1].copy(), a, inputs)
            before = out[0].copy(), out[1].copy()
            engine.move(*out, inputs, r, 0.3, velocity, False, memo)
            engine.move(*out, inputs, r, 0.3, out, True, memo)
        results.append((F, *out, *velocity))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(F, np.maximum(X @ before[0].T, 0) @ before[1], rtol=1e-9)
    active = X @ before[0][-100:].T > 0
    np.testing.assert_allclose(out[0][-100:], before[0][-100:] - 0.3 * before[1][-100:] * ((active * r).T @ X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky_relu"])
def test_sorted_angles_with_particles_at_the_origin(assert_same, draw, activation):
    W, a, X, r = draw(50, 20, 2, 1)
    W[::5] = 0
    assert_same(sorted_angles.SortedAngles(*SLOPES[activation]), activation, W, a, X, r)


def test_sorted_angles_near_kinks_in_general_position():
    """Directions a rounding error away from the edges."""
    X = np.array([[np.cos(t), np.sin(t)] for t in np.linspace(0, 2 * np.pi, 41)])
    W = np.column_stack([-X[:, 1], X[:, 0]]) * (1 + np.random.default_rng(3).random((41, 1)))
    engine = sorted_angles.SortedAngles(1.0, 0.0, 0.0)
    F, _ = engine.outputs(W, np.ones((41, 1)), engine.prepare(X))
    np.testing.assert_allclose(F, np.maximum(X @ W.T, 0).sum(axis=1, keepdims=True), atol=1e-12)


def test_sorted_angles_over_a_run():
    """40 steps of training agree with the reference to 1e-11."""
    X = np.random.default_rng(3).standard_normal((50, 1))
    y = np.sin(2 * X)
    runs = [
        iw.solve(iw.TwoLayerMeanField("relu", 1000, bias=True, compiled=compiled), X, y, iw.GradientDescent(0.3, 40), rng=0)
        for compiled in (True, False)
    ]
    assert isinstance(runs[0].problem.engine, sorted_angles.SortedAngles)
    np.testing.assert_allclose(runs[0].state, runs[1].state, atol=1e-11)


def test_sorted_angles_in_single_precision(assert_same, draw):
    assert_same(sorted_angles.SortedAngles(1.0, 0.0, 0.0), "relu", *draw(200, 130, 2, 1, np.float32), tolerance=1e-6)
