"""Elementary functions against those of numpy and scipy, one number at a time."""

import numpy as np
import scipy.special

from infwidth.solvers.particles import elementary


def test_absolute_errors_are_a_few_units_of_the_last_place():
    x = np.concatenate([np.linspace(-30, 30, 2001), np.geomspace(1e-12, 1, 100), [0.0]])
    functions = {"tanh": np.tanh, "erf": scipy.special.erf, "sigmoid": scipy.special.expit, "expm1": np.expm1}
    for name, true in functions.items():
        compiled = getattr(elementary, name)
        x = np.minimum(x, 0) if name == "expm1" else x
        found = np.array([compiled(v, elementary.erf_tail(v)) if name == "erf" else compiled(v) for v in x])
        assert np.abs(found - true(x)).max() < 5e-16, name


def test_zeros_keep_their_sign_and_nan_passes():
    for function in (elementary.tanh, elementary.expm1, lambda x: elementary.erf(x, elementary.erf_tail(x))):
        assert np.isnan(function(np.nan))
    assert np.signbit(elementary.tanh(-0.0))
