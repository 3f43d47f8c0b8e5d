"""Compiled engines against the numpy reference: on both sides of every block edge and dispatch branch."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations
from infwidth.solvers.particles import block_passes as particle_block_passes
from infwidth.solvers.particles import blocks as particle_blocks
from infwidth.solvers.particles import choice as particle_engines
from infwidth.solvers.particles import sorted_angles as particle_sorted_angles
from infwidth.solvers.particles import thin as particle_thin
from infwidth.solvers.particles.reference import NumpyEngine

RNG = np.random.default_rng(3)
SLOPES = {"relu": (1.0, 0.0, 0.0), "abs": (1.0, -1.0, 0.0), "leaky_relu": (1.0, 0.01, 0.01)}


def draw(N, n, D, k, dtype=np.float64, integers=False):
    """Particles, inputs and residuals; small integers put many samples exactly on kinks, and some particles at 0."""

    def numbers(*shape):
        return (RNG.integers(-2, 3, shape) if integers else RNG.standard_normal(shape)).astype(dtype)

    return numbers(N, D), RNG.standard_normal((N, k)).astype(dtype), numbers(n, D), (RNG.standard_normal((n, k)) / n).astype(dtype)


def assert_same(engine, activation, W, a, X, r, tolerance=1e-13):
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


def blocks(activation):
    code = particle_blocks.CODES.get(activation, particle_blocks.PIECEWISE)
    return particle_blocks.BlockEngine(code, SLOPES.get(activation, (0.0, 0.0, 0.0)))


@pytest.mark.parametrize("activation", [*particle_blocks.CODES, "relu", "abs"])
def test_blocks(activation):
    """Thin and wide products, one output and several."""
    for D, k in ((1, 1), (3, 2), (4, 1), (5, 1), (7, 3)):
        assert_same(blocks(activation), activation, *draw(150, 140, D, k))


@pytest.mark.parametrize("N", [1, 127, 128, 129, 64 * 128 + 1, 70 * 128])
@pytest.mark.parametrize("n", [1, 3, 31, 32, 33, 127, 128, 129])
def test_block_edges(N, n):
    """On both sides of the particles and samples of a block, for few weights and for many."""
    for activation in ("relu", "tanh"):
        assert_same(blocks(activation), activation, *draw(N, n, 6, 1))
        if N < 1000:
            assert_same(blocks(activation), activation, *draw(N, n, 40, 1))


@pytest.mark.parametrize("D", range(1, 36))
def test_block_columns(D):
    """Weights of a particle that fill up the rows of a tile or not."""
    for activation, k in (("leaky_relu", 1), ("tanh", 1), ("tanh", 2)):
        assert_same(blocks(activation), activation, *draw(130, 35, D, k))


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("k", [1, 2])
def test_blocks_on_kinks(activation, k):
    """Small integers put many samples exactly on kinks: with signs that are remembered, and without."""
    assert_same(blocks(activation), activation, *draw(200, 70, 6, k, integers=True))


def test_blocks_keep_the_memory_of_signs_for_steps_of_the_same_size():
    engine, memos = blocks("relu"), []
    for n in (60, 60, 8, 60):
        W, a, X, r = draw(200, n, 6, 1)
        inputs = engine.prepare(X)
        F, memo = engine.outputs(W, a, inputs)
        assert memo.shape == (2, n, particle_block_passes.PARTICLES)
        np.testing.assert_allclose(F, np.maximum(X @ W.T, 0) @ a, rtol=1e-10)
        engine.move(W, a, inputs, r, 0.3, (W, a), True, memo)
        memos.append(memo)
    assert memos[1] is memos[0] and memos[2] is not memos[1]


def test_blocks_without_remembered_signs(monkeypatch):
    monkeypatch.setattr(particle_blocks, "SIGNS", 0)
    W, a, X, _ = draw(200, 130, 6, 1)
    assert blocks("relu").outputs(W, a, blocks("relu").prepare(X))[1].size == 0
    assert_same(blocks("relu"), "relu", *draw(200, 130, 6, 1))


def test_systems_share_the_memory_of_signs(monkeypatch):
    W, a, X, _ = draw(200, 130, 6, 1)
    signs = 2 * 132 * 128  # bytes: whole blocks of particles, whole tiles of samples
    for room, systems, kept in ((4 * signs, 4, True), (4 * signs - 1, 4, False), (signs, 1, True)):
        monkeypatch.setattr(particle_blocks, "SIGNS", room)
        engine = particle_blocks.BlockEngine(particle_blocks.PIECEWISE, SLOPES["relu"], systems)
        inputs = engine.prepare(X)
        assert engine.outputs(W, a, inputs)[1].size == (signs if kept else 0)
        assert engine.outputs(W, a, inputs, keep=False)[1].size == 0


@pytest.mark.parametrize(("activation", "D"), [("relu", 2), ("relu", 6)])
def test_memory_given_back_twice_is_lent_once(activation, D):
    engine = particle_engines.engine(activations.get(activation), D, 1)
    W, a, X, r = draw(200, 130, D, 1)
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, a, inputs)
    for _ in range(2):
        engine.move(W, a, inputs, r, 0.3, (W, a), True, memo)
    first, second = engine.outputs(W, a, inputs)[1], engine.outputs(W, a, inputs)[1]
    assert first is memo and not np.shares_memory(first, second)


def test_blocks_on_many_threads_give_the_same_bits(monkeypatch):
    W, a, X, _ = draw(3000, 150, 6, 1)
    engine = blocks("tanh")
    serial, _ = engine.outputs(W, a, engine.prepare(X))
    monkeypatch.setattr(particle_blocks, "SERIAL", 0)
    threaded, _ = engine.outputs(W, a, engine.prepare(X))
    np.testing.assert_array_equal(serial, threaded)


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky_relu"])
@pytest.mark.parametrize("k", [1, 3])
def test_sorted_angles(activation, k):
    engine = particle_sorted_angles.SortedAngles(*SLOPES[activation])
    for N, n in ((1, 1), (2, 5), (255, 64), (257, 65), (8193, 33), (20001, 17), (32769, 5)):
        assert_same(engine, activation, *draw(N, n, 2, k))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_sorted_angles_on_kinks(activation):
    """Samples exactly on the edge of the active half-plane, at the seam of the angles, at the origin; particles at the origin."""
    engine = particle_sorted_angles.SortedAngles(*SLOPES[activation])
    for _ in range(5):
        assert_same(engine, activation, *draw(300, 80, 2, 1, integers=True))


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("n", [3, 5, 7, 15, 80])
def test_sorted_angles_on_a_lattice(activation, n):
    """Every velocity from small integers is exact, so one sample on the wrong side of a kink shows."""
    engine, reference = particle_sorted_angles.SortedAngles(*SLOPES[activation]), NumpyEngine(activations.get(activation))
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
    engine = particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0)
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
    engine, out = particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty_like(W), np.empty_like(a))
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, a, inputs)
    engine.move(W, a, inputs, r, 1.0, out, False, memo)
    np.testing.assert_allclose(out[0], [-(r[X @ w > 0] * X[X @ w > 0]).sum(axis=0) for w in W], atol=1e-12)


def test_sorted_angles_in_a_chain_of_close_edges():
    """Each follows the one before within the tie, but the last is 2e-12 from the first; particles between them have half the samples."""
    X = np.column_stack([np.ones(1000), 2e-15 * np.arange(1000)])
    W, r = np.array([[-1.0001e-12, 1.0], [-3.003e-13, 1.0], [1e-12, 1.0], [2.5e-12, -1.0]]), np.ones((1000, 1))
    engine, out = particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty((4, 2)), np.empty((4, 1)))
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
    engine, out = particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty((60, 2)), np.empty((60, 1)))
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
    engine, out = particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0), (np.empty((8, 2)), np.empty((8, 1)))
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, np.ones((8, 1)), inputs)
    engine.move(W, np.ones((8, 1)), inputs, r, 1.0, out, False, memo)
    np.testing.assert_allclose(out[0], -((X @ W.T > 0) * r).T @ X, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-200, 1e-100, 1e100])
@pytest.mark.parametrize("samples", ["any", "all equal", "on a line", "at the origin"])
def test_sorted_angles_of_any_scale_and_of_degenerate_samples(scale, samples):
    W, a, X, r = draw(300, 41, 2, 2)
    X = {"any": X, "all equal": X[:1] + 0 * X, "on a line": X[:, :1] * [1.0, 3.0], "at the origin": 0 * X}[samples]
    W[::3] *= scale
    X[::2] *= scale
    active, engine = X / scale @ (W / np.abs(W).max(axis=1, keepdims=True)).T > 0, particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0)
    inputs, out = engine.prepare(X), (np.empty_like(W), np.empty_like(a))
    F, memo = engine.outputs(W, a, inputs)
    engine.move(W, a, inputs, r, 1.0, out, False, memo)
    for found, expected in ((F, (active * (X @ W.T)) @ a), (out[0], -(active * (r @ a.T)).T @ X), (out[1], -(active * (X @ W.T)).T @ r)):
        np.testing.assert_allclose(found, expected, atol=1e-13 * (np.abs(expected).max() + 1e-300))


def test_sorted_angles_give_the_same_bits_on_any_threads(monkeypatch):
    """Nine chunks' worth of particles, the last chunk shorter than the others; outputs between a step's passes leave it alone."""
    W, a, X, r = draw(9 * particle_sorted_angles.CHUNK + 5, 50, 2, 1)
    results = []
    for serial in (len(W) + 1, 0):
        monkeypatch.setattr(particle_sorted_angles, "SERIAL", serial)
        engine, out = particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0), (W.copy(), a.copy())
        inputs = engine.prepare(X)
        for _ in range(2):  # the second step in the memory of the first
            F, memo = engine.outputs(*out, inputs)
            engine.outputs(W[::-1].copy(), a, inputs)
            before = out[0].copy(), out[1].copy()
            engine.move(*out, inputs, r, 0.3, out, True, memo)
        results.append((F, *out))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(F, np.maximum(X @ before[0].T, 0) @ before[1], rtol=1e-9)
    active = X @ before[0][-100:].T > 0
    np.testing.assert_allclose(out[0][-100:], before[0][-100:] - 0.3 * before[1][-100:] * ((active * r).T @ X), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("activation", "D"), [("relu", 2), ("leaky_relu", 2), ("abs", 2), ("relu", 3), ("relu", 7), ("tanh", 3), ("sin", 3)]
)
def test_weights_that_are_not_finite_are_no_crash_and_spoil_the_step(activation, D, bad):
    engine = particle_engines.engine(activations.get(activation), D, 1)
    for column in range(D + 1):
        W, a, X, r = draw(40, 20, D, 1)
        (W if column < D else a)[7, min(column, D - 1) if column < D else 0] = bad
        inputs = engine.prepare(X)
        with np.errstate(all="ignore"):
            F, memo = engine.outputs(W, a, inputs)
            engine.move(W, a, inputs, r, 1.0, (W, a), True, memo)
        assert not np.isfinite(np.concatenate([W.ravel(), a.ravel()])).all()
        if activation != "tanh" or np.isnan(bad) or column == D:  # tanh of infinity is finite
            assert not np.isfinite(F).all()


@pytest.mark.parametrize("activation", ["relu", "abs", "leaky_relu"])
def test_sorted_angles_with_particles_at_the_origin(activation):
    W, a, X, r = draw(50, 20, 2, 1)
    W[::5] = 0
    assert_same(particle_sorted_angles.SortedAngles(*SLOPES[activation]), activation, W, a, X, r)


def test_sorted_angles_near_kinks_in_general_position():
    """Directions a rounding error away from the edges."""
    X = np.array([[np.cos(t), np.sin(t)] for t in np.linspace(0, 2 * np.pi, 41)])
    W = np.column_stack([-X[:, 1], X[:, 0]]) * (1 + RNG.random((41, 1)))
    engine = particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0)
    F, _ = engine.outputs(W, np.ones((41, 1)), engine.prepare(X))
    np.testing.assert_allclose(F, np.maximum(X @ W.T, 0).sum(axis=1, keepdims=True), atol=1e-12)


def test_sorted_angles_over_a_run():
    """40 steps of training agree with the reference to 1e-11."""
    X = RNG.standard_normal((50, 1))
    y = np.sin(2 * X)
    runs = [
        iw.solve(iw.TwoLayerMeanField("relu", 1000, bias=True, compiled=compiled), X, y, iw.GradientDescent(0.3, 40), rng=0)
        for compiled in (True, False)
    ]
    assert isinstance(runs[0].problem.engine, particle_sorted_angles.SortedAngles)
    np.testing.assert_allclose(runs[0].state, runs[1].state, atol=1e-11)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_thin(activation):
    engine = particle_thin.ThinEngine(*SLOPES[activation][:2])
    for N, n, D in ((1, 1, 3), (511, 4, 3), (513, 7, 4), (64 * 512 + 1, 6, 3), (20, 130, 1)):
        assert_same(engine, activation, *draw(N, n, D, 1))
    assert_same(engine, activation, *draw(300, 50, 3, 1, integers=True))


def test_thin_on_many_threads_gives_the_same_bits(monkeypatch):
    W, a, X, _ = draw(3000, 150, 3, 1)
    engine = particle_thin.ThinEngine(1.0, 0.0)
    serial, _ = engine.outputs(W, a, engine.prepare(X))
    monkeypatch.setattr(particle_thin, "SERIAL", 0)
    np.testing.assert_array_equal(engine.outputs(W, a, engine.prepare(X))[0], serial)


def test_functions_are_accurate():
    """Absolute error at most 4e-16 for the bounded ones, relative to |h| for silu and gelu; NaN and infinity pass."""
    h = np.concatenate([np.linspace(-40, 40, 50001), np.geomspace(1e-12, 1, 500)])
    for name, code in particle_blocks.CODES.items():
        value, slope = h.copy(), np.empty_like(h)
        particle_block_passes._values_and_slopes(code, (0.0, 0.0, 0.0), value, slope)
        size = np.maximum(1, np.abs(h)) if name in ("silu", "gelu") else 1
        assert (np.abs(value - activations.get(name).value(h)) / size).max() < 5e-16
        assert (np.abs(slope - activations.get(name).derivative(h)) / size).max() < 1e-15
        odd = np.array([np.nan, 1e3, -1e3, 0.0])
        particle_block_passes._values(code, (0.0, 0.0, 0.0), odd)
        assert np.isnan(odd[0])
        np.testing.assert_allclose(odd[1:], activations.get(name).value(np.array([1e3, -1e3, 0.0])), rtol=1e-15)


def test_divergence_shows():
    for activation, d in (("relu", 2), ("relu", 3), ("tanh", 3)):
        sol = iw.solve(
            iw.TwoLayerMeanField(activation, 64), RNG.standard_normal((5, d)), 1e3 * np.ones(5), iw.GradientDescent(50.0, 40), rng=0
        )
        assert not sol.success and "diverged" in sol.message


@pytest.mark.parametrize(
    ("make", "D"),
    [
        (lambda: particle_sorted_angles.SortedAngles(1.0, 0.0, 0.0), 2),
        (lambda: particle_thin.ThinEngine(1.0, 0.0), 3),
        pytest.param(lambda: blocks("relu"), 6, marks=pytest.mark.slow),  # compiles everything again
    ],
)
def test_float32(make, D):
    assert_same(make(), "relu", *draw(200, 130, D, 1, np.float32), tolerance=1e-6)


@pytest.mark.parametrize(
    ("activation", "D", "k", "expected"),
    [
        ("relu", 2, 3, "SortedAngles"),
        ("linear", 2, 1, "SortedAngles"),
        ("relu", 1, 1, "ThinEngine"),
        ("leaky_relu", 4, 1, "ThinEngine"),
        ("relu", 4, 2, "BlockEngine"),
        ("abs", 3, 1, "BlockEngine"),
        ("relu", 5, 1, "BlockEngine"),
        ("erf", 1, 1, "BlockEngine"),
        ("cos", 2, 1, "NumpyEngine"),
    ],
)
def test_dispatch(activation, D, k, expected):
    assert type(particle_engines.engine(activations.get(activation), D, k)).__name__ == expected
    assert isinstance(particle_engines.engine(activations.get(activation), D, k, compiled=False), NumpyEngine)


def test_slopes_of_a_leaky_relu_are_exact():
    engine = particle_engines.engine(activations.leaky_relu(0.123456789), 3, 1)
    assert engine.beta == 0.123456789
