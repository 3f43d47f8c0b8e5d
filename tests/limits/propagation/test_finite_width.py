"""First corrections in 1/width: closed forms, and ensembles of finite networks."""

import math

import numpy as np
import pytest

from infwidth.limits import activations, propagation
from infwidth.limits.propagation import MeanFieldMaps


def test_relu_in_closed_form():
    """Critical relu: V is linear, so a = 0; each layer adds 4 (3/2 - 1/4) = 5 to b, at any q in units of q^2."""
    found = propagation.corrections(MeanFieldMaps("relu", 2.0, 0.0), 3.0, 6)
    np.testing.assert_allclose(found.mean, 0, atol=1e-9)
    np.testing.assert_allclose(found.variance, 9 * 5 * np.arange(6), rtol=1e-10)
    assert found.width_for(0.1) == pytest.approx(2500)


def test_linear_in_closed_form():
    """Var of a product of chi-squares: 2 per layer."""
    found = propagation.corrections(MeanFieldMaps("linear", 1.0, 0.0), 1.0, 5)
    np.testing.assert_allclose(found.variance, 2 * np.arange(5), rtol=1e-10)


def kernels(maps, q, width, depth, networks, rng):
    """G^1 .. G^depth of networks whose first pre-activations have variance q exactly."""
    phi = activations.get(maps.activation).value
    G = np.empty((networks, depth))
    G[:, 0] = q
    for l in range(1, depth):
        h = np.sqrt(G[:, l - 1 : l]) * rng.standard_normal((networks, width))
        G[:, l] = maps.bias_variance + maps.weight_variance * (phi(h) ** 2).mean(axis=1)
    return G


def test_variances_of_ensembles():
    """What is left of the first order falls like 1/width: gelu, five layers."""
    maps, rng = MeanFieldMaps("gelu", 1.6, 0.1), np.random.default_rng(0)
    found = propagation.corrections(maps, 1.2, 5)
    gaps = [abs((kernels(maps, 1.2, width, 5, 20_000, rng).var(axis=0) * width)[4] / found.variance[4] - 1) for width in (32, 128)]
    assert 0.2 < gaps[0] < 0.6
    assert gaps[1] == pytest.approx(gaps[0] / 4, abs=4 * math.sqrt(2 / 20_000))


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_means_of_ensembles(activation):
    """At width 64 the correction of the mean stands eight standard errors out of the noise."""
    maps = MeanFieldMaps(activation, 1.6, 0.1)
    found = propagation.corrections(maps, 1.2, 5)
    G = kernels(maps, 1.2, 64, 5, 100_000, np.random.default_rng(1))
    shift, error = 64 * (G.mean(axis=0) - found.kernel), 64 * G.std(axis=0) / math.sqrt(len(G)) + 1e-9
    assert abs(found.mean[4]) > 8 * error[4]
    assert (np.abs(shift - found.mean) <= 4 * error + 0.15 * np.abs(found.mean)).all()  # the next order is 1/64 of it, times some


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: propagation.corrections(m, 0.0, 3), "q: need a finite number > 0"),
        (lambda m: propagation.corrections(m, 1.0, 0), "depth: need an integer >= 1"),
        (lambda m: propagation.corrections(m, 1.0, 3).width_for(0), "error: need a finite number > 0"),
        (lambda m: propagation.corrections(MeanFieldMaps("relu", 1e9, 0.0), 1.0, 9), "weight_variance: variances grow .*; lower it"),
        (lambda m: propagation.corrections(MeanFieldMaps("tanh", 1.0, 0.0, keep=0.5), 1.0, 9), "maps: .*; leave them out"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(MeanFieldMaps("tanh", 1.0, 0.1))
