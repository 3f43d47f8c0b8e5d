"""The Wishart law: against its moments, and against matrices of Gaussian vectors."""

import numpy as np
import pytest
from scipy import stats

from infwidth.limits.gaussian.wishart import wishart_root


def wishart(rng, vectors, size):
    root = wishart_root(rng, vectors, size)
    return root.T @ root


def test_moments():
    """First and second moments of G^T G for n x 3 Gaussian G: n I, variances 2 n on the diagonal and n off it; entries are uncorrelated."""
    rng, n, draws = np.random.default_rng(0), 40, 20_000
    moments = np.array([wishart(rng, n, 3) for _ in range(draws)])
    assert np.abs(moments.mean(axis=0) - n * np.eye(3)).max() < 5 * np.sqrt(2 * n / draws)
    assert np.allclose(moments.var(axis=0), n * (1 + np.eye(3)), rtol=0.06)
    assert np.abs(np.corrcoef(moments.reshape(draws, 9)[:, [0, 1, 2, 4, 5, 8]].T) - np.eye(6)).max() < 0.04


@pytest.mark.parametrize("vectors", [3, 4, 5])
def test_on_both_sides_of_the_size(vectors):
    """Fewer vectors than their size, as many, and more: rank, and the law of the largest eigenvalue of drawn matrices."""
    rng = np.random.default_rng(vectors)
    found = [wishart(rng, vectors, 4) for _ in range(1500)]
    assert all(np.linalg.matrix_rank(S) == min(vectors, 4) for S in found[:20])
    drawn = [np.linalg.norm(rng.standard_normal((vectors, 4)), 2) ** 2 for _ in range(1500)]
    assert stats.ks_2samp([np.linalg.eigvalsh(S)[-1] for S in found], drawn).pvalue > 0.01
