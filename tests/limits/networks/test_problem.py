"""Scales, rates and initial weights of a finite network, as powers of its width."""

import numpy as np
import pytest

from infwidth.limits import Network, Parameterization
from infwidth.solvers import Data

DATA = Data.check([[1.0, -1.0]], [[0.0, 1.0]])
EXPONENTS = {
    "a": (0.0, 0.5, 1.0),
    "b": (0.5, 0.0, -0.5),
    "c": (-1.0, 0.0, 1.0),
    "first_c": (2.0, -2.0, 0.5),
    "mean": (0.0, 3.0, 0.0),
    "weight_std": (1.0, 2.0, 0.0),
    "bias_std": (1.0, 0.5, 0.0),
    "bias_c": (0.0, -1.0, 1.0),
    "first_bias_c": (1.0, 1.0, -0.5),
}


def bound(width=4, seed=0, data=DATA):
    return Network(2, 2, width, "relu", Parameterization(**EXPONENTS), output_dim=2).bind(data, np.random.default_rng(seed))


def test_scales_and_rates_are_powers_of_the_width():
    problem = bound()
    assert problem.scales == [1, 1 / 2, 1 / 4]
    assert problem.rates == ([4, 1, 1 / 4], [1, 4, 1 / 4])
    assert problem.first_rates == ([1 / 16, 16, 1 / 2], [1 / 4, 1 / 4, 2])
    assert problem.first_step


def test_without_first_rates_the_first_step_is_like_the_others():
    p = Parameterization.mup(2)
    problem = Network(2, 2, 4, "relu", p, output_dim=2).bind(DATA, np.random.default_rng(0))
    assert problem.first_rates == problem.rates == ([4, 4, 4], []) and not problem.first_step


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_initial_weights_are_scaled_draws_layer_by_layer_and_then_the_biases(dtype):
    """In double precision whatever the data's, so that both precisions start at the same point."""
    data = Data.check(DATA.X.astype(dtype), DATA.y)
    problem = bound(data=data)
    rng = np.random.default_rng(0)
    z = [rng.standard_normal(shape) for shape in ((4, 2), (4, 4), (2, 4), 4, 4, 2)]
    expected = [z[0] / 2, 3 + 2 * z[1], np.zeros((2, 4)), z[3], z[4] / 2, np.zeros(2)]
    start = problem.start()
    assert start.dtype == dtype
    np.testing.assert_array_equal(start, np.concatenate([part.ravel() for part in expected]).astype(dtype))
    start[:] = 0
    assert problem.start().any()  # a fresh copy each time
