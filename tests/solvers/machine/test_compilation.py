"""What compiled loops must not do: lose a NaN or an infinity, or stop at a division by zero."""

import ast
import math
import os
import subprocess
import sys
import zlib
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


# What is compiled into a function of another file


def parts(file):
    """Files beside this one whose names its compiled functions use."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    compiled = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and any("jit" in ast.unparse(d) for d in node.decorator_list)
    ]
    used = {node.id for function in compiled for line in function.body for node in ast.walk(line) if isinstance(node, ast.Name)}
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.level]
    origins = [node for node in imports if used & {alias.asname or alias.name for alias in node.names} and node.module]
    return sorted({file.parents[node.level - 1].joinpath(*node.module.split(".")).with_suffix(".py") for node in origins})


@pytest.mark.parametrize("folder", [infwidth.limits, infwidth.solvers], ids=["limits", "solvers"])
def test_what_is_compiled_in_is_of_the_age_that_the_cache_believes(folder):
    """A cached function is as old as its own file, so a change of what it calls or reads elsewhere must be written into it, inner files
    first: ``PARTS = `` their checksum."""
    stale = {}
    for file in sorted(Path(folder.__file__).parent.rglob("*.py")):
        if others := parts(file):
            line = f"PARTS = 0x{zlib.crc32(b''.join(other.read_bytes() for other in others)):08X}"
            if line not in file.read_text(encoding="utf-8"):
                stale[f"{file.parent.name}/{file.name}"] = f"{line}  # checksum of {', '.join(other.name for other in others)}"
    assert stale == {}


def test_the_check_of_parts_sees():
    folder = Path(infwidth.solvers.__file__).parent
    assert [file.name for file in parts(folder / "gram" / "elu.py")] == ["elementary.py"]
    assert [file.name for file in parts(folder / "particles" / "block_passes.py")] == ["elementary.py", "intrinsics.py"]
    assert parts(folder / "gram" / "elementary.py") == []
