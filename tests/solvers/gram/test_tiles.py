"""The driver: halves, blocks, executors, files and refusals."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from infwidth.solvers.gram import tiles
from infwidth.solvers.gram.program import Program, Step
from infwidth.solvers.gram.reference import run


def relu(n, seed=0, layers=2):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    ones, zeros = np.ones(n), np.zeros(n)
    dense = Step("LINEAR", 0, 0, np.stack([ones, zeros, ones, zeros, ones]))
    steps = (dense, Step("PIECEWISE", 0, 0, np.zeros((0, n)), 1 / np.pi)) * layers
    return Program(X, steps, 1, 0, rng.random(n), rng.random(n))


def empty(n, columns=None, dtype=np.float64):
    return tiles.allocate((n, columns or n), np.dtype(dtype), ("nngp", "ntk"))


def test_blocks_and_executors_do_not_matter(monkeypatch):
    """Any executor, any size of block: the same matrix to the same bits."""
    program = relu(230)
    whole = empty(230)
    tiles.gram(program, None, whole)
    monkeypatch.setattr(tiles, "BLOCK", 100)
    with ThreadPoolExecutor(2) as pool:
        for executor in (None, pool):
            parts = empty(230)
            tiles.gram(program, None, parts, executor)
            np.testing.assert_allclose(parts.nngp, whole.nngp, rtol=0, atol=1e-15)
            np.testing.assert_allclose(parts.ntk, whole.ntk, rtol=0, atol=4e-15)
            np.testing.assert_array_equal(parts.nngp, parts.nngp.T)
        rectangle = empty(230, 150)
        tiles.gram(program, program.of(slice(80, 230)), rectangle, pool)
        off = np.arange(230)[:, None] != np.arange(80, 230)
        np.testing.assert_allclose(rectangle.ntk[off], whole.ntk[:, 80:][off], rtol=0, atol=4e-15)


def test_threads_do_not_matter(monkeypatch):
    monkeypatch.setattr(tiles, "WORTH_THREADS", 0)
    many, one = empty(300), empty(300)
    tiles.gram(relu(300), None, many)
    monkeypatch.setattr(tiles, "WORTH_THREADS", 10**12)
    tiles.gram(relu(300), None, one)
    np.testing.assert_array_equal(many.ntk, one.ntk)


def test_what_has_no_compiled_form_is_run_in_numpy(monkeypatch):
    """A generic step that is relu's, in tiles of 16 points."""
    monkeypatch.setattr(tiles, "READABLE", 16)
    program = relu(50)

    def dual(s, other, delta):
        theta = np.arctan2(np.sqrt(delta * (2 - delta)), 1 - delta)
        return 1 - delta + (np.sqrt(delta * (2 - delta)) - theta * (1 - delta)) / np.pi, 1 - theta / np.pi

    generic = Step("GENERIC", 0, 0, np.ones((3, 50)), dual=dual)
    slow, fast = empty(50), empty(50)
    tiles.gram(replace(program, steps=(program.steps[0], generic) * 2), None, slow)
    tiles.gram(program, None, fast)
    np.testing.assert_allclose(slow.ntk, fast.ntk, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(np.diag(slow.nngp), program.std**2)
    np.testing.assert_array_equal(slow.nngp, slow.nngp.T)


def test_tiles_that_a_series_is_too_short_for_are_run_in_numpy():
    """Equal points in one tile of three: the bound at c = 1 is missed there, and the function is asked."""
    program = relu(200)
    X = program.directions.copy()
    X[:96], X[96:] = [1, 0, 0], [0, 1, 0]
    X[5] = X[150] = [0, 0, 1]
    coefficients = np.sqrt(0.5 ** np.arange(1, 9))[:, None] * np.ones(200)
    asked = []

    def dual(s, other, delta):
        asked.append(len(delta))
        return 1 / (1 + delta), 1 / (1 + delta)

    step = Step(
        "SERIES",
        0,
        0,
        np.ones((3, 200)),
        values=coefficients,
        slopes=coefficients,
        tails=np.array([0.1, 2.0**-8]),
        tolerance=1e-6,
        dual=dual,
    )
    into = empty(200)
    tiles.gram(replace(program, directions=X, steps=(step,)), None, into)
    exact = np.outer(program.std, program.std) / (2 - X @ X.T)
    np.fill_diagonal(exact, program.std**2)
    np.testing.assert_allclose(into.nngp, exact, atol=1e-14)
    assert asked


def test_float32_outputs_are_rounded_float64():
    program, wide, narrow = relu(40), empty(40), empty(40, dtype=np.float32)
    tiles.gram(program, None, wide)
    tiles.gram(program, None, narrow)
    np.testing.assert_array_equal(narrow.ntk, wide.ntk.astype(np.float32))


def test_one_matrix_alone():
    both = empty(40)
    tiles.gram(relu(40), None, both)
    for name in ("nngp", "ntk"):
        only = tiles.allocate((40, 40), np.dtype(float), (name,))
        tiles.gram(relu(40), None, only)
        np.testing.assert_array_equal(getattr(only, name), getattr(both, name))
        assert sum(matrix is None for matrix in only) == 1


def test_no_steps_at_all():
    program = replace(relu(5), steps=())
    into = empty(5)
    tiles.gram(program, program, into)
    np.testing.assert_allclose(into.nngp, run(program, program)[0], atol=1e-15)


def test_memory_is_refused_before_it_is_taken(monkeypatch):
    monkeypatch.setattr("infwidth.solvers.machine.memory.available", lambda: 1e6)
    with pytest.raises(
        ValueError, match=r"X1: nngp and ntk of 400 x 400 pairs in float64 would take 0.00256 GB, and 0.001 GB are free; take"
    ):
        empty(400)


def test_files_take_no_memory(monkeypatch, tmp_path):
    monkeypatch.setattr("infwidth.solvers.machine.memory.available", lambda: 1e5)
    into = tiles.allocate((200, 200), np.dtype(float), ("ntk",), {"ntk": tmp_path / "ntk.npy"})
    tiles.gram(relu(200), None, into)
    into.ntk.flush()
    monkeypatch.undo()
    exact = empty(200)
    tiles.gram(relu(200), None, exact)
    np.testing.assert_array_equal(np.load(tmp_path / "ntk.npy"), exact.ntk)


def test_every_pair_is_in_one_tile():
    for n, columns, same in ((130, 70, False), (130, 130, True)):
        seen = np.zeros((n, columns), int)
        for i, j in tiles._corners(n, columns, 32, same):
            seen[i : i + 32, j : j + 32] += 1
        expected = np.triu(np.ones((n, columns), int)) if same else np.ones((n, columns), int)
        assert (seen[expected == 1] == 1).all() and seen.max() == 1


def test_a_disk_that_is_full_is_refused_before_it_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1e3))
    with pytest.raises(ValueError, match=r"^out: the nngp of 100 x 100 pairs in float64 would take 8e-05 GB, and 1e-06 GB are free"):
        tiles.allocate((100, 100), np.dtype(float), ("nngp",), {"nngp": tmp_path / "nngp.npy"})
    assert not list(tmp_path.iterdir())
