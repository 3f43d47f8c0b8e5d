import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable
from infwidth.limits.integrable.large_lr import large_lr

from .first_passes import close


@pytest.mark.parametrize(("activation", "std"), [("relu", 2**0.5), ("tanh", 1.2), ("gelu", 2.0), ("erf", 1.0)])
def test_first_pass_is_that_of_wide_networks(activation, std):
    """h^l ~ m^{-(l-1)/2} and m dloss/dh^l ~ m^{-(L-l)/2}, with the limit's covariances."""
    close("integrable_large_lr", large_lr, 3, activation, std, 0.5)


@pytest.mark.parametrize("activation", ["sigmoid", "cos", "softplus"])
def test_activations_of_other_exponents_are_refused(activation):
    with pytest.raises(ValueError, match=r"activation: the exponents of IP-LLR are those .* take another activation, or scheme='bias'"):
        iw.solve(DeepIntegrable(2, activation, 40), np.eye(2), [1.0, -1.0], iw.GradientDescent(0.1, 1))


@pytest.mark.parametrize("L", [3, 4])
def test_broken_chains_stay_broken_for_one_step(L):
    """f_1 = 0 exactly, though N is small: forward and backward fields do not meet by chance."""
    sol = iw.solve(DeepIntegrable(L, "elu", 400), np.eye(3), [1.0, -1.0, 0.5], iw.GradientDescent(0.5, 12, first_learning_rate=3.0), rng=0)
    assert np.abs(sol.outputs[1]).max() < 1e-14
    assert np.abs(sol.outputs[12]).max() > 1e-6
