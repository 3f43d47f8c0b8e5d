"""Compiled steps against their numpy twins, on both sides of every edge of a tile."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import infwidth
from infwidth.solvers.gram import closed_forms, elementary, elu, passes, series
from infwidth.solvers.gram.program import CODES, Program, Step
from infwidth.solvers.gram.reference import run
from infwidth.solvers.gram.tiles import Gram, gram

TILE = passes.TILE


def test_codes_are_those_of_the_contract():
    assert [getattr(passes, code) for code in CODES] == list(range(len(CODES)))


def factors(code, rng, n):
    """Admissible factors: eta and zeta on the circle, scales of order one, so that values stay within [-1, 1]."""
    if code in ("PIECEWISE", "JUMP", "COPY"):
        return np.zeros((0, n))
    angle = rng.uniform(0.2, 1.3, n)
    if code == "WEIGHTS":
        return np.stack([np.ones(n), np.zeros(n), rng.random(n), np.zeros(n), rng.random(n)])
    if code == "LINEAR":
        return np.stack([np.cos(angle), np.sin(angle), *rng.random((3, n))])
    if code == "ADD":
        return np.stack([np.cos(angle), np.sin(angle), *rng.random((2, n))])
    if code == "SERIES":
        return np.ones((3, n))
    return np.stack([np.sin(angle), np.cos(angle), rng.random(n), 0.5 * rng.random(n), rng.random(n)])


def program(code, n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, 4))
    X[0], X[min(3, n - 1)] = X[n - 1], -X[n - 1]
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    start = Step("LINEAR", 0, 0, factors("LINEAR", rng, n))
    series = {}
    if code == "SERIES":
        values, slopes = (rng.standard_normal((12, n)) for _ in range(2))
        series = {"values": values / np.linalg.norm(values, axis=0), "slopes": slopes / np.linalg.norm(slopes, axis=0)}
        series |= {"tails": np.array([1.0, 1e-3, 0.0]), "tolerance": 1e-9}
    steps = [start, Step("COPY", 0, 1, np.zeros((0, n)))]
    source = 1 if code == "ADD" else 0
    steps.append(
        Step(
            "LINEAR" if code == "WEIGHTS" else code,
            source,
            0,
            factors(code, rng, n),
            {"PIECEWISE": 1 / np.pi, "JUMP": 2 / np.pi}.get(code, 0.0),
            **series,
        )
    )
    return Program(X, tuple(steps), 2, 0, rng.random(n), rng.random(n))


@pytest.mark.parametrize("code", ["WEIGHTS", *(code for code in CODES if code not in ("GENERIC", "COPY"))])
def test_steps_are_their_twins(code):
    n = 2 * TILE + 3
    whole = program(code, n)
    left, right = whole.of(slice(0, TILE + 1)), whole.of(slice(TILE - 2, n))
    exact = run(left, right)
    into = Gram(*(np.empty((TILE + 1, n - TILE + 2)) for _ in range(2)))
    gram(left, right, into)
    for found, expected in zip(into, exact, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0, atol=5e-15)
    assert np.ptp(exact[0]) > 0.01


@pytest.mark.parametrize("n", [1, TILE - 1, TILE, TILE + 1])
def test_symmetric_halves_have_the_exact_diagonal(n):
    whole = program("PIECEWISE", n)
    into = Gram(np.empty((n, n)), np.empty((n, n)))
    gram(whole, None, into)
    for matrix, scale, expected in zip(into, (whole.std, whole.tangent), run(whole, whole), strict=True):
        np.testing.assert_array_equal(matrix, matrix.T)
        np.testing.assert_array_equal(np.diag(matrix), scale**2)
        off = ~np.eye(n, dtype=bool)
        np.testing.assert_allclose(matrix[off], expected[off], atol=5e-15)


@pytest.mark.parametrize("module", [closed_forms, elementary, elu, passes, series])
def test_helpers_are_copied_into_their_caller(module):
    """Else there are two machine codes of each, one compiled alone and one with the caller, and they round differently."""
    compiled = {name: value for name, value in vars(module).items() if hasattr(value, "py_func") and name != "tiles"}
    assert compiled and all(function.targetoptions["forceinline"] for function in compiled.values())


SUM_OF_BITS = """
import zlib
import numpy as np
from infwidth.limits import kernels
X = np.random.default_rng(0).standard_normal((60, 5))
for name in ("relu", "gelu", "elu", "sin", "tanh"):
    k = kernels.serial(kernels.Dense(1.5, 0.1), kernels.Elementwise(name), kernels.Dense(1.5))
    print(name, *(zlib.crc32(np.ascontiguousarray(K)) for K in k(X)))
"""


@pytest.mark.slow
def test_a_process_that_compiles_has_the_bits_of_one_that_finds_all_on_disk(tmp_path):
    """So that a run which is resumed in another process goes on to the same bits."""
    paths = os.pathsep.join([str(Path(infwidth.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": paths}
    runs = [subprocess.run([sys.executable, "-c", SUM_OF_BITS], env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert len(runs[0].stdout.splitlines()) == 5 and runs[0].stdout == runs[1].stdout
