"""Random networks themselves: exact at the start, and their own invariances."""

from itertools import cycle

import numpy as np
import pytest

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps


def test_the_start_is_exact():
    found = propagation.measure_signals(MeanFieldMaps("tanh", 1.5, 0.05), 30, 2, q=0.7, c=-0.4, networks=3)
    assert found.variance.mean[0] == pytest.approx(0.7, rel=1e-12)
    assert found.correlation.mean[0] == pytest.approx(-0.4, rel=1e-12)
    assert found.gradient.mean[0] == 1
    assert found.gradient.error[0] == found.gradient.variance[0] == 0


def test_orthogonal_linear_networks_change_nothing():
    found = propagation.measure_signals(MeanFieldMaps("linear", 1.0, 0.0), 20, 4, q=2.0, c=0.3, networks=3, weights="orthogonal")
    np.testing.assert_allclose(found.variance.mean, 2.0)
    np.testing.assert_allclose(found.correlation.mean, 0.3)
    np.testing.assert_allclose(found.gradient.mean, 1.0)


def test_gradients_go_backwards(monkeypatch):
    """W_1 = e_1 e_0^T, W_2 = e_2 e_1^T: the transposed product is not 0, though the product in the wrong order is."""
    matrices = cycle([np.outer(np.eye(4)[1], np.eye(4)[0]), np.outer(np.eye(4)[2], np.eye(4)[1])])
    monkeypatch.setattr("infwidth.limits.propagation.measured.weight_matrix", lambda rng, m, kind: next(matrices))
    found = propagation.measure_signals(MeanFieldMaps("linear", 1.0, 0.0), 4, 2, networks=2)
    assert found.gradient.mean[2] > 1e-6


@pytest.mark.slow
def test_depth_scale_from_networks_of_width_2000():
    """The distance from c* = 1 falls by a factor e in xi_c layers, gradients in as many: both within 2% of the prediction."""
    maps = MeanFieldMaps("tanh", 0.7, 0.05)
    scales = maps.depth_scales()
    found = propagation.measure_signals(maps, 2000, 12, q=maps.fixed_point().q, c=0.9, networks=24)
    gap = 1 - found.correlation.mean
    assert 10 / np.log(gap[2] / gap[12]) == pytest.approx(scales.correlation, rel=0.02)
    assert 12 / np.log(1 / found.gradient.mean[12]) == pytest.approx(scales.gradient, rel=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 1}, "width: need an integer >= 2"),
        ({"width": 10**6}, r"width: .* matrices of 8000.0 GB; lower it"),
        ({"networks": 10**12}, r"networks: .* of 2 layers have 2.0e\+16 weights, hours of work; lower networks"),
        ({"networks": 1}, "networks: need an integer >= 2"),
        ({"c": 1.5}, "c: a correlation lies in"),
        ({"weights": "sparse"}, "weights: 'sparse' is not one of"),
    ],
)
def test_bad_arguments(options, message):
    call = {"width": 10, "depth": 2} | options
    with pytest.raises(ValueError, match=message):
        propagation.measure_signals(MeanFieldMaps("tanh", 1.5, 0.05), **call)
