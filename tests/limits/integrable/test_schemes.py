"""The names of the integrable schemes, and where their limits stand still."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepLinearIntegrable, saddle
from infwidth.limits.integrable.schemes import STATIONARY_FROM


@pytest.mark.parametrize("scheme", STATIONARY_FROM)
def test_the_first_depth_that_stands_still_is_that_of_the_exact_limit(scheme):
    method = iw.GradientDescent(0.1, steps=30, first_learning_rate=1.0)
    moves = [np.abs(iw.solve(DeepLinearIntegrable(L, scheme), [[1.0]], [1.0], method).outputs).max() > 0 for L in range(1, 7)]
    assert moves.index(False) + 1 == STATIONARY_FROM[scheme] and not any(moves[STATIONARY_FROM[scheme] - 1 :])


def test_unknown_schemes_are_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"scheme: 'bias' is not one of naive, large_lr, non_centered$"):
        DeepLinearIntegrable(3, "bias")
    for build in (lambda scheme: DeepLinearIntegrable(3, scheme), lambda scheme: saddle.is_stationary(3, scheme)):
        with pytest.raises(ValueError, match=r"scheme: 'standard' is not one of .*; the naive integrable parameterization is 'naive'"):
            build("standard")  # that is PyTorch's parameterization
