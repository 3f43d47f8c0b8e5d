"""Variance and correlation maps: closed forms, fixed points, slopes against differences, and finite networks."""

import math

import numpy as np
import pytest

from infwidth.limits import activations, propagation
from infwidth.limits.propagation import MeanFieldMaps


@pytest.mark.parametrize(
    ("weight_std", "expected"), [(1.3, 0.607047), (2.5, 4.079124), (4.0, 12.604149)]
)  # known values of tanh networks with bias_std .3
def test_fixed_points_of_tanh(weight_std, expected):
    assert MeanFieldMaps("tanh", weight_std**2, 0.09).fixed_point().q == pytest.approx(expected, abs=6e-7)


def test_relu_in_closed_form():
    """V(q) = w q / 2 + b, C(c) from the arc-cosine kernel, and what happens on each side of w = 2."""
    maps = MeanFieldMaps("relu", 1.79, 0.83)
    point = maps.fixed_point()
    assert point.q == pytest.approx(0.83 / (1 - 1.79 / 2), rel=1e-13)
    assert (point.c, point.slope, point.chi_1) == (1.0, pytest.approx(0.895), pytest.approx(0.895))
    c = np.linspace(-1, 1, 9)
    kernel = (np.sqrt(1 - c**2) + (np.pi - np.arccos(c)) * c) / (2 * np.pi)
    np.testing.assert_allclose(maps.correlation_map(c, 3.0), (1.79 * 3 * kernel + 0.83) / (1.79 * 1.5 + 0.83), rtol=1e-12)
    assert MeanFieldMaps("relu", 2.0, 0.0).fixed_point(7.0).q == 7.0
    assert math.isinf(MeanFieldMaps("relu", 2.01, 0.0).fixed_point().q)
    assert MeanFieldMaps("relu", 1.99, 0.0).fixed_point().q == 0
    with pytest.raises(ValueError, match=r"weight_variance: variances grow without bound.*; lower it"):
        MeanFieldMaps("relu", 2.01, 0.0).depth_scales()


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_no_window_in_which_variances_must_lie(scale):
    """erf(h / s) at variances s^2 times as large is the same problem."""
    s = math.sqrt(scale)
    erf = activations.get("erf")
    shrunk = activations.custom("erf_scaled", lambda h: s * erf.value(h / h.dtype.type(s)), lambda h: erf.derivative(h / h.dtype.type(s)))
    plain, scaled = (MeanFieldMaps(phi, 2.0, b).fixed_point(q) for phi, b, q in (("erf", 0.1, 1.0), (shrunk, 0.1 * scale, scale)))
    assert scaled.q == pytest.approx(plain.q * scale, rel=1e-9)
    assert scaled.c == pytest.approx(plain.c, abs=1e-8)


@pytest.mark.parametrize(
    "maps", [MeanFieldMaps("tanh", 2.0, 0.1), MeanFieldMaps("silu", 1.5, 0.2), MeanFieldMaps("elu", 1.3, 0.1, 0.8, 0.5)]
)
def test_slopes_against_differences(maps):
    q, c, e = 0.7, 0.3, 1e-5
    assert maps.variance_slope(q) == pytest.approx((maps.variance_map(q + e) - maps.variance_map(q - e)) / (2 * e), rel=1e-8)
    assert maps.chi(c, q) == pytest.approx((maps.correlation_map(c + e, q) - maps.correlation_map(c - e, q)) / (2 * e), rel=1e-8)


@pytest.mark.parametrize(("weight", "ordered"), [(1.3, True), (3.0, False)])
def test_depth_scales_are_the_decay_of_the_maps(weight, ordered):
    maps = MeanFieldMaps("tanh", weight, 0.05)
    point, scales = maps.fixed_point(), maps.depth_scales()
    assert (point.c == 1) is ordered
    gap = np.abs(maps.correlations(point.c - 0.1, 60) - point.c)
    assert math.log(gap[30] / gap[40]) == pytest.approx(10 / scales.correlation, rel=0.02)
    near = np.abs(maps.variances(1.1 * point.q, 20) - point.q)
    assert math.log(near[5] / near[10]) == pytest.approx(5 / scales.variance, rel=0.02)
    assert np.log(maps.gradients(point.q, 10)[-1]) == pytest.approx(-10 / scales.gradient, rel=1e-9)
    assert (scales.gradient > 0) is ordered
    assert scales.trainable == 6 * scales.correlation


def test_dropout_destroys_the_correlation_of_equal_inputs():
    """Independent masks: C(1) < 1, so c* < 1 however ordered the network is; there is no critical line any more."""
    maps = MeanFieldMaps("tanh", 1.0, 0.05, keep=0.9)
    point = maps.fixed_point()
    assert float(maps.correlation_map(1.0)) < 1
    assert point.c == pytest.approx(float(maps.correlation_map(point.c)), abs=1e-12)
    assert 0.5 < point.c < 0.99


def test_a_skip_connection_slows_everything():
    """A layer of strength e^2 around a skip connection: variances change by O(e^2)."""
    maps = MeanFieldMaps("tanh", 1e-4, 0.0, skip=1.0)
    path = maps.variances(1.0, 10)
    np.testing.assert_allclose(np.diff(path), 1e-4 * 0.394294, rtol=1e-3)
    assert math.isinf(MeanFieldMaps("relu", 1.0, 0.0, skip=1.0).fixed_point().q)


@pytest.mark.parametrize(
    ("maps", "weights"),
    [
        (MeanFieldMaps("tanh", 2.0, 0.1), "gaussian"),
        (MeanFieldMaps("relu", 1.5, 0.2), "orthogonal"),
        (MeanFieldMaps("gelu", 1.5, 0.2, keep=0.8), "gaussian"),
        (MeanFieldMaps("tanh", 0.5, 0.1, skip=0.6), "gaussian"),
    ],
    ids=["tanh", "orthogonal relu", "dropout", "skip"],
)
def test_against_finite_networks(maps, weights):
    found = propagation.measure_signals(maps, 250, 5, q=1.3, c=0.6, networks=20, weights=weights, rng=1)
    bias = 0.015  # O(1/width) of the networks
    assert (np.abs(found.variance.mean - maps.variances(1.3, 5)) < 4 * found.variance.error + bias * found.variance.mean).all()
    assert (np.abs(found.correlation.mean - maps.correlations(0.6, 5, q=1.3)) < 4 * found.correlation.error + bias).all()
    predicted = maps.gradients(1.3, 5)
    assert (np.abs(found.gradient.mean - predicted) < 4 * found.gradient.error + 2 * bias * predicted).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MeanFieldMaps("tanh", 0.0, 0.1), "weight_variance: need a finite number > 0"),
        (lambda: MeanFieldMaps("tanh", 1.0, -0.1), "bias_variance: need a finite number >= 0"),
        (lambda: MeanFieldMaps("tanh", 1.0, 0.1, keep=1.5), "keep: need a finite number > 0 and <= 1"),
        (lambda: MeanFieldMaps("tanhh", 1.0, 0.1), "activation: 'tanhh' is not one of"),
        (lambda: MeanFieldMaps("tanh", 0.5, 0.0).chi(), "q: the fixed point of the variance is 0, .*; give a variance"),
        (lambda: MeanFieldMaps("tanh", 1.0, 0.1).fixed_point(0.0), "q: need a finite number > 0"),
        (lambda: MeanFieldMaps("tanh", 1.0, 0.1).variances(1.0, -1), "depth: need an integer from 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
