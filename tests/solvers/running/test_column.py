"""Columns against numpy arrays of lists."""

import tracemalloc

import numpy as np
import pytest

from infwidth.solvers.running.column import Column


@pytest.mark.parametrize("rows", [None, 5, 40])
@pytest.mark.parametrize(
    "values", [list(range(23)), [0, 0.5, 1], [np.full((2, 3), i, np.float32) for i in range(9)], ["a", "bcd"], [True, False]]
)
def test_like_a_list(rows, values):
    column = Column(rows)
    assert len(column) == 0 and column.array().size == 0 and column.shape is None
    for value in values:
        column.reserve(value)
        column.append(value)
        np.testing.assert_array_equal(column.last, value)
    expected = np.array(values)
    assert column.array().dtype == expected.dtype and len(column) == len(values) and column.shape == expected.shape[1:]
    np.testing.assert_array_equal(column.array(), expected)


def test_handing_over_copies_nothing():
    column = Column(100)
    for i in range(100):
        column.reserve(np.full(10_000, i))
        column.append(np.full(10_000, i))
    tracemalloc.start()
    whole = column.array()
    assert tracemalloc.get_traced_memory()[1] < 10_000
    tracemalloc.stop()
    assert whole[99, 5] == 99


def test_goes_on_from_an_array():
    column = Column(3)
    column.take_over(np.arange(2.0))
    column.reserve(7)
    column.append(7)
    assert column.array().tolist() == [0, 1, 7]
    column.take_over(np.zeros((0, 4)))
    assert len(column) == 0
