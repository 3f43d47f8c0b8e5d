"""The root of the inverse, by Cholesky and by eigenvectors, against numpy's own."""

import numpy as np
import pytest

from infwidth.limits.kernels.inverse import eigenbasis, inverse


def gram(n, rank, seed=0):
    A = np.random.default_rng(seed).standard_normal((n, rank))
    return A @ A.T


@pytest.mark.parametrize(("rank", "noise"), [(9, 0.0), (9, 0.5), (3, 0.5)])
def test_inverse_of_full_rank(rank, noise):
    K, B = gram(6, rank), np.random.default_rng(1).standard_normal((6, 2))
    made = inverse(K, noise)
    full = K + noise * np.eye(6)
    np.testing.assert_allclose(made.solve(B), np.linalg.solve(full, B), atol=1e-10)
    assert made.rank == 6
    assert made.log_determinant == pytest.approx(np.linalg.slogdet(full)[1])
    assert made.condition == pytest.approx(np.linalg.cond(full, 1), rel=1)  # an estimate


def test_a_ridge_within_the_rounding_does_not_blow_it_up():
    """Predictions, K (K + 1e-13)^-1 y, are the projection to the range of K: a plain solve has no digit of it."""
    K, y = gram(6, 3), np.random.default_rng(1).standard_normal((6, 1))
    exact = K @ np.linalg.pinv(K, rcond=1e-12) @ y
    made = inverse(K, 1e-13)
    np.testing.assert_allclose(K @ made.solve(y), exact, atol=1e-10)
    assert made.rank == 3
    assert np.abs(K @ np.linalg.solve(K + 1e-13 * np.eye(6), y) - exact).max() > 1e-4


def test_without_a_ridge_what_is_singular_has_its_pseudo_inverse():
    K, B = gram(6, 3), np.random.default_rng(1).standard_normal((6, 2))
    made = inverse(K, 0.0)
    np.testing.assert_allclose(made.solve(B), np.linalg.pinv(K, rcond=1e-12) @ B, atol=1e-10)
    values = np.linalg.eigvalsh(K)[3:]
    assert made.rank == 3
    assert made.condition == pytest.approx(values[-1] / values[0])
    assert made.log_determinant == pytest.approx(np.log(values).sum())
    np.testing.assert_allclose(made.root(made.root(K).T), np.eye(3), atol=1e-10)


def test_a_small_ridge_counts_where_the_kernel_is_as_small():
    """Eigenvalues 1 and 1e-11, a ridge of 3e-11: too ill for Cholesky factors, and a quarter of the second direction is learned."""
    K = np.diag([1.0, 1e-11])
    made = inverse(K, 3e-11)
    np.testing.assert_allclose(K @ made.solve(np.ones((2, 1))), [[1.0], [0.25]], rtol=1e-9)
    assert made.condition == pytest.approx(1 / 4e-11) and made.rank == 2


def test_the_condition_does_not_depend_on_the_scale():
    K = gram(6, 9)
    assert inverse(1e6 * K, 0.0).condition == pytest.approx(inverse(K, 0.0).condition, rel=1e-6)


def test_what_is_rounding():
    """Parts of 1e-13 of the largest eigenvalue, however few the points."""
    values, vectors = eigenbasis(np.diag([2.0, 1e-13, 4e-13]))
    np.testing.assert_array_equal(values, [4e-13, 2.0])
    np.testing.assert_array_equal(np.abs(vectors), [[0, 1], [0, 0], [1, 0]])


def test_nothing_but_zeros():
    made = inverse(np.zeros((3, 3)), 0.0)
    assert made.rank == 0 and made.condition == np.inf
    np.testing.assert_array_equal(made.solve(np.ones((3, 1))), 0)
    assert inverse(np.zeros((3, 3)), 2.0).solve(np.ones((3, 1)))[0, 0] == pytest.approx(0.5)
    assert len(eigenbasis(np.zeros((3, 3)))[0]) == 0
