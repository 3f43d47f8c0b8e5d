"""First corrections in 1/width: closed forms, and ensembles of finite networks."""

import math

import numpy as np
import pytest

from infwidth.limits import activations, propagation
from infwidth.limits.propagation import MeanFieldMaps
from infwidth.limits.propagation.finite_width import by_variance


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


def test_pairs_of_linear_networks_in_closed_form():
    """The Wishart law: Var K = (q^2 + K^2)/m in the first layer that is random, and K is a martingale, so a = 0."""
    found = propagation.pair_corrections(MeanFieldMaps("linear", 1.0, 0.0), 2.0, 0.3, 2)
    np.testing.assert_allclose(found.kernel, 0.6)
    np.testing.assert_allclose(found.variance, [0, 4 + 0.36], rtol=1e-8)
    np.testing.assert_allclose(found.mean, 0, atol=1e-8)


def test_pairs_of_squares_in_closed_form():
    """phi = h^2: F_K = w (q1 q2 + 2 K^2) and F_11 = 3 w q1^2, whose second derivatives are exact. The shift of K in the third layer is half
    their sum over the covariance of (q1, K, q2) in the second, which is that of squares and products of two Gaussian variables."""
    w, q, c = 0.2, 1.0, 0.5
    found = propagation.pair_corrections(MeanFieldMaps(activations.monomial(2), w, 0.0), q, c, 3)
    K = c * q
    second = w * (q * q + 2 * K * K)
    assert found.kernel[1] == pytest.approx(second)
    nodes, weights = np.polynomial.hermite_e.hermegauss(12)
    weights = np.outer(weights, weights) / weights.sum() ** 2
    u = np.sqrt(q) * nodes[:, None] + 0 * nodes
    v = c * u + np.sqrt(1 - c * c) * nodes
    products = np.stack([u**4, u**2 * v**2, v**4])
    means = (products * weights).sum(axis=(1, 2))
    b = w**2 * (np.einsum("iab,jab,ab->ij", products, products, weights) - np.outer(means, means))
    assert found.variance[1] == pytest.approx(b[1, 1], rel=1e-8)
    assert found.mean[2] == pytest.approx((4 * w * b[1, 1] + 2 * w * b[0, 2]) / 2, rel=1e-6)  # F_KK = 4w, F_13 = F_31 = w


def test_errors_of_pairs_are_relative_to_the_variance():
    """Orthogonal inputs of an odd network have no covariance to be relative to."""
    found = propagation.pair_corrections(MeanFieldMaps("tanh", 1.5, 0.0), 1.0, 0.0, 4)
    np.testing.assert_allclose(found.kernel, 0, atol=1e-12)
    assert found.width_for(0.1) == pytest.approx((found.variance / (0.1 * found.scale) ** 2).max())
    assert 1 < found.width_for(0.1) < 1000


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_nearly_equal_inputs_have_the_corrections_of_one(activation):
    maps = MeanFieldMaps(activation, 1.6, 0.1)
    one, two = propagation.corrections(maps, 1.2, 4), propagation.pair_corrections(maps, 1.2, 0.995, 4)
    for name in ("kernel", "mean", "variance"):
        np.testing.assert_allclose(getattr(two, name), getattr(one, name), rtol=0.02, atol=1e-3, err_msg=name)


def test_pairs_in_ensembles():
    """Gelu, five layers of width 64: mean and variance of the covariance over 60,000 networks."""
    maps, rng, width, number = MeanFieldMaps("gelu", 1.6, 0.1), np.random.default_rng(2), 64, 60_000
    found, phi = propagation.pair_corrections(maps, 1.2, 0.6, 5), activations.get("gelu").value
    G = np.full((number, 3), [1.2, 0.72, 1.2])
    for _ in range(4):
        z = rng.standard_normal((2, number, width))
        u, along = np.sqrt(G[:, :1]) * z[0], G[:, 1:2] / np.sqrt(G[:, :1])
        v = along * z[0] + np.sqrt(G[:, 2:] - along**2) * z[1]
        u, v = phi(u), phi(v)
        G = maps.bias_variance + maps.weight_variance * np.stack([(u * u).mean(1), (u * v).mean(1), (v * v).mean(1)], axis=1)
    K, error = G[:, 1], 64 * G[:, 1].std() / math.sqrt(number)
    assert found.mean[4] > 6 * error
    assert abs(64 * (K.mean() - found.kernel[4]) - found.mean[4]) < 3 * error + 0.1 * found.mean[4]  # the next order
    assert 64 * K.var() == pytest.approx(found.variance[4], rel=0.25)


def test_differences_by_the_variance():
    """e, e', e'' of erf: (4/pi) (1 + 4q)^{-1/2}."""
    q = np.array([0.3, 2.0])
    first, second = by_variance(lambda v: 4 / np.pi * (1 + 4 * v) ** -0.5, q)
    np.testing.assert_allclose(first, -8 / np.pi * (1 + 4 * q) ** -1.5, rtol=1e-7)
    np.testing.assert_allclose(second, 48 / np.pi * (1 + 4 * q) ** -2.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: propagation.corrections(m, 0.0, 3), "q: need a finite number >= 1e-60"),
        (lambda m: propagation.pair_corrections(m, 1.0, 1.0, 3), r"c: need a correlation between .*; for one input"),
        (lambda m: propagation.pair_corrections(m, 1.0, 0.5, 99), r"depth: in layer .* the correlation 0.999.*; stop there"),
        (lambda m: propagation.corrections(m, 1.0, 0), "depth: need an integer from 1"),
        (lambda m: propagation.corrections(m, 1.0, 3).width_for(0), "error: need a finite number >= 1e-100"),
        (lambda m: propagation.corrections(MeanFieldMaps("relu", 1e9, 0.0), 1.0, 9), "q: variances grow .*; lower it"),
        (lambda m: propagation.corrections(MeanFieldMaps("tanh", 1.0, 0.0, keep=0.5), 1.0, 9), "maps: .*; leave them out"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(MeanFieldMaps("tanh", 1.0, 0.1))
