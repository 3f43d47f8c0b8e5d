"""What compiled loops must not do: lose a NaN or an infinity, or stop at a division by zero."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest

import infwidth
from infwidth.solvers.machine.compilation import jit


@jit
def is_nan(x):
    return x != x


@jit
def is_infinite(x):
    return x == math.inf or x == -math.inf


@jit
def divided(x, y):
    return x / y


@jit(inline=True)
def square(x):
    return x * x


@jit(parallel=True)
def fourth_powers(x, out):
    for i in numba.prange(len(x)):
        out[i] = square(square(x[i]))


@pytest.mark.parametrize("x", [0.0, 1.0, -math.inf, math.inf, math.nan])
def test_what_is_not_finite_shows(x):
    """With "nnan" or "ninf" the compiler may take these comparisons to be false."""
    assert is_nan(x) == math.isnan(x)
    assert is_infinite(x) == math.isinf(x)


def test_a_division_by_zero_is_infinite():
    assert divided(1.0, 0.0) == math.inf and math.isnan(divided(0.0, 0.0))


def test_options_pass_and_all_is_kept_on_disk():
    fourth_powers(np.array([1.0, 3.0]), out := np.empty(2))
    assert out.tolist() == [1.0, 81.0]
    assert fourth_powers.targetoptions["parallel"] and not divided.targetoptions["parallel"]
    assert square.targetoptions["forceinline"] and not fourth_powers.targetoptions["forceinline"]
    for function in (divided, square, fourth_powers):
        assert function.targetoptions["fastmath"].isdisjoint({"nnan", "ninf", "fast"})
        assert function._cache.cache_path


READ_ONLY = """
import tempfile, warnings
def refuse(*args, **kwargs):
    raise PermissionError(13, "Permission denied")
tempfile.TemporaryFile = refuse  # by which numba tries whether a folder can be written
import infwidth as iw
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    run = iw.solve(iw.DeepLinearIntegrable(2, "naive"), [[1.0, 0.5]], [1.0], iw.GradientDescent(0.1, 3))
said = [str(warning.message) for warning in caught if issubclass(warning.category, RuntimeWarning)]
assert run.success
assert len(said) == 1 and "NUMBA_CACHE_DIR" in said[0], said
from infwidth.limits.integrable import chain
assert chain.tops._cache.cache_path is None, "it is kept on disk after all"
print("held")
"""


def test_where_nothing_can_be_written_it_compiles_and_says_how_to_keep_it():
    """A read-only container: a process of its own, for numba decides when a module is loaded."""
    environment = os.environ | {"PYTHONPATH": str(Path(infwidth.__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", READ_ONLY], capture_output=True, text=True, timeout=240, env=environment)
    assert run.stdout.strip() == "held", run.stderr
