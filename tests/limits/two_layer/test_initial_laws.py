"""Laws of the initial particles: where low-discrepancy points lie, and that no particle is at infinity."""

import numpy as np
import pytest
from scipy import special, stats

from infwidth.limits.two_layer import initial_laws


def test_corner_cells_of_the_unit_cube_are_finite_and_mirror_images(monkeypatch):
    """A scrambled Sobol point may have coordinates 0 and 1 - 2^-30, the lower corners of the first and last cell."""

    class Corners:
        def __init__(self, dim, bits, seed):
            self.corners = np.array([np.zeros(dim), np.full(dim, 1 - 2.0**-bits)])

        def random(self, points):
            return self.corners

    monkeypatch.setattr(stats.qmc, "Sobol", Corners)
    W, a = initial_laws.draw("gaussian", np.random.default_rng(0), 2, 3, 1, quasi_random=True)
    assert (W[0] < -6).all() and (a[0] < -6).all() and np.isfinite(W).all()
    np.testing.assert_allclose(W[1], -W[0], rtol=1e-7)


@pytest.mark.parametrize("law", initial_laws.LAWS)
@pytest.mark.parametrize("dim", [1, 3])
def test_low_discrepancy_points_are_one_in_every_cell(law, dim):
    """2^m points have one coordinate in each of 2^m cells of equal mass, in every direction; the signs of the sphere are balanced."""
    W, a = initial_laws.draw(law, np.random.default_rng(4), 256, dim, 2, quasi_random=True)
    assert W.shape == (256, dim) and a.shape == (256, 2)
    if law == "gaussian":
        for column in np.column_stack([W, a]).T:
            np.testing.assert_array_equal(np.sort(np.floor(256 * special.ndtr(column))), np.arange(256))
    else:
        np.testing.assert_array_equal(np.sort(a, axis=0)[:, 0], np.repeat([-1, 1], 128))
        np.testing.assert_allclose((W**2).sum(axis=1), 1, rtol=1e-13)


def test_the_seed_decides():
    first, again, other = (initial_laws.draw("gaussian", np.random.default_rng(s), 100, 2, 1, quasi_random=True)[0] for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).min() > 0
