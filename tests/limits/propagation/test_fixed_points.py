"""Where variances end, also where they do so slowly, from one side alone, or never."""

import math

import numpy as np
import pytest
from scipy import special

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps


@pytest.mark.parametrize(
    ("activation", "weight", "bias"),
    [("softplus", 2.0, 0.0), ("softplus", 2.0, 0.1), ("relu", 2.0, 0.1), ("relu", 2.0, 1e-10), ("elu", 2.0, 0.0), ("tanh", 1e-4, 0.0)],
)
def test_variances_that_grow_for_ever_however_slowly(activation, weight, bias):
    """Like the depth (relu with biases, elu) or its power 2/3 (softplus): growth per layer is lost in rounding at large variances."""
    maps = MeanFieldMaps(activation, weight, bias, skip=1.0 if activation == "tanh" else 0.0)
    assert math.isinf(maps.fixed_point().q)
    if activation != "tanh":
        assert np.isinf(propagation.phase_diagram(activation, [weight], [bias]).q).all()


def test_softplus_grows_like_the_depth_to_the_power_two_thirds():
    """V(q) - q -> 4 zeta(3) / sqrt(2 pi q), the integral of 2 (softplus^2 - relu^2): q^{3/2} grows by 6 zeta(3) / sqrt(2 pi) per layer."""
    path = MeanFieldMaps("softplus", 2.0, 0.0).variances(1e6, 100) ** 1.5
    assert np.diff(path).mean() == pytest.approx(6 * special.zeta(3) / math.sqrt(2 * math.pi), rel=1e-4)


@pytest.mark.parametrize(("activation", "start", "other_start"), [("silu", 1.0, 40.0), ("gelu", 10.0, 1.0)])
def test_half_stable_points_are_found_from_their_stable_side(activation, start, other_start):
    """V(q) touches q there; beyond, and near, lies a variance that attracts from both sides: of swish 2% above, of gelu 15% below."""
    point = propagation.critical_point(activation)
    maps = MeanFieldMaps(activation, point.weight_variance, point.bias_variance)
    touched, beyond = maps.fixed_point(start), maps.fixed_point(other_start)
    assert touched.q == pytest.approx(point.q, rel=1e-9)
    assert touched.slope == pytest.approx(1, abs=1e-9)
    assert touched.c == 1
    path = maps.variances(start, 400)
    assert np.all(np.diff(abs(path - point.q)) < 0)
    assert beyond.slope < 1 - 1e-7
    assert float(maps.variance_map(beyond.q)) == pytest.approx(beyond.q, rel=1e-13)
    assert 0.01 < abs(beyond.q / point.q - 1) < 0.2


def test_variances_of_any_size():
    """erf with large weights is a sign, tanh with small biases is linear."""
    assert MeanFieldMaps("erf", 1e13, 0.0).fixed_point().q == pytest.approx(1e13, rel=1e-5)
    assert MeanFieldMaps("tanh", 0.5, 1e-14).fixed_point().q == pytest.approx(2e-14, rel=1e-6, abs=0)
    assert MeanFieldMaps("sigmoid", 1e-14, 0.0).fixed_point().q == pytest.approx(2.5e-15, rel=1e-6, abs=0)
    found = propagation.phase_diagram("tanh", [0.5, 0.9], [1e-14, 0.0])
    np.testing.assert_allclose(found.q, [[2e-14, 0], [1e-13, 0]], rtol=1e-6)
    assert propagation.phase_diagram("sigmoid", [1e-14], [0.0]).q == pytest.approx(2.5e-15, rel=1e-6, abs=0)
    assert MeanFieldMaps("tanh", 1.0, 0.0).fixed_point().q == 0  # like 1/depth


def test_every_variance_fixed():
    for q in (1e-20, 7.0, 1e20):
        assert MeanFieldMaps("relu", 2.0, 0.0).fixed_point(q).q == q
    assert MeanFieldMaps("relu", 2.0 + 1e-9, 0.0).fixed_point(7.0).q == math.inf
    assert MeanFieldMaps("relu", 2.0 - 1e-9, 0.0).fixed_point(7.0).q == 0


@pytest.mark.parametrize("weight", [1.0001, 1.01, 3.0])
def test_correlations_just_above_criticality(weight):
    """erf without biases: correlations of 1 repel, those of 0 attract, since the map is odd; with biases c* lies between."""
    scale = math.pi / 4
    assert MeanFieldMaps("erf", weight * scale, 0.0).fixed_point().c == pytest.approx(0, abs=1e-9)
    line = propagation.critical_weight_variance("erf", 0.1)
    maps = MeanFieldMaps("erf", weight * line, 0.1)
    point = maps.fixed_point()
    q = point.q
    kernel = weight * line * 2 / math.pi * math.asin(2 * q * point.c / (1 + 2 * q)) + 0.1  # erf in closed form
    assert kernel / q == pytest.approx(point.c, abs=1e-12)
    assert point.c < 1 and point.chi < 1 < point.chi_1
