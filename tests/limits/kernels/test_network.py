"""Kernels of finite networks, read off their exponents: against one gradient step of such networks."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import Network, Parameterization, kernels
from infwidth.limits.kernels import Dense, Relu, serial

X = np.array([[1.0, 0.5], [0.8, -0.7], [-0.5, 1.2]])


def measured(network, seed):
    """Outputs at the start, and minus their change per unit of rate in a step on each point alone."""
    outputs, columns = None, []
    for i in range(3):
        y = np.full((1, network.output_dim), -1e6)  # a residual of 1e6 + f, the same for all but f / 1e6
        problem = network.bind(iw.solvers.data.Data.check(X[i : i + 1], y, "squared"), np.random.default_rng(seed))
        start = problem.start()
        velocity = np.empty_like(start)
        problem.evaluate(start, velocity)
        outputs = problem.predict(start, X)
        columns.append((outputs - problem.predict(start + 1e-12 * velocity, X))[:, 0] / (1e-12 * (1e6 + outputs[i, 0])))
    return outputs, np.stack(columns, axis=1)


CASES = {
    "NTP": (Parameterization.ntk(2), "relu"),
    "NTP, biases": (Parameterization.ntk(2).with_biases(0.5), "erf"),
    "NTP, other scales": (replace(Parameterization.ntk(2), weight_std=(1.5, 0.8, 1.2)), "tanh"),
    "SP": (Parameterization.standard(2), "relu"),
    "SP, biases": (replace(Parameterization.standard(2).with_biases(0.5), weight_std=2**0.5), "gelu"),
    "NTP, rates": (replace(Parameterization.ntk(2).with_biases(0.5), rates=(0.5, 2, 0)), "erf"),
    "zero output, biases": (
        replace(Parameterization.ntk(2).with_biases(0.5), b=(0, 0, 0.25), c=(-0.5, -0.5, 0), bias_c=(-0.5, -0.5, 0)),
        "erf",
    ),
    "zero output": (replace(Parameterization.ntk(2), b=(0, 0, 0.25), c=(-0.5, -0.5, 0)), "erf"),
}


@pytest.mark.parametrize("name", CASES)
def test_networks_move_by_this_kernel(name):
    """30 networks of width 1024: the mean tangent kernel within 4.5 standard errors, plus what exponents below 0 leave at this width."""
    p, activation = CASES[name]
    network = Network(2, 2, 1024, activation, p)
    k = kernels.of(network)
    found = [measured(network, seed) for seed in range(30)]
    tangents = np.array([tangent for _, tangent in found])
    mean, error = tangents.mean(axis=0), tangents.std(axis=0, ddof=1) / np.sqrt(30)
    leaves = {"SP": 0.01, "SP, biases": 0.01, "zero output": 0.1, "zero output, biases": 0.1}.get(name, 0.0)  # m^{-1}, m^{-1/2}
    exact = k.ntk(X)
    assert (np.abs(mean - exact) < 4.5 * error + leaves * exact[0, 0]).all()
    outputs = np.array([outputs[:, 0] for outputs, _ in found])
    scale = np.sqrt(np.diag(k.nngp(X)))
    if name.startswith("zero output"):
        assert not k.nngp(X).any() and outputs.std() < 0.5
    else:
        np.testing.assert_allclose(outputs.std(axis=0), scale, rtol=0.5)


def test_ntp_is_the_vocabulary_of_layers_up_to_the_rates():
    """Weights N(0, sigma^2) that are trained themselves: the layers' kernel over sigma^2 per layer; inputs are not divided by d."""
    k = kernels.of(Network(2, 1, 8, "relu", Parameterization.ntk(1)))
    layers = serial(Dense(2**0.5), Relu(), Dense())
    np.testing.assert_allclose(k.nngp(X), layers.nngp(X), rtol=1e-14)
    np.testing.assert_allclose(k.ntk(X), layers.ntk(X), rtol=1e-13)


def test_standard_is_ntk_without_the_first_layer():
    """For one hidden layer: the part of the output weights, E phi phi, alone."""
    k = kernels.of(Network(2, 1, 8, "relu", Parameterization.standard(1)))
    np.testing.assert_allclose(k.ntk(X), serial(Dense(2**0.5), Relu()).nngp(X), rtol=1e-13)
    deep = kernels.of(Network(2, 3, 8, "relu", Parameterization.standard(3)))
    assert (np.diag(deep.ntk(X)) < np.diag(kernels.of(Network(2, 3, 8, "relu", Parameterization.ntk(3))).ntk(X))).all()


def test_a_shift_of_the_factors_changes_nothing():
    """(a + theta, b - theta, c - 2 theta) is the same network."""
    p = Parameterization.standard(2)
    shifted = replace(p, a=tuple(a + 0.3 for a in p.a), b=tuple(b - 0.3 for b in p.b), c=tuple(c - 0.6 for c in p.c))
    np.testing.assert_array_equal(kernels.of(Network(2, 2, 8, "erf", shifted)).ntk(X), kernels.of(Network(2, 2, 8, "erf", p)).ntk(X))


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (Parameterization.mup(2), "network: its limit is no kernel: feature_learning"),
        (Parameterization.integrable(3), "network: its limit is no kernel: trivial"),
        (Parameterization.standard(2, c=0), "network: its limit is no kernel: unstable"),
    ],
)
def test_other_regimes_are_refused_with_the_reason(p, words):
    with pytest.raises(ValueError, match=words):
        kernels.of(Network(2, p.hidden_layers, 8, "relu", p))


def test_other_refusals():
    p = Parameterization.ntk(2)
    with pytest.raises(ValueError, match="network: step 0 has rates of its own"):
        kernels.of(Network(2, 2, 8, "relu", replace(p, first_c=(0, 0, 0))))
    moved = replace(p, a=(0.1, 0.4, 0.5), b=(0, 0, 0), c=(0, 0, 0))
    with pytest.raises(ValueError, match=r"network: its layer 1 scales like m\^\(-0.1\), and kernels are known for layers of order 1"):
        kernels.of(Network(2, 2, 8, "relu", moved))
    with pytest.raises(ValueError, match=r"initial: the kernels are those of Gaussian and orthogonal weights, .* got uniform"):
        kernels.of(Network(2, 2, 8, "relu", p, initial="uniform"))
    with pytest.raises(ValueError, match=r"initial: the kernels are those of .* got a law or arrays of your own"):
        kernels.of(Network(2, 2, 8, "linear", p, initial=lambda rng, rows, columns: rng.standard_normal((rows, columns))))
    with pytest.raises(ValueError, match="network: its weights have a mean"):
        kernels.of(Network(2, 2, 8, "relu", replace(p, mean=(1, 0, 0))))
    gaussian = kernels.of(Network(2, 2, 8, "linear", p))
    assert all(kernels.of(Network(2, 2, 8, "linear", p, initial=law)) == gaussian for law in ("uniform", "orthogonal"))
    with pytest.raises(TypeError, match="network: need a Network, got str"):
        kernels.of("relu")


def drawn_as_by_torch(width, d, rng):
    """W, b of three linear layers: uniform numbers between -1 and 1 over the root of the fan-in, biases too."""
    sizes = (d, width, width, 1)
    return [
        (rng.uniform(-1, 1, (rows, columns)) / columns**0.5, rng.uniform(-1, 1, rows) / columns**0.5) for columns, rows in pairwise(sizes)
    ]


def torch_kernels(layers, Z):
    """Covariance of the outputs given the features, and the tangent kernel of all weights and biases at a rate of 1 / width."""
    (W1, b1), (W2, b2), (W3, _) = layers
    m = len(b1)
    h1 = Z @ W1.T + b1
    x1 = np.maximum(h1, 0)
    h2 = x1 @ W2.T + b2
    x2 = np.maximum(h2, 0)
    g2 = (h2 > 0) * W3
    g1 = (h1 > 0) * (g2 @ W2)
    tangent = x2 @ x2.T + 1 + (g2 @ g2.T) * (x1 @ x1.T + 1) + (g1 @ g1.T) * (Z @ Z.T + 1)
    return (x2 @ x2.T + 1) / (3 * m), tangent / m


def test_torch_default_against_networks_drawn_as_torch_draws_them():
    """Uniform numbers and hidden biases of variance 1/(3 m): 40 networks of width 1024 and 60 inputs within 4 standard errors of the limit
    and of what biases and first layer leave of order 1/m. A quarter of the first layer's variance is that of its biases.

    To the covariance, the output bias leaves 1/3 and the hidden ones at most 1/18; to the tangent kernel, the rates of the two leave 1
    and at most 1/6, the variance of the hidden ones at most 1/6, and the first layer at most (|z|^2 + 1)/36 = 0.1."""
    rng, m = np.random.default_rng(5), 1024
    Z = 0.2 * rng.standard_normal((3, 60))
    found = np.array([torch_kernels(drawn_as_by_torch(m, 60, rng), Z) for _ in range(40)])
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(40)
    exact = kernels.of(Network(60, 2, 8, "relu", Parameterization.torch_default(2, 60)))(Z)
    for k, (least, most) in enumerate(((1 / 3, 7 / 18), (1.0, 1.44))):
        assert (mean[k] - exact[k] > least / m - 4 * error[k]).all() and (mean[k] - exact[k] < most / m + 4 * error[k]).all()
        assert ((most - least) / m + 8 * error[k] < 0.6 * exact[k]).all()


def test_uniform_numbers_stay_in_the_first_layer():
    """The excess kurtosis that the docstring states, by 400000 draws of a pre-activation in two dimensions."""
    x = np.array([1.0, -2.0])
    draws = np.random.default_rng(6).uniform(-1, 1, (400_000, 3)) @ [*x, 1.0] / 2**0.5
    stated = -6 / 5 * ((x**4).sum() + 1) / ((x**2).sum() + 1) ** 2
    fourth = draws**4 / np.mean(draws**2) ** 2
    assert abs(fourth.mean() - 3 - stated) < 4 * fourth.std() / 400_000**0.5
    assert np.mean(draws**2) == pytest.approx((x @ x + 1) / 6, rel=0.01)


@pytest.mark.parametrize("L", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_torch_default_networks_reach_their_limit(L):
    """Gap ~ m^{-1/2} from each network's own start; declared seeds 0..79."""
    Z = np.random.default_rng(7).standard_normal((6, 3))
    nets = [Network(3, L, m, "relu", Parameterization.torch_default(L, 3)) for m in (64, 192, 512)]
    result = iw.compare(networks=nets, X=Z, y=Z[:, 0], method=iw.GradientDescent(1.0, 10), seeds=80)
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) <= 2 * result.slope_error, str(result)
