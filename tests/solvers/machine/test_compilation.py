"""What compiled loops must not do: lose a NaN or an infinity, or stop at a division by zero."""

import math

import numba
import numpy as np
import pytest

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
