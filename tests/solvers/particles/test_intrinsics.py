"""Machine code: powers of two by their bits, and tiles of a matrix product."""

import numba
import numpy as np
import pytest

from infwidth.solvers.particles.intrinsics import BYTES, ROWS, VECTORS, power_of_two, tile


@numba.njit
def power(n):
    return power_of_two(n)


@numba.njit
def one_tile(A, B, C, row, column, depth, add):
    tile(A, B, C, row, column, depth, add)


@pytest.mark.parametrize("n", [-1022, -1, 0, 1, 52, 1023])
def test_powers_of_two_are_exact(n):
    assert power(n) == 2.0**n


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_tile_is_a_product_and_nothing_beside_it_is_written(dtype):
    """Small integers, so that every sum is exact; as many columns of A as asked for, one or more."""
    width = VECTORS * BYTES // np.dtype(dtype).itemsize
    rng = np.random.default_rng(0)
    A, B = (rng.integers(-4, 5, shape).astype(dtype) for shape in ((ROWS + 3, 5), (5, width + 4)))
    row, column = 2, 3
    inside = slice(row, row + ROWS), slice(column, column + width)
    for depth in (1, 4, 5):
        exact = (A[inside[0], :depth] @ B[:depth, inside[1]]).astype(dtype)
        for add in (False, True):
            C = rng.integers(-4, 5, (ROWS + 3, width + 4)).astype(dtype)
            expected = C.copy()
            expected[inside] = exact + (C[inside] if add else 0)
            one_tile(A, B, C, row, column, depth, add)
            np.testing.assert_array_equal(C, expected)
