"""The law of squared singular values: closed forms, its moments, and finite networks."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import special

from infwidth.limits import activations, gaussian, propagation
from infwidth.limits.propagation import MeanFieldMaps
from infwidth.limits.propagation.jacobian_density import _law


def test_one_gaussian_layer_is_marchenko_pastur():
    x = np.linspace(0.01, 3.99, 40)
    found = propagation.singular_value_density(MeanFieldMaps("linear", 1.7, 0.0), 1, 1.7 * x, q=1.0)
    np.testing.assert_allclose(1.7 * found, np.sqrt((4 - x) / x) / (2 * np.pi), rtol=1e-4)


def test_two_gaussian_layers_are_fuss_catalan():
    """Penson and Zyczkowski, arXiv:1103.3453: the law whose moments are binom(3 n, n)/(2 n + 1), on [0, 27/4]."""
    x = np.linspace(0.05, 6.7, 30)
    a = 27 + 3 * np.sqrt(81 - 12 * x)
    exact = 2 ** (1 / 3) * np.sqrt(3) / (12 * np.pi) * (2 ** (1 / 3) * a ** (2 / 3) - 6 * x ** (1 / 3)) / (x ** (2 / 3) * a ** (1 / 3))
    found = propagation.singular_value_density(MeanFieldMaps("linear", 1.0, 0.0), 2, x, q=1.0)
    np.testing.assert_allclose(found, exact, rtol=1e-4)


@pytest.mark.parametrize("depth", [3, 50])
def test_the_edge_of_deep_linear_networks(depth):
    """(L + 1)^(L + 1)/L^L."""
    edge = (depth + 1) * (1 + 1 / depth) ** depth
    inside, outside = propagation.singular_value_density(MeanFieldMaps("linear", 1.0, 0.0), depth, [0.98 * edge, 1.02 * edge], q=1.0)
    assert inside > 1e-4 / depth and outside < 1e-3 * inside


def test_two_layers_of_orthogonal_relu_are_two_projections():
    """One half of the values is 0, the others have the arcsine law on [0, 4]."""
    x = np.linspace(0.05, 3.95, 20)
    found = propagation.singular_value_density(MeanFieldMaps("relu", 2.0, 0.0), 2, x, "orthogonal", q=1.0)
    np.testing.assert_allclose(found, 1 / (2 * np.pi * np.sqrt(x * (4 - x))), rtol=1e-4)


def test_a_kink_beside_0_thins_out_the_rows():
    """phi = max(h - 1, 0) has a slope on the part p of neurons above 1: Marchenko and Pastur of p m rows."""
    q, shifted = 2.0, activations.Activation("shifted", lambda h: np.maximum(h - 1, 0), lambda h: (h > 1).astype(h.dtype), kinks=(1.0,))
    p = special.ndtr(-1 / np.sqrt(q))
    low, high = (1 - np.sqrt(p)) ** 2, (1 + np.sqrt(p)) ** 2
    x = np.linspace(low + 0.05, high - 0.05, 20)
    found = propagation.singular_value_density(MeanFieldMaps(shifted, 1.0, 0.0), 1, x, q=q)
    np.testing.assert_allclose(found, np.sqrt((high - x) * (x - low)) / (2 * np.pi * x), rtol=1e-4)


@pytest.mark.parametrize("q", [0.3, 20.0])
def test_the_law_of_squared_slopes(q):
    """Its moments are those of the integrals that have a tolerance."""
    phi = activations.get("tanh")
    slopes, weight = _law(phi, q)
    for power in (1, 2, 5):
        exact = gaussian.expectation(lambda h, k=2 * power: phi.derivative(h) ** k, q).value
        assert weight @ slopes**power == pytest.approx(float(exact), rel=1e-9)


@pytest.mark.parametrize(("q", "depth"), [(0.05, 10), (0.3, 4)])
def test_moments_near_isometry(q, depth):
    """Orthogonal tanh networks: total, mean and variance by the midpoint rule are those of the closed formula."""
    maps = MeanFieldMaps("tanh", 1.3, 0.0)
    expected = propagation.singular_values(maps, depth, "orthogonal", q=q)
    log_x, step = np.linspace(np.log(1e-4 * expected.mean), np.log(1.3**depth), 400, endpoint=False, retstep=True)
    x = np.exp(log_x + step / 2)
    mass = propagation.singular_value_density(maps, depth, x, "orthogonal", q=q) * x * step
    mean = (mass * x).sum()
    assert mass.sum() == pytest.approx(1, abs=0.01)
    assert mean == pytest.approx(expected.mean, rel=0.01)
    assert (mass * (x - mean) ** 2).sum() == pytest.approx(expected.variance, rel=0.03)


@pytest.mark.parametrize(
    ("activation", "weight", "bias", "weights"),
    [("tanh", 2.0, 0.1, "gaussian"), ("tanh", 2.0, 0.1, "orthogonal"), ("relu", 1.5, 0.2, "gaussian")],
)
def test_against_finite_networks(activation, weight, bias, weights):
    """The part of the values between quantiles of networks of width 300, whose law is off by about 1/width."""
    maps, depth = MeanFieldMaps(activation, weight, bias), 4
    values = propagation.measure_singular_values(maps, 300, depth, networks=8, weights=weights, rng=2).squared
    edges = np.quantile(values, [0.6, 0.7, 0.8, 0.9, 0.97])
    for low, high in pairwise(edges):
        x = np.exp(np.log(low) + (np.arange(20) + 0.5) / 20 * np.log(high / low))
        predicted = (propagation.singular_value_density(maps, depth, x, weights) * x).sum() * np.log(high / low) / 20
        assert ((values > low) & (values < high)).mean() == pytest.approx(predicted, abs=0.008)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: propagation.singular_value_density(m, 0, [1.0]), "depth: need an integer from 1"),
        (lambda m: propagation.singular_value_density(m, 2, [0.0]), "squared: "),
        (lambda m: propagation.singular_value_density(MeanFieldMaps("step", 0.5, 0.1), 2, [1.0]), "maps: step has no slope"),
        (
            lambda m: propagation.singular_value_density(MeanFieldMaps("sigmoid", 1.5, 0.1), 1000, [1.0]),
            "squared: the density at 1 was not",
        ),
        (lambda m: propagation.singular_value_density(m, 2, [1.0], "uniform"), "weights: 'uniform' is not one of gaussian, orthogonal"),
        (
            lambda m: propagation.singular_value_density(MeanFieldMaps("tanh", 0.5, 0.0), 2, [1.0]),
            "q: the fixed point of the variance is 0",
        ),
        (lambda m: propagation.singular_value_density(MeanFieldMaps("tanh", 0.5, 0.1, skip=1.0), 2, [1.0]), "maps: .*; leave them out"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(MeanFieldMaps("tanh", 1.0, 0.1))
