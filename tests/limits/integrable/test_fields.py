import numpy as np
import pytest

from infwidth.limits.integrable.fields import Fields

N = 40_000


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("below", [3, 50])  # fewer and more neurons below than samples: the two ways to draw
def test_covariance_of_a_field(below, mirrored):
    """Wick: the sample covariance over N neurons has the standard deviation sqrt((C_ii C_jj + C_ij^2) / N), twice that if mirrored."""
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((10, below))
    field = Fields(rng, N, mirrored).through(vectors, 1.5, "forward")
    expected = 1.5**2 * vectors @ vectors.T / below
    spread = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / N) * (2 if mirrored else 1)
    errors = (field @ field.T / N - expected) / spread
    assert np.abs(errors).max() < 4.5
    assert np.sqrt(np.mean(errors**2)) > 0.3  # and it is random


def test_mirrored_fields_do_not_meet():
    """<u F(v)> = 0 exactly, whatever F; independent samples have it up to N^{-1/2}."""
    rng = np.random.default_rng(1)
    for mirrored in (True, False):
        fields = Fields(rng, 400, mirrored)
        u, v = fields.independent(2, "forward"), fields.independent(2, "backward")
        meet = np.abs(u @ np.exp(v).T / 400).max()
        assert (meet < 1e-13) == mirrored
        assert np.abs(np.exp(u) @ v.T / 400).max() < (1e-13 if mirrored else 1)
        assert (np.abs(np.exp(u) @ np.exp(v).T / 400) > 0.5).all()
