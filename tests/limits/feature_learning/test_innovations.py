"""Noise with exact averages."""

import numpy as np
import pytest

from infwidth.limits.feature_learning.innovations import SOBOL_DIMENSIONS, Innovations
from infwidth.limits.feature_learning.rows import Budget
from infwidth.solvers.problem import MethodFailed


def test_rows_are_orthonormal_centred_and_gaussian():
    noise = Innovations(np.random.SeedSequence(3), 2048, Budget(1e9))
    first = noise.draw(5)
    later = noise.draw(SOBOL_DIMENSIONS, first)
    both = np.vstack([first, later])
    np.testing.assert_allclose(both @ both.T / 2048, np.eye(len(both)), atol=1e-10)
    np.testing.assert_allclose(both.mean(axis=1), 0, atol=1e-10)
    assert np.abs((both**4).mean(axis=1) - 3).max() < 0.6
    assert noise.draw(0, both).shape == (0, 2048)


def test_the_same_seeds_give_the_same_rows():
    one, two, other = (Innovations(np.random.SeedSequence(s), 512, Budget(1e9)).draw(70) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 1


def test_too_few_samples():
    with pytest.raises(MethodFailed, match=r"samples: 16 per replica are too few for 5 .*; take at least 40"):
        Innovations(np.random.SeedSequence(0), 16, Budget(1e9)).draw(5)
