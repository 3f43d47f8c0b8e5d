"""Matrix products into existing memory, for every layout."""

import numpy as np
import pytest

from infwidth.solvers.machine.products import add_product, product


def matrix(rows, columns, dtype=np.float64, transposed=False, seed=0):
    """Small integers, so that every product is exact; C-contiguous, or the transpose of such."""
    values = np.random.default_rng([seed, rows, columns]).integers(-4, 5, (rows, columns)).astype(dtype)
    return np.ascontiguousarray(values.T).T if transposed else values


@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 4, 5), (3, 1, 5), (3, 4, 1), (1, 1, 1), (64, 33, 65)])
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_products_of_any_layout_are_exact(shape, left, right, dtype):
    n, k, m = shape
    a, b = matrix(n, k, dtype, left), matrix(k, m, dtype, right, seed=1)
    exact = a.astype(int) @ b.astype(int)
    assert product(a, b).dtype == dtype
    np.testing.assert_array_equal(product(a, b), exact)
    np.testing.assert_array_equal(product(a, b, 0.5), exact / 2)
    before = matrix(n, m, dtype, seed=2)
    out = before.copy()
    assert add_product(out, -2.0, a, b) is out
    np.testing.assert_array_equal(out, before - 2 * exact)
    add_product(out, 1.0, a, b, beta=0.25)
    np.testing.assert_array_equal(out, (before - 2 * exact) / 4 + exact)


def test_with_beta_zero_the_old_content_does_not_matter():
    a, b = matrix(3, 4), matrix(4, 5, seed=1)
    np.testing.assert_array_equal(add_product(np.full((3, 5), np.nan), 1.0, a, b, beta=0.0), a @ b)


def test_rows_of_a_larger_array_are_written_in_place():
    state = np.zeros((4, 5))
    add_product(state[1:3], 1.0, matrix(2, 3), matrix(3, 5, seed=1))
    np.testing.assert_array_equal(state[1:3], matrix(2, 3) @ matrix(3, 5, seed=1))
    assert not state[[0, 3]].any()


@pytest.mark.parametrize("out", [np.zeros((5, 3)).T, np.zeros((3, 10))[:, ::2], np.zeros((3, 5), int)])
def test_an_output_that_would_be_copied_is_refused(out):
    with pytest.raises(AssertionError, match="out must be C-contiguous and of the dtype of a and b"):
        add_product(out, 1.0, matrix(3, 4), matrix(4, 5))
