"""A circle through random networks: exact at the start, and refused where the points do not resolve it."""

import numpy as np
import pytest

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps
from infwidth.limits.propagation.measured_circle import _speed_and_curvature


def test_a_great_circle_keeps_its_form_in_linear_networks():
    """Orthogonal images of a circle are circles; a Gaussian matrix makes ellipses, of metric 1 on average."""
    found = propagation.measure_circle(MeanFieldMaps("linear", 1.0, 0.0), 400, 2, networks=8, points=64)
    assert found.metric.mean[0] == pytest.approx(1, rel=1e-12)
    assert found.curvature.mean[0] == pytest.approx(1, rel=1e-12)
    assert np.all(abs(found.metric.mean[1:] - 1) < 4 * found.metric.error[1:] + 1e-3)
    assert np.all(found.metric.error[1:] < 0.05)


def test_an_ellipse():
    """Its speed is not constant: curvature a b / speed^3."""
    a, b, theta = 1.0, 1.5, 2 * np.pi * np.arange(256) / 256
    speed = np.hypot(a * np.sin(theta), b * np.cos(theta))
    metric, curvature = _speed_and_curvature(np.stack([a * np.cos(theta), b * np.sin(theta)], axis=1), 0)
    assert metric == pytest.approx((speed**2).mean() / 2)
    assert curvature == pytest.approx((a * b / speed**3).mean() * np.sqrt(2))


def test_curves_that_the_points_do_not_resolve():
    with pytest.raises(ValueError, match=r"points: 32 do not resolve the curve in layer .*; give more points or fewer layers"):
        propagation.measure_circle(MeanFieldMaps("tanh", 9.0, 0.1), 50, 5, networks=2, points=32)
    with pytest.raises(ValueError, match=r"points: 1024 do not resolve .*"):
        propagation.measure_circle(MeanFieldMaps("abs", 0.9, 0.1), 50, 2, networks=2)
    with pytest.raises(ValueError, match=r"width: 100000 with 1024 points takes .* GB; lower one"):
        propagation.measure_circle(MeanFieldMaps("tanh", 1.0, 0.1), 10**5, 2)
