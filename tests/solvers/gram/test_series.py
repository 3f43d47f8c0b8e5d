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


def rest(v):
    return np.sqrt(1 - (v**2).sum(axis=0))


@pytest.mark.parametrize("odd", [False, True])
def test_of_a_point_with_itself_nothing_is_missing(odd):
    """After few terms of long series; nor of a point with its mirror image, where all terms are odd. What has no series has no rest."""
    v = np.random.default_rng(0).standard_normal((12, 3))
    if odd:
        v[::2] = 1e-17
    v /= np.sqrt((v**2).sum(axis=0))
    v[:, 2] = 0
    D, T = np.array([[0.0, 0.7, 0.0], [0.7, 2.0, 0.3], [0.0, 0.3, 0.0]]), np.ones((3, 3))
    series.series(D, T, v, v, v, v, 4, np.empty((series.ROWS, 3)), np.empty((series.ROWS, 3)))
    assert D[0, 0] == pytest.approx(0, abs=1e-15) and T[0, 0] == pytest.approx(1, abs=1e-15)
    np.testing.assert_array_equal(T[2], 0)
    if odd:
        assert D[1, 1] == pytest.approx(2, abs=1e-15) and T[1, 1] == pytest.approx(-1, abs=1e-15)


@pytest.mark.parametrize("n", [1, series.ROWS, series.ROWS + 1])
def test_terms_are_summed(n):
    """Those that are asked for, and what they leave of 1 in the next power: c -> sum_k v_ki v'_kj c^k + rest."""
    rng = np.random.default_rng(0)
    c, t = rng.uniform(-1, 1, (n, 5)), rng.uniform(-1, 1, (n, 5))
    tables = [rng.standard_normal((12, size)) / 12 for size in (n, 5, n, 5)]
    v, v2, w, w2 = (table[:8] for table in tables)
    powers = c ** np.arange(8)[:, None, None]
    value, slope = (np.einsum("ki,kj,kij->ij", a, b, powers) + np.outer(rest(a), rest(b)) * c**8 for a, b in ((v, v2), (w, w2)))
    D, T = 1 - c, t.copy()
    series.series(D, T, *tables, 8, np.empty((series.ROWS, 5)), np.empty((series.ROWS, 5)))
    np.testing.assert_allclose(D, 1 - value, rtol=0, atol=1e-15)
    np.testing.assert_allclose(T, t * slope, rtol=0, atol=1e-15)
