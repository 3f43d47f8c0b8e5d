"""Growing tables and their budget."""

import numpy as np
import pytest

from infwidth.limits.feature_learning.rows import Budget, Rows, Table
from infwidth.solvers.problem import MethodFailed


def test_rows_keep_what_was_appended():
    rows, parts = Rows(5, Budget(1e6)), []
    for number in (1, 0, 3, 7):
        parts.append(np.random.default_rng(number).random((number, 5)))
        rows.append(parts[-1])
    np.testing.assert_array_equal(rows.values, np.vstack(parts))
    assert len(rows) == 11


def test_tables_pad_with_zeros():
    table = Table(2, Budget(1e6))
    first, second = np.ones((3, 2, 1)), 2 * np.ones((1, 2, 4))
    table.append(first)
    table.append(second)
    assert table.values.shape == (4, 2, 4)
    np.testing.assert_array_equal(table.values[:3, :, :1], first)
    assert not table.values[:3, :, 1:].any()
    np.testing.assert_array_equal(table.values[3:], second)


def test_the_budget_is_refused_before_it_is_spent():
    rows = Rows(1000, Budget(20_000))
    with pytest.raises(MethodFailed, match=r"memory: the samples .* take fewer samples"):
        rows.append(np.zeros((10, 1000)))
    assert len(rows) == 0
