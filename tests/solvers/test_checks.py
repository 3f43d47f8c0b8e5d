"""Arguments at the boundary: converted, or refused by name with the way out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import infwidth as iw
from infwidth.solvers import checks


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.none(), st.booleans()))
def test_rates_are_positive_finite_numbers_or_refused(value):
    good = isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < np.inf
    if good:
        assert iw.GradientDescent(value, 1).rate(0) == value
    else:
        with pytest.raises(ValueError, match="learning_rate"):
            iw.GradientDescent(value, 1)


@given(arrays(st.sampled_from([np.float32, np.float64, np.int16, np.bool_]), array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)))
def test_arrays_are_finite_matrices_or_refused(value):
    good = value.ndim in (1, 2) and value.size > 0 and np.isfinite(value).all()
    if not good:
        with pytest.raises(ValueError, match="X"):
            checks.array("X", value)
        return
    a = checks.array("X", value)
    assert a.ndim == 2
    assert a.flags.c_contiguous
    assert a.dtype == (np.float32 if value.dtype == np.float32 else np.float64)
    np.testing.assert_array_equal(a, value.reshape(len(value), -1))
