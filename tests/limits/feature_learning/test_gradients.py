"""Sums of thin products against dense ones, while factors grow, are forgotten and are restored."""

import numpy as np

from infwidth.limits.feature_learning.gradients import Gradients


def filled(rng, times, terms=2):
    gradients, dense = Gradients(terms), []
    for t in range(times):
        left, right = rng.standard_normal((3 + t, terms)), rng.standard_normal((4 + t // 2, terms))
        gradients.append(left, right)
        dense.append(left @ right.T)
    return gradients, dense


def total(dense, changes, shape):
    out = np.zeros(shape)
    for part, change in zip(dense, changes, strict=True):
        out[: part.shape[0], : part.shape[1]] -= change * part
    return out


def test_subtract():
    rng = np.random.default_rng(0)
    gradients, dense = filled(rng, 7)
    changes = rng.standard_normal(7)
    changes[2] = 0
    matrix = np.zeros((9, 7))
    gradients.subtract(matrix, changes)
    np.testing.assert_allclose(matrix, total(dense, changes, matrix.shape), atol=1e-13)
    gradients.subtract(matrix, np.zeros(7))
    np.testing.assert_allclose(matrix, total(dense, changes, matrix.shape), atol=1e-13)


def test_keep_and_restore():
    rng = np.random.default_rng(1)
    gradients, dense = filled(rng, 6)
    gradients.keep(2, 5)
    twin = Gradients(2)
    twin.restore(*gradients.arrays())
    changes = rng.standard_normal(3)
    expected = total(dense[2:5], changes, (8, 6))
    for one in (gradients, twin):
        matrix = np.zeros((8, 6))
        one.subtract(matrix, changes)
        np.testing.assert_allclose(matrix, expected, atol=1e-13)
    later = rng.standard_normal((8, 2)), rng.standard_normal((6, 2))
    gradients.append(*later)
    matrix = np.zeros((8, 6))
    gradients.subtract(matrix, np.append(changes, 0.5))
    np.testing.assert_allclose(matrix, expected - 0.5 * later[0] @ later[1].T, atol=1e-13)
