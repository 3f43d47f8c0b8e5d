"""Orthonormal bases of fields."""

import numpy as np

from infwidth.limits.feature_learning.bases import Basis, inverse_root
from infwidth.limits.feature_learning.rows import Budget


def grown(basis, F):
    S = F.shape[1]
    growth = basis.plan(F @ F.T / S, F @ basis.values.T / S)
    return basis.grow(growth, lambda chunk: F[:, chunk], [slice(0, S // 2), slice(S // 2, S)])


def test_growth_spans_the_fields():
    rng = np.random.default_rng(0)
    F = rng.standard_normal((3, 400))
    basis = Basis(400, 1e-9, Budget(1e9))
    first = grown(basis, F)
    assert len(basis) == 3
    np.testing.assert_allclose(first.coordinates @ basis.values, F, atol=1e-10)
    both = np.vstack([F[0] + 2 * F[1], rng.standard_normal(400)])
    second = grown(basis, both)
    assert len(basis) == 4  # one of them was known
    np.testing.assert_allclose(second.coordinates @ basis.values, both, atol=1e-10)
    np.testing.assert_allclose(basis.values @ basis.values.T / 400, np.eye(4), atol=1e-12)


def test_tolerance_drops_short_rests():
    rng = np.random.default_rng(1)
    F = rng.standard_normal((1, 400))
    basis = Basis(400, 1e-2, Budget(1e9))
    grown(basis, F)
    assert len(grown(basis, F + 1e-3 * rng.standard_normal((1, 400))).fields) == 0
    assert len(grown(basis, F + 1e-1 * rng.standard_normal((1, 400))).fields) == 1


def test_inverse_root():
    A = np.array([[2.0, 0.5], [0.5, 1.0]])
    root = inverse_root(A)
    np.testing.assert_allclose(root @ A @ root, np.eye(2), atol=1e-12)
