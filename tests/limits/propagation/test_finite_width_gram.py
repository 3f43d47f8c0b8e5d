"""Corrections of Gram matrices in 1/width: closed forms, equal inputs, and ensembles of finite networks."""

import numpy as np
import pytest

from infwidth.limits import activations, kernels, propagation
from infwidth.limits.propagation import MeanFieldMaps
from infwidth.limits.propagation.finite_width_gram import by_shared_weights, with_shared_weights
from infwidth.limits.propagation.finite_width_pairs import derivatives, fluctuations

PAIR = np.array([[3.0, 0.7], [0.7, 1.2]])
THREE = np.array([[1.2, 0.5, -0.3], [0.5, 0.8, 0.1], [-0.3, 0.1, 2.0]])


@pytest.mark.parametrize("weight", [1.0, 0.8])
def test_deep_linear_networks_in_closed_form(weight):
    """Theta is a sum over layers l of the covariance in it, whose variance is (q1 q2 + K^2)/m for each layer below, times a squared norm of
    relative variance 2/m for each layer above: the terms l and k share min(l, k) - 1 of the one and L - max(l, k) of the other."""
    found = propagation.gram_corrections(MeanFieldMaps("linear", weight, 0.0), PAIR, 6)
    for L in range(1, 7):
        size = weight ** (L - 1)
        lower, upper = (3.0 * 1.2 + 0.7**2) * size**2, 2 * (0.7 * size) ** 2
        layers = range(1, L + 1)
        variance = sum((min(l, k) - 1) * lower + (L - max(l, k)) * upper for l in layers for k in layers)
        assert found.tangent.kernel[L - 1, 0, 1] == pytest.approx(0.7 * size * L)
        assert found.tangent.variance[L - 1, 0, 1] == pytest.approx(variance, rel=1e-9, abs=1e-12)
        assert found.kernel.variance[L - 1, 1, 0] == pytest.approx((L - 1) * lower, rel=1e-9, abs=1e-12)
    for part in found:
        np.testing.assert_allclose(part.mean, 0, atol=1e-7)


def test_squares_in_closed_form():
    """phi = h^2, two inputs, three layers, by hand. The kernels A, B, C of the second layer are w times averages over the first, of u^4,
    u^2 v^2 and v^4, with covariances S. Theta = w (A C + 2 B^2) + 4 w B^2 + 16 w^3 K R/m with R = ((sum u v)(sum u^2 v^2) + 2 sum
    u^3 v^3)/m on average: the second sum is what the weights that Theta and the pre-activations share leave."""
    w, (q1, q2, K) = 0.2, (PAIR[0, 0], PAIR[1, 1], PAIR[0, 1])
    z, weight = np.polynomial.hermite_e.hermegauss(16)
    weight = np.outer(weight, weight) / weight.sum() ** 2
    u = np.sqrt(q1) * z[:, None] + 0 * z
    v = K / np.sqrt(q1) * z[:, None] + np.sqrt(q2 - K * K / q1) * z

    def mean(values):
        return (values * weight).sum()

    products = (u**4, u**2 * v**2, v**4)
    S = w**2 * np.array([[mean(a * b) - mean(a) * mean(b) for b in products] for a in products])
    A, B, C = (w * mean(a) for a in products)
    found = propagation.gram_corrections(MeanFieldMaps(activations.monomial(2), w, 0.0), PAIR, 3)
    theta = w * (A * C + 2 * B * B) + 4 * w * B * B + 16 * w**3 * K * K * mean(u**2 * v**2)
    assert found.tangent.kernel[2, 0, 1] == pytest.approx(theta, rel=1e-10)
    rest = 16 * w**3 * K * (3 * mean(u**3 * v**3) - K * mean(u**2 * v**2))
    assert found.tangent.mean[2, 0, 1] == pytest.approx(w * (S[0, 2] + 2 * S[1, 1]) + 4 * w * S[1, 1] + rest, rel=1e-6)
    # two layers: w times the average of u^2 v^2 + 4 K u v, and the weights of the output: 2 Var of sum omega_j^2 (2 u)(2 v) K / m
    both = u**2 * v**2 + 4 * K * u * v
    variance = w**2 * (mean(both**2) - mean(both) ** 2 + 2 * 16 * K**2 * mean(u**2 * v**2))
    assert found.tangent.variance[1, 0, 1] == pytest.approx(variance, rel=1e-9)


def test_shared_weights_by_their_definition():
    """Stein's lemma with the derivatives of phi(gamma) phi'(1), phi'(2) phi(delta) and phi'(1) phi'(2) as they are, for phi = h^3."""
    w, theta, p, cube = 1.7, 0.6, np.array([[0.9, -0.4], [0.3, 0.7]]), np.polynomial.Polynomial([0, 0, 0, 1])
    (q1, q2, K), (z, weight) = (1.0, 0.4, 0.25), np.polynomial.hermite_e.hermegauss(60)
    weight = np.outer(weight, weight) / weight.sum() ** 2
    u = np.sqrt(q1) * z[:, None] + 0 * z
    h = u, K / np.sqrt(q1) * z[:, None] + np.sqrt(q2 - K * K / q1) * z

    def mean(*orders):
        """E of the product over the two inputs of derivatives of phi: the orders at each."""
        factors = [cube.deriv(order)(x) for x, each in zip(h, orders, strict=True) for order in each]
        return (np.prod(factors, axis=0) * weight).sum()

    def moved(orders, by):
        """E of the derivative by h(by)."""
        out = 0.0
        for i in range(len(orders[by])):
            new = [list(each) for each in orders]
            new[by][i] += 1
            out += mean(*new)
        return out

    one, two = ([[0, 1], []], [[1], [0]]), ([[0], [1]], [[], [1, 0]])  # phi(gamma) phi'(1), and phi'(2) phi(delta)
    T, S = (np.array([[w * moved(product, by) for by in (0, 1)] for product in products]) for products in (one, two))
    both = np.array([[mean([0, 0, 1], [1]), mean([0, 1], [0, 1])], [mean([0, 1], [0, 1]), mean([1], [0, 0, 1])]])
    maps, G = MeanFieldMaps(activations.monomial(3), w, 0.1), np.array([[q1, K, q2]])
    _, slope, _ = derivatives(maps, G)
    found = with_shared_weights(np.array([theta]), slope, fluctuations(maps, G, 4)[0], p[None])[0]
    np.testing.assert_allclose(found, theta * both + T @ p @ S.T, rtol=1e-4)
    e = np.array([[mean([3], [1]), mean([2], [2])], [mean([2], [2]), mean([1], [3])]])
    np.testing.assert_allclose(by_shared_weights(slope[:, 3], p[None]), w * (e * p).sum(), rtol=1e-4)


@pytest.mark.parametrize(("activation", "weight"), [("gelu", 1.6), ("silu", 2.0)])
def test_the_diagonal_and_what_is_next_to_it(activation, weight):
    """As the correlation goes to 1, along a line from .996 and .998, every correction goes to that of one input."""
    maps = MeanFieldMaps(activation, weight, 0.1)
    one = propagation.corrections(maps, 1.2, 6), propagation.tangent_corrections(maps, 1.2, 6)
    far, near = (propagation.gram_corrections(maps, 1.2 * np.array([[1, c], [c, 1]]), 6) for c in (0.996, 0.998))
    for gram, other, single in zip(near, far, one, strict=True):
        for name in ("kernel", "mean", "variance", "scale"):
            values, exact = getattr(gram, name), getattr(single, name)
            np.testing.assert_allclose(values[:, 0, 0], exact, rtol=1e-14)
            at_one = 2 * values[:, 0, 1] - getattr(other, name)[:, 0, 1]
            np.testing.assert_allclose(at_one, exact, rtol=2e-3, atol=2e-4 * np.abs(exact).max(), err_msg=name)
        assert gram.width_for(0.1) == pytest.approx(single.width_for(0.1), rel=0.01)


def test_the_order_of_the_inputs_does_not_matter():
    """One entry of the expansion knows which of two inputs is the first; its matrices for the two are not the same, the result is."""
    maps, order = MeanFieldMaps("silu", 2.0, 0.1), [2, 0, 1]
    found, moved = (propagation.gram_corrections(maps, G, 5) for G in (THREE, THREE[np.ix_(order, order)]))
    for part, other in zip(found, moved, strict=True):
        for one, two in zip(part, other, strict=True):
            np.testing.assert_allclose(two, one[:, order][:, :, order], rtol=1e-6, atol=1e-8)


def test_pairs_are_those_of_pair_corrections():
    maps = MeanFieldMaps("tanh", 1.6, 0.1)
    alone = propagation.pair_corrections(maps, 1.2, -0.4, 4)
    found = propagation.gram_corrections(maps, 1.2 * np.array([[1, -0.4], [-0.4, 1]]), 4).kernel
    for name in ("kernel", "mean", "variance", "scale"):
        np.testing.assert_allclose(getattr(found, name)[:, 1, 0], getattr(alone, name), rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_limit_is_that_of_the_kernels():
    maps, X = MeanFieldMaps("gelu", 1.6, 0.1), np.random.default_rng(0).standard_normal((5, 3))
    k = kernels.serial(*[part for _ in range(4) for part in (kernels.Dense(W_std=1.6**0.5, b_std=0.1**0.5), kernels.Gelu())][:-1])
    found = propagation.gram_corrections(maps, 1.6 * X @ X.T / 3 + 0.1, 4)
    np.testing.assert_allclose(found.kernel.kernel[-1], k.nngp(X), rtol=1e-10)
    np.testing.assert_allclose(found.tangent.kernel[-1], k.ntk(X), rtol=1e-10)


@pytest.mark.parametrize(
    ("activation", "weight", "depth", "number"),
    [("gaussian", 4.0, 4, 8000), pytest.param("silu", 2.0, 5, 20_000, marks=pytest.mark.slow)],
)
def test_ensembles(activation, weight, depth, number):
    """Three inputs of other norms in networks of width 32: the corrections of the means stand six standard errors out of the noise."""
    maps, m, (i, j) = MeanFieldMaps(activation, weight, 0.1), 32, np.triu_indices(3, 1)
    found = propagation.gram_corrections(maps, THREE, depth)
    measured = propagation.measure_gram(maps, THREE, m, depth, networks=number, rng=1)
    shifts = []
    for limit, networks in zip(found, measured, strict=True):
        shift, error = (m * part[-1, i, j] for part in (networks.mean - limit.kernel, networks.error))
        shifts.extend(np.abs(limit.mean[-1, i, j]) / error)
        assert (np.abs(shift - limit.mean[-1, i, j]) < 3 * error + 0.15 * np.abs(limit.mean[-1, i, j])).all()
    assert np.median(shifts) > 6 or activation == "silu"


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_variances_of_ensembles(activation):
    """What is left of the first order falls like 1/width, for every entry."""
    maps, left = MeanFieldMaps(activation, 1.6, 0.1), []
    found = propagation.gram_corrections(maps, THREE, 4).tangent
    for width, networks in ((16, 8000), (64, 4000)):
        measured = propagation.measure_gram(maps, THREE, width, 4, networks=networks, rng=width).tangent
        left.append(width * measured.variance[-1] / found.variance[-1] - 1)
    error = 2 / np.sqrt(4000)  # of a variance, with the kurtosis of such networks
    assert left[0].mean() > 0.1
    assert np.abs(left[1] - left[0] / 4).max() < 4 * error


@pytest.mark.parametrize(
    ("gram", "depth", "message"),
    [
        (np.ones((2, 3)), 2, r"gram: need a square matrix of at most 100 inputs, got shape \(2, 3\)"),
        ([[1.0, np.nan], [np.nan, 1.0]], 2, "gram: need finite numbers"),
        ([[1.0, 0.0], [0.0, 0.0]], 2, "gram: need finite numbers, on the diagonal between"),
        ([[1.0, 0.2], [0.3, 1.0]], 2, "gram: is not symmetric"),
        (1.9 * np.eye(3) - 0.9, 2, "gram: has a negative eigenvalue, so it is no covariance; give"),
        ([[1.0, 1.0], [1.0, 1.0]], 2, "gram: two inputs have the correlation 1.000000, as good as one; leave"),
        ([[1.0, 0.5], [0.5, 1.0]], 99, "depth: in layer .* two inputs have the correlation 0.999.*; stop there"),
        ([[1.0, 0.5], [0.5, 1.0]], 0, "depth: need an integer from 1"),
    ],
)
def test_bad_arguments(gram, depth, message):
    with pytest.raises(ValueError, match=message):
        propagation.gram_corrections(MeanFieldMaps("tanh", 1.0, 0.1), gram, depth)
