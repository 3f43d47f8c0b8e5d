"""The circle: recursions against a curve through one wide network, and the two regimes."""

import math

import numpy as np
import pytest

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps


@pytest.mark.parametrize("weight", [1.2, 3.0])
def test_against_curves_through_wide_networks(weight):
    maps = MeanFieldMaps("tanh", weight, 0.1)
    found, predicted = propagation.measure_circle(maps, 300, 3, networks=12, points=2048), propagation.circle(maps, 3)
    for name in ("metric", "curvature"):
        gap = getattr(found, name).mean[1:] - getattr(predicted, name)[1:]
        bound = 3 * getattr(found, name).error[1:] + 0.02 * getattr(predicted, name)[1:]  # the mean is off by O(1/width)
        assert np.all(abs(gap) < bound), name
        assert np.all(bound < 0.15 * getattr(predicted, name)[1:])
    np.testing.assert_allclose(predicted.length, 2 * np.pi * np.sqrt(predicted.metric))


def test_erf_bend_in_closed_form():
    """E phi''^2 of erf: phi'' = -(4 h / sqrt(pi)) exp(-h^2), so (16/pi) q (1 + 4q)^{-3/2}."""
    maps = MeanFieldMaps("erf", 2.0, 0.2)
    q, found = maps.fixed_point().q, propagation.circle(maps, 1)
    chi_1, chi_2 = float(maps.gradient_growth(q)), 2.0 * 16 / math.pi * q * (1 + 4 * q) ** -1.5
    assert found.curvature[0] == pytest.approx(q**-0.5)
    assert found.curvature[1] == pytest.approx(math.sqrt(3 * chi_2 / chi_1**2 + 1 / (q * chi_1)), rel=1e-9)


def test_a_kink_bends_without_bound():
    found = propagation.circle(MeanFieldMaps("relu", 1.0, 0.5), 2)
    assert found.curvature[0] < 2
    assert np.isinf(found.curvature[1:]).all()
    assert np.isfinite(propagation.circle(MeanFieldMaps("elu", 1.0, 0.5), 2).curvature).all()  # its second derivative only jumps


@pytest.mark.parametrize(
    ("maps", "message"),
    [
        (MeanFieldMaps("tanh", 1.0, 0.1, keep=0.9), "maps: the circle's recursion has neither dropout .*; leave them out"),
        (MeanFieldMaps("relu", 3.0, 0.1), "maps: the fixed point of the variance is inf.*; choose other variances"),
    ],
)
def test_bad_maps(maps, message):
    with pytest.raises(ValueError, match=message):
        propagation.circle(maps, 3)
