"""Moments of squared singular values against random products of matrices."""

import pytest

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize(("activation", "weight"), [("linear", 1.0), ("tanh", 2.0)])
def test_against_finite_networks(activation, weight, weights):
    maps = MeanFieldMaps(activation, weight, 0.1 if activation == "tanh" else 0.0)
    q = 1.0 if activation == "linear" else maps.fixed_point().q
    depth = 3
    predicted = propagation.singular_values(maps, depth, weights, q=q)
    found = propagation.measure_singular_values(maps, 250, depth, q=q, networks=20, weights=weights, rng=3)
    assert abs(found.mean.mean - predicted.mean) < 4 * found.mean.error + 0.01 * predicted.mean  # 1/width
    assert abs(found.variance.mean - predicted.variance) < 4 * found.variance.error + 0.02 * predicted.variance + 1e-12
    assert found.variance.error < 0.05 * predicted.variance + 1e-12


def test_dynamical_isometry():
    """Orthogonal: linear networks have it, tanh the better the smaller its variance, relu never."""
    linear = propagation.singular_values(MeanFieldMaps("linear", 1.0, 0.0), 100, "orthogonal", q=1.0)
    assert linear.spread == pytest.approx(0, abs=1e-10)
    spreads = []
    for q in (1e-2, 1e-4):
        maps = MeanFieldMaps("tanh", 1.0, 0.0)
        spreads.append(propagation.singular_values(maps, 10, "orthogonal", q=q).spread)
    assert spreads[0] / spreads[1] == pytest.approx(1e4, rel=0.1)  # ~ q^2
    assert propagation.singular_values(MeanFieldMaps("relu", 2.0, 0.0), 10, "orthogonal", q=1.0).spread == pytest.approx(10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: propagation.singular_values(m, 0), "depth: need an integer from 1"),
        (lambda m: propagation.singular_values(m, 2, "uniform"), "weights: 'uniform' is not one of gaussian, orthogonal"),
        (lambda m: propagation.singular_values(MeanFieldMaps("tanh", 0.5, 0.0), 2), "q: the fixed point of the variance is 0; give"),
        (lambda m: propagation.singular_values(MeanFieldMaps("tanh", 0.5, 0.1, skip=1.0), 2), "maps: .*; leave them out"),
        (lambda m: propagation.singular_values(MeanFieldMaps("step", 0.5, 0.1), 2), "maps: step has no slope, .*; take another"),
        (
            lambda m: propagation.singular_values(MeanFieldMaps("linear", 2.0, 0.1), 2000, q=1.0),
            "depth: the mean .* is about 1e602, .*; lower",
        ),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(MeanFieldMaps("tanh", 1.0, 0.1))
