import numpy as np
import pytest

from infwidth.limits.integrable.start import layer_sizes, zero_residual
from infwidth.solvers import Data


def test_layer_sizes():
    assert [layer_sizes("non_centered", L, 50) for L in (1, 2, 4)] == [(50,), (50, 50), (50, 1, 1, 50)]
    assert layer_sizes("large_lr", 4, 50) == (50,) * 4


@pytest.mark.parametrize(
    ("loss", "y", "expected"), [("squared", [2.0, -1.0], [[-2], [1]]), ("cross_entropy", [0, 1], [[-0.5, 0.5], [0.5, -0.5]])]
)
def test_residuals_at_zero_are_not_divided_by_n(loss, y, expected):
    np.testing.assert_allclose(zero_residual(Data.check(np.eye(2), y, loss)), expected)
