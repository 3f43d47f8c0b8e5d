"""Blocks of particles against the reference, on both sides of every block edge, and their memory of signs."""

import numpy as np
import pytest

from infwidth.solvers.particles import block_passes, blocks

SLOPES = {"relu": (1.0, 0.0, 0.0), "abs": (1.0, -1.0, 0.0), "leaky_relu": (1.0, 0.01, 0.01)}


def block_engine(activation):
    code = blocks.CODES.get(activation, blocks.PIECEWISE)
    return blocks.BlockEngine(code, SLOPES.get(activation, (0.0, 0.0, 0.0)))


@pytest.mark.parametrize("activation", [*blocks.CODES, "relu", "abs"])
def test_blocks(assert_same, draw, activation):
    """Thin and wide products, one output and several."""
    for D, k in ((1, 1), (3, 2), (4, 1), (5, 1), (7, 3)):
        assert_same(block_engine(activation), activation, *draw(150, 140, D, k))


@pytest.mark.parametrize("N", [1, 127, 128, 129, 64 * 128 + 1, 70 * 128])
@pytest.mark.parametrize("n", [1, 3, 31, 32, 33, 127, 128, 129])
def test_block_edges(assert_same, draw, N, n):
    """On both sides of the particles and samples of a block, for few weights and for many."""
    for activation in ("relu", "tanh"):
        assert_same(block_engine(activation), activation, *draw(N, n, 6, 1))
        if N < 1000:
            assert_same(block_engine(activation), activation, *draw(N, n, 40, 1))


@pytest.mark.parametrize("D", range(1, 36))
def test_block_columns(assert_same, draw, D):
    """Weights of a particle that fill up the rows of a tile or not."""
    for activation, k in (("leaky_relu", 1), ("tanh", 1), ("tanh", 2)):
        assert_same(block_engine(activation), activation, *draw(130, 35, D, k))


@pytest.mark.parametrize("activation", SLOPES)
@pytest.mark.parametrize("k", [1, 2])
def test_blocks_on_kinks(assert_same, draw, activation, k):
    """Small integers put many samples exactly on kinks: with signs that are remembered, and without."""
    assert_same(block_engine(activation), activation, *draw(200, 70, 6, k, integers=True))


def test_blocks_keep_the_memory_of_signs_for_steps_of_the_same_size(draw):
    engine, memos = block_engine("relu"), []
    for n in (60, 60, 8, 60):
        W, a, X, r = draw(200, n, 6, 1)
        inputs = engine.prepare(X)
        F, memo = engine.outputs(W, a, inputs)
        assert memo.shape == (2, n, block_passes.PARTICLES)
        np.testing.assert_allclose(F, np.maximum(X @ W.T, 0) @ a, rtol=1e-10)
        engine.move(W, a, inputs, r, 0.3, (W, a), True, memo)
        memos.append(memo)
    assert memos[1] is memos[0] and memos[2] is not memos[1]


def test_blocks_without_remembered_signs(assert_same, draw, monkeypatch):
    monkeypatch.setattr(blocks, "SIGNS", 0)
    W, a, X, _ = draw(200, 130, 6, 1)
    assert block_engine("relu").outputs(W, a, block_engine("relu").prepare(X))[1].size == 0
    assert_same(block_engine("relu"), "relu", *draw(200, 130, 6, 1))


def test_systems_share_the_memory_of_signs(draw, monkeypatch):
    W, a, X, _ = draw(200, 130, 6, 1)
    signs = 2 * 132 * 128  # bytes: whole blocks of particles, whole tiles of samples
    for room, systems, kept in ((4 * signs, 4, True), (4 * signs - 1, 4, False), (signs, 1, True)):
        monkeypatch.setattr(blocks, "SIGNS", room)
        engine = blocks.BlockEngine(blocks.PIECEWISE, SLOPES["relu"], systems)
        inputs = engine.prepare(X)
        assert engine.outputs(W, a, inputs)[1].size == (signs if kept else 0)
        assert engine.outputs(W, a, inputs, keep=False)[1].size == 0


@pytest.mark.parametrize(("activation", "k"), [("tanh", 1), ("tanh", 2), ("relu", 1)])
def test_blocks_on_many_threads_give_the_same_bits(draw, monkeypatch, activation, k):
    """Small steps run in another function, that is compiled without threads."""
    W, a, X, r = draw(3000, 150, 6, k)
    engine, steps = block_engine(activation), []
    for serial in (np.inf, 0):
        monkeypatch.setattr(blocks, "SERIAL", serial)
        moved = W.copy(), a.copy()
        F, memo = engine.outputs(W, a, engine.prepare(X))
        engine.move(W, a, engine.prepare(X), r, 0.3, moved, True, memo)
        steps.append((F, *moved))
    for one, other in zip(*steps, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.slow  # compiles everything again
def test_blocks_in_single_precision(assert_same, draw):
    assert_same(block_engine("relu"), "relu", *draw(200, 130, 6, 1, np.float32), tolerance=1e-6)
