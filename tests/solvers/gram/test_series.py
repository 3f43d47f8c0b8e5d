"""Power series on a tile: how many terms, and their sum against numpy's, on both sides of a block of rows."""

import numpy as np
import pytest

from infwidth.solvers.gram import series


def test_a_series_takes_as_many_terms_as_the_tile_needs():
    """All pairs orthogonal: 4 terms; a tail that is never small enough: none."""
    tails, zero = np.array([1e-3, 1e-6, 1e-9]), np.ones((4, 4))
    assert series.terms_needed(zero, False, tails, 1e-12) == 4
    assert series.terms_needed(np.full((4, 4), 0.5), False, tails, 1e-8) == 8  # 2^-4 1e-3, 2^-8 1e-6
    assert series.terms_needed(np.full((4, 4), 1e-9), False, tails, 1e-10) == 0
    diagonal = 1 - np.eye(4)
    assert series.terms_needed(diagonal, True, tails, 1e-12) == 4 and series.terms_needed(diagonal, False, tails, 1e-12) == 0


@pytest.mark.parametrize("n", [1, series.ROWS, series.ROWS + 1])
def test_terms_are_summed(n):
    """Those that are asked for, and no more: c -> sum_k v_ki v'_kj c^k."""
    rng = np.random.default_rng(0)
    c, t = rng.uniform(-1, 1, (n, 5)), rng.uniform(-1, 1, (n, 5))
    tables = [rng.standard_normal((12, size)) / 12 for size in (n, 5, n, 5)]
    v, v2, w, w2 = (table[:8] for table in tables)
    powers = c ** np.arange(8)[:, None, None]
    value, slope = (np.einsum("ki,kj,kij->ij", a, b, powers) for a, b in ((v, v2), (w, w2)))
    D, T = 1 - c, t.copy()
    series.series(D, T, *tables, 8, np.empty((series.ROWS, 5)), np.empty((series.ROWS, 5)))
    np.testing.assert_allclose(D, 1 - value, rtol=0, atol=1e-15)
    np.testing.assert_allclose(T, t * slope, rtol=0, atol=1e-15)
