"""Corrections of tangent kernels in 1/width: closed forms, and ensembles of finite networks."""

import math

import numpy as np
import pytest

from infwidth.limits import activations, gaussian, kernels, propagation
from infwidth.limits.propagation import MeanFieldMaps
from infwidth.limits.propagation.finite_width_tangent import _pulls


@pytest.mark.parametrize("weight", [1.0, 0.7])
def test_deep_linear_networks_in_closed_form(weight):
    """Theta is a sum over layers of products of squared norms, 2/m of relative variance each: the terms l and k share L - 1 - |l - k|."""
    found = propagation.tangent_corrections(MeanFieldMaps("linear", weight, 0.0), 3.0, 7)
    L = np.arange(1, 8)
    size = 3 * weight ** (L - 1)
    shared = np.array([sum(n - 1 - abs(i - j) for i in range(n) for j in range(n)) for n in L])
    np.testing.assert_allclose(found.kernel, size * L, rtol=1e-12)
    np.testing.assert_allclose(found.variance, size**2 * 2 * shared, rtol=1e-9)
    np.testing.assert_allclose(found.mean, 0, atol=1e-8)


def test_critical_relu_in_closed_form():
    """No correction of the mean. Two layers at q = 1: the average over neurons of X = 2 (h^+)^2 + 2 w^2 1(h > 0), E X = 2 and E X^2 =
    4 3/2 + 8/2 + 4 3/2 = 16."""
    found = propagation.tangent_corrections(MeanFieldMaps("relu", 2.0, 0.0), 2.0, 40)
    np.testing.assert_allclose(found.mean, 0, atol=1e-6)
    ratio = found.variance / found.kernel**2
    assert ratio[1] == pytest.approx((16 - 2**2) / 2**2)
    assert np.diff(ratio)[-5:] == pytest.approx(np.diff(ratio)[-1], rel=0.02)  # grows like the depth
    assert found.width_for(0.1) == pytest.approx(100 * ratio.max())


def test_the_limit_is_that_of_the_kernels():
    maps = MeanFieldMaps("gelu", 1.6, 0.1)
    k = kernels.serial(*[part for _ in range(4) for part in (kernels.Dense(W_std=1.6**0.5, b_std=0.1**0.5), kernels.Gelu())][:-1])
    x = np.array([[1.0, 0.5]])
    q = 1.6 * 1.25 / 2 + 0.1
    assert propagation.tangent_corrections(maps, q, 4).kernel[-1] == pytest.approx(k.ntk(x).item(), rel=1e-10)


def test_the_mean_of_squares_in_closed_form():
    """phi = h^2, three layers, by hand at every width m: E Theta = 7 w E G^2 + 16 w^2 q (E h^2 G + 2 w E h^6/m), h of the first layer and
    G of the second, with E G^2 = w^2 q^4 (9 + 96/m) and E h^2 G = w q^3 (3 + 12/m)."""
    w, q = 0.2, 1.3
    found = propagation.tangent_corrections(MeanFieldMaps(activations.monomial(2), w, 0.0), q, 3)
    assert found.kernel[2] == pytest.approx(w**3 * q**4 * (7 * 9 + 16 * 3), rel=1e-10)
    assert found.mean[2] == pytest.approx(w**3 * q**4 * (7 * 96 + 16 * (12 + 2 * 15)), rel=1e-7)


def test_the_variance_of_squares_in_closed_form():
    """phi = h^2, three layers: Theta = 3 w G^2 + 4 w G Theta_2 of the second layer, whose G and Theta_2 are w times averages of h^4 and of
    h^4 + 4 q h^2; then the fluctuations of the second layer's neurons and of the output's own weights."""
    w, q = 0.2, 1.3
    G, T = 3 * w * q**2, 7 * w * q**2
    h_4, h_2 = w * (6 * w * G + 4 * w * T + 4 * w * G), 4 * q * w * 4 * w * G  # derivatives of Theta by the averages of h^4 and h^2
    lower = h_4**2 * 96 * q**4 + 2 * h_4 * h_2 * 12 * q**3 + h_2**2 * 2 * q**2
    upper = w**2 * (96 * G**4 + 2 * 4 * T * 12 * G**3 + 16 * T**2 * 2 * G**2)
    own = w**2 * (48 * G**2 * T**2 + (4 * G) ** 2 * w**2 * 48 * q**4)
    found = propagation.tangent_corrections(MeanFieldMaps(activations.monomial(2), w, 0.0), q, 3)
    assert found.variance[2] == pytest.approx(lower + upper + 2 * own, rel=1e-7)


def test_the_pull_of_shared_weights_is_a_tangent_kernel():
    """p/m is that of the mean of phi^2 / 2 over the neurons of a layer: by backward passes through networks of width 100."""
    maps, q, m, number = MeanFieldMaps("gelu", 1.6, 0.1), 1.2, 100, 1000
    phi, w, rng = activations.get("gelu"), 1.6, np.random.default_rng(4)
    h, G, weights = [np.sqrt(q) * rng.standard_normal((number, m))], [np.full(number, q)], []
    for _ in range(2):
        x, W = phi.value(h[-1]), np.sqrt(w / m) * rng.standard_normal((number, m, m))
        G.append(0.1 + w * (x**2).mean(axis=1))
        h.append(np.einsum("nij,nj->ni", W, x) + np.sqrt(0.1) * rng.standard_normal((number, m)))
        weights.append(W)
    back, pull = phi.value(h[2]) * phi.derivative(h[2]) / m, 0.0
    for l in (2, 1, 0):
        pull = pull + (back**2).sum(axis=1) * G[l]
        if l:
            back = np.einsum("nij,ni->nj", weights[l - 1], back) * phi.derivative(h[l - 1])
    kernel = maps.variances(q, 3)
    both = gaussian.expectation(lambda u: (phi.value(u) * phi.derivative(u)) ** 2, kernel).value
    tangent = propagation.tangent_corrections(maps, q, 4).kernel
    expected = _pulls(both, maps.variance_slope(kernel), tangent)[3]
    assert expected > 1.3 * both[2] * tangent[2]
    assert m * pull.mean() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("activation", "number"), [("gelu", 12_000), pytest.param("elu", 30_000, marks=pytest.mark.slow)])
def test_means_of_ensembles(activation, number):
    """Five layers of width 32: the correction stands five standard errors out of the noise; the next order is 1/32 of it, times some."""
    maps = MeanFieldMaps(activation, {"gelu": 1.6, "elu": 1.3}[activation], 0.1)
    found = propagation.tangent_corrections(maps, 1.2, 5)
    measured = propagation.measure_kernels(maps, 32, 5, q=1.2, networks=number, rng=5).tangent
    shift, error = 32 * (measured.mean[-1] - found.kernel[-1]), 32 * measured.error[-1]
    assert abs(found.mean[-1]) > 5 * error
    assert abs(shift - found.mean[-1]) < 3 * error + 0.15 * abs(found.mean[-1])


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_variances_of_ensembles(activation):
    """What is left of the first order falls like 1/width: four layers."""
    maps = MeanFieldMaps(activation, 1.6, 0.1)
    found, left = propagation.tangent_corrections(maps, 1.2, 4), []
    for width, networks in ((16, 10_000), (48, 4_000)):
        measured = propagation.measure_kernels(maps, width, 4, q=1.2, networks=networks, rng=width).tangent
        left.append(width * measured.variance[-1] / found.variance[-1] - 1)
        error = math.sqrt(4 / networks)  # of a variance, with the kurtosis of such networks
    assert 0.1 < left[0] < 1
    assert left[1] == pytest.approx(left[0] / 3, abs=4 * error + 0.1 * left[0])


def test_bad_arguments():
    with pytest.raises(ValueError, match="q: need a finite number >= 1e-60"):
        propagation.tangent_corrections(MeanFieldMaps("tanh", 1.0, 0.1), 0.0, 3)
    with pytest.raises(ValueError, match="maps: these corrections have neither dropout"):
        propagation.tangent_corrections(MeanFieldMaps("tanh", 1.0, 0.1, skip=0.5), 1.0, 3)
    with pytest.raises(ValueError, match="depth: need an integer from 1"):
        propagation.tangent_corrections(MeanFieldMaps("tanh", 1.0, 0.1), 1.0, 0)
