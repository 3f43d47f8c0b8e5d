"""The circle: recursions against a curve through one wide network, and the two regimes."""

import math

import numpy as np
import pytest

from infwidth.limits import activations, propagation
from infwidth.limits.propagation import MeanFieldMaps


def through_networks(maps, width, depth, networks, rng):
    """Metric and curvature of a finely sampled circle, by Fourier derivatives; means over networks."""
    q, phi = maps.fixed_point().q, activations.get(maps.activation).value
    points = 2048
    theta = 2 * np.pi * np.arange(points) / points
    metric, curvature = [], []
    for _ in range(networks):
        plane = np.linalg.qr(rng.standard_normal((width, 2)))[0].T * math.sqrt(width * q)
        h = np.outer(np.cos(theta), plane[0]) + np.outer(np.sin(theta), plane[1])
        rows = []
        for _ in range(depth):
            W = rng.standard_normal((width, width)) * math.sqrt(maps.weight_variance / width)
            h = phi(h) @ W.T + math.sqrt(maps.bias_variance) * rng.standard_normal(width)
            frequencies = np.fft.fftfreq(points, 1 / points)[:, None]
            spectrum = np.fft.fft(h, axis=0)
            v, a = (np.fft.ifft(spectrum * (1j * frequencies) ** k, axis=0).real for k in (1, 2))
            vv, va, aa = (v * v).sum(1), (v * a).sum(1), (a * a).sum(1)
            rows.append(((vv / width).mean(), (np.sqrt(vv * aa - va**2) / vv**1.5).mean() * math.sqrt(width)))
        metric.append([r[0] for r in rows])
        curvature.append([r[1] for r in rows])
    return np.mean(metric, axis=0), np.mean(curvature, axis=0)


@pytest.mark.parametrize("weight", [1.2, 3.0])
def test_against_curves_through_wide_networks(weight):
    maps = MeanFieldMaps("tanh", weight, 0.1)
    metric, curvature = through_networks(maps, 300, 3, 6, np.random.default_rng(0))
    predicted = propagation.circle(maps, 3)
    np.testing.assert_allclose(metric, predicted.metric[1:], rtol=0.08)
    np.testing.assert_allclose(curvature, predicted.curvature[1:], rtol=0.08)
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
