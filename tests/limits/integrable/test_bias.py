import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable
from infwidth.limits.integrable.bias import bias

from .first_passes import close

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8], [-1.0, -0.4]])
Y = np.array([1.0, -0.5, 0.7, 0.3])


@pytest.mark.parametrize(("activation", "L"), [("relu", 3), ("tanh", 3), ("elu", 2)])
def test_first_pass_is_that_of_wide_networks(activation, L):
    close("integrable_bias", bias, L, activation, 1.0, 0.0, (1.0,) * L)


def test_the_output_starts_at_zero():
    sol = iw.solve(DeepIntegrable(3, "relu", 400, "bias"), X, Y, iw.GradientDescent(0.1, 0), rng=0)
    assert np.abs(sol.outputs).max() < 1e-15


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_it_learns_the_mean_and_waits(activation):
    """From L = 3 on the predictor is constant after 100 steps, with L = 2 it is not."""
    method = iw.GradientDescent(0.2, 100, first_learning_rate=0.5)
    outputs = {L: iw.solve(DeepIntegrable(L, activation, 1000, "bias"), X, Y, method, rng=0, save_at=[100]).outputs[0] for L in (2, 4)}
    assert np.abs(outputs[4] - Y.mean()).max() < 0.01
    assert np.ptp(outputs[2]) > 0.1
