"""Noise with exact averages."""

import numpy as np
import pytest

from infwidth.limits.feature_learning.innovations import ABOVE, BELOW, PASSIVE, SOBOL_DIMENSIONS, Innovations
from infwidth.limits.feature_learning.rows import Budget
from infwidth.solvers.problem import MethodFailed


def test_rows_are_orthonormal_centred_and_gaussian():
    noise = Innovations(np.random.SeedSequence(3), 2048, Budget(1e9))
    first = noise.draw(5, BELOW, 0)
    later = noise.draw(SOBOL_DIMENSIONS, ABOVE, 0, first)
    both = np.vstack([first, later])
    np.testing.assert_allclose(both @ both.T / 2048, np.eye(len(both)), atol=1e-10)
    np.testing.assert_allclose(both.mean(axis=1), 0, atol=1e-10)
    assert np.abs((both**4).mean(axis=1) - 3).max() < 0.6
    assert noise.draw(0, BELOW, 1, both).shape == (0, 2048)


def test_the_same_seeds_give_the_same_rows():
    one, two, other = (Innovations(np.random.SeedSequence(s), 512, Budget(1e9)).draw(70, BELOW, 0) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 1


def test_too_few_samples():
    with pytest.raises(MethodFailed, match=r"samples: 16 per replica are too few for 5 .*; take at least 40"):
        Innovations(np.random.SeedSequence(0), 16, Budget(1e9)).draw(5, BELOW, 0)
    with pytest.raises(MethodFailed, match=r"directions of noise in a layer at step 4, 1 a step; .* per replica, more for more steps, or"):
        Innovations(np.random.SeedSequence(0), 16, Budget(1e9)).draw(5, ABOVE, 4)


def test_a_follower_meets_the_same_rows_however_many_it_leaves_out():
    seeds = np.random.SeedSequence(4)
    noise = Innovations(seeds, 1024, Budget(1e9))
    follower = Innovations(seeds, 1024, Budget(1e9), like=noise)
    all_rows = [noise.draw(3, BELOW, 0), noise.draw(SOBOL_DIMENSIONS, BELOW, 1), noise.draw(2, ABOVE, 5)]
    for own, (number, side, time) in zip(all_rows, ((1, BELOW, 0), (2, BELOW, 1), (2, ABOVE, 5)), strict=True):
        few = follower.draw(number, side, time)
        assert (np.abs(np.sum(few * own[:number], axis=1) / 1024) > 0.97).all()  # each is made orthogonal to its neighbours
    assert noise.columns.keys() <= {(BELOW, time, rank) for time in (0, 1) for rank in range(SOBOL_DIMENSIONS)}


def test_passive_rows_take_nothing_away():
    one, two = (Innovations(np.random.SeedSequence(5), 512, Budget(1e9)) for _ in range(2))
    one.draw(3, PASSIVE, 0)
    np.testing.assert_array_equal(one.draw(4, BELOW, 0), two.draw(4, BELOW, 0))


def test_avoided_rows_are_avoided():
    noise = Innovations(np.random.SeedSequence(6), 512, Budget(1e9))
    earlier, avoided = noise.draw(2, BELOW, 0), noise.draw(70, PASSIVE, 0)[60:]
    avoided = np.linalg.qr(np.vstack([earlier, avoided]).T)[0].T[2:] * np.sqrt(512)
    later = noise.draw(3, ABOVE, 0, earlier, avoided=avoided)
    np.testing.assert_allclose(later @ np.vstack([earlier, avoided]).T / 512, 0, atol=1e-10)
    np.testing.assert_allclose(later @ later.T / 512, np.eye(3), atol=1e-10)


def test_what_was_drawn_is_taken_over():
    one, two = (Innovations(np.random.SeedSequence(5), 512, Budget(1e9)) for _ in range(2))
    for time in range(3):
        one.draw(3, BELOW, time)
    two.take_over(one.drawn_before(2))
    one.cut(2)
    np.testing.assert_array_equal(one.draw(4, ABOVE, 2), two.draw(4, ABOVE, 2))
