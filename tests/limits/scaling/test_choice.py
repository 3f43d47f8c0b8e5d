"""The limit model of a network: recognised by exponents, refused with a reason, and right."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import (
    DeepIntegrable,
    DeepLinearIntegrable,
    DeepLinearMuP,
    DynamicalMeanField,
    Network,
    NeuralTangentLimit,
    Parameterization,
    activations,
    kernels,
    scaling,
)
from infwidth.limits.two_layer.mean_field import TwoLayerMeanField

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8]])
Y = np.array([1.0, -0.5, 0.7])


def network(parameterization, activation="linear", width=64):
    return Network(2, parameterization.hidden_layers, width, activation, parameterization)


def disguised(p, theta=0.5):
    """The same network in other words, under a name that misleads."""
    return replace(
        p,
        a=tuple(x + theta for x in p.a),
        b=tuple(x - theta for x in p.b),
        c=tuple(x - 2 * theta for x in p.c),
        first_c=None if p.first_c is None else tuple(x - 2 * theta for x in p.first_c),
        name="NTP",
    )


def limit_of(dress, limit):
    """Noise on the weights has the unit of b = 0, so that the limit of networks in other words refuses it."""
    return replace(limit, takes_noise=dress is not disguised)


@pytest.mark.parametrize("L", [2, 3, 5])
@pytest.mark.parametrize("dress", [lambda p: p, disguised])
def test_linear_networks(L, dress):
    P = Parameterization
    assert scaling.limit(network(dress(P.integrable(L)))) == limit_of(dress, DeepLinearIntegrable(L, "naive"))
    assert scaling.limit(network(dress(P.integrable_large_lr(L)))) == limit_of(dress, DeepLinearIntegrable(L, "large_lr"))
    assert scaling.limit(network(dress(P.integrable_non_centered(L)))) == limit_of(dress, DeepLinearIntegrable(L, "non_centered"))
    assert scaling.limit(network(dress(P.mup(L)))) == DeepLinearMuP(L)


def test_the_identity_by_any_name_is_linear():
    identity = activations.custom("identity", lambda h: 1.0 * h, np.ones_like)
    for activation in (identity, activations.leaky_relu(1.0), activations.hermite(1)):
        assert scaling.limit(network(Parameterization.mup(3), activation)) == DeepLinearMuP(3)


@pytest.mark.parametrize("kind", ["integrable", "integrable_large_lr", "mup"])
def test_one_hidden_layer(kind):
    p = getattr(Parameterization, kind)(1)  # one parameterization under three names
    found = scaling.limit(network(replace(p, weight_std=(1.5, 0.5)), "tanh"), particles=300)
    assert isinstance(found, TwoLayerMeanField)
    assert (found.activation, found.particles, found.weight_std, found.output_std) == (activations.get("tanh"), 300, 1.5, 0.5)
    assert scaling.limit(network(p)) == DeepLinearIntegrable(1, "naive")
    wide = scaling.limit(network(replace(p, weight_std=2.0)), particles=300)
    assert wide == DeepLinearMuP(1, weight_std=2.0)


def test_the_particles_start_like_the_weights():
    # Every mean and spread: the network's own limit is nearer than the others. (The deep linear limits are held against finite
    # networks where they are defined.)
    laws = [{"mean": (0, mean), "weight_std": (std, 1)} for mean in (0, 1) for std in (0.3, 2)]
    nets = [network(replace(Parameterization.integrable(1), **law), "tanh", width=8192) for law in laws]
    method = iw.GradientDescent(0.5, steps=10)
    limits = [iw.solve(scaling.limit(net, particles=100_000), X, Y, method, rng=0).outputs for net in nets]
    for i, net in enumerate(nets):
        mean = np.mean([iw.solve(net, X, Y, method, rng=seed).outputs for seed in range(4)], axis=0)
        gaps = [float(np.sqrt(np.mean((mean - limit) ** 2))) for limit in limits]
        assert gaps[i] < 0.3 * min(gaps[:i] + gaps[i + 1 :]), gaps


@pytest.mark.parametrize("stds", [2.0, (1.0, 0.5, 0.0)])
def test_mup_weights_of_another_spread(stds):
    p = replace(Parameterization.mup(2), weight_std=stds)
    assert scaling.limit(network(p)) == DeepLinearMuP(2, weight_std=stds)
    assert scaling.limit(network(p, "relu"), neurons=64) == DynamicalMeanField(2, "relu", 256, weight_std=stds)


SCHEMES = {"integrable": "naive", "integrable_large_lr": "large_lr", "integrable_bias": "bias", "integrable_non_centered": "non_centered"}


@pytest.mark.parametrize("dress", [lambda p: p, disguised])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu", "elu", "erf"])
@pytest.mark.parametrize("L", range(1, 6))
@pytest.mark.parametrize("preset", SCHEMES)
def test_every_integrable_network_has_its_limit(preset, L, activation, dress):
    p, scheme = getattr(Parameterization, preset)(L), SCHEMES[preset]
    found = scaling.limit(network(dress(p), activation), neurons=64)
    if activation == "linear" and scheme != "bias":
        assert found == limit_of(dress, DeepLinearIntegrable(L, "naive" if L == 1 and scheme == "large_lr" else scheme))
    elif L == 1:
        assert isinstance(found, TwoLayerMeanField)
        assert (found.bias, found.output_bias) == (scheme == "bias", scheme == "bias")
    else:
        assert found == limit_of(dress, DeepIntegrable(L, activation, 64, scheme))
        never = {"naive": L >= 3, "large_lr": L >= 5 and activation != "relu"}.get(scheme, False)
        assert (found.stationary is not None) == never


@pytest.mark.parametrize("dress", [lambda p: p, disguised])
@pytest.mark.parametrize("preset", ["standard", "ntk"])
def test_kernel_regimes_have_the_kernel_of_the_network(preset, dress):
    """Under any name and in any form, with biases, spreads and rates per layer too."""
    plain = getattr(Parameterization, preset)(2)
    for p in (plain, plain.with_biases(0.5), replace(plain, weight_std=(1.5, 0.5, 2.0), rates=(1, 0, 2))):
        net = network(dress(p), "tanh")
        assert scaling.limit(net) == NeuralTangentLimit(kernels.of(net), initial="gaussian")


def test_every_network_of_the_benchmark_has_a_limit():
    """7 parameterizations x 6 activations x 5 depths."""
    presets = ("standard", "ntk", "mup", *SCHEMES)
    nets = [
        network(getattr(Parameterization, preset)(L), activation)
        for L in range(1, 6)
        for preset in presets
        for activation in ("linear", "relu", "tanh", "gelu", "elu", "erf")
    ]
    found = [scaling.limit(net, particles=64, neurons=64) for net in nets]
    assert sum(isinstance(model, iw.solvers.problem.Model) for model in found) == len(nets) == 210
    assert sum(isinstance(model, NeuralTangentLimit) for model in found) == 60


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (replace(Parameterization.ntk(2), first_c=(0, 0, 0)), "step 0 has rates of its own"),
        (replace(Parameterization.ntk(2), a=(0.1, 0.4, 0.5)), "layer 1 scales like"),
    ],
)
def test_kernel_regimes_that_one_kernel_cannot_tell(p, words):
    with pytest.raises(ValueError, match=f"network: .*{words}"):
        scaling.limit(network(p, "relu"))


def test_spreads_are_handed_on():
    p = replace(Parameterization.integrable_bias(2), weight_std=(1.5, 0.5, 2.0), bias_std=(0.3, 0.7, 0.0))
    found = scaling.limit(network(p, "tanh"))
    assert (found.neurons, found.weight_std, found.bias_std) == (2048, (1.5, 0.5, 2.0), (0.3, 0.7))
    wide = scaling.limit(network(replace(Parameterization.integrable_large_lr(2), weight_std=2.0)))  # linear, of another spread
    assert wide == DeepIntegrable(2, "linear", 2048, "large_lr", weight_std=2.0)


@pytest.mark.parametrize(
    ("preset", "L", "activation"), [("integrable_bias", 1, "tanh"), ("integrable_bias", 1, "linear"), ("integrable_bias", 2, "linear")]
)
def test_limits_with_biases_are_those_of_networks(preset, L, activation):
    """Gap ~ m^{-1/2}, with spreads of their own for weights and biases; widths and seeds 0..47 fixed beforehand."""
    p = replace(getattr(Parameterization, preset)(L), weight_std=(0.7,) * L + (1.2,), bias_std=(0.5,) * L + (0.0,))
    networks = [network(p, activation, m) for m in (64, 128, 256, 512)]
    limit = scaling.limit(networks[0], particles=2**18, neurons=2**18)  # their own error is in the gap
    result = iw.compare(limit, networks, X, Y, iw.GradientDescent(0.3, 10), seeds=48)
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) <= 2 * result.slope_error, str(result)


@pytest.mark.parametrize(
    ("preset", "L", "activation", "std"),
    [
        ("integrable", 1, "relu", 0.0),
        # With biases of 0 the signs of a vanishing field choose the neurons that are on.
        pytest.param("integrable", 2, "relu", 0.0, marks=pytest.mark.slow),
        pytest.param("integrable_non_centered", 3, "tanh", 0.5, marks=pytest.mark.slow),
    ],
)
def test_limits_of_other_schemes_with_biases_are_those_of_networks(preset, L, activation, std):
    """Gap ~ m^{-1/2}; widths and seeds 0..95 fixed beforehand."""
    p = replace(getattr(Parameterization, preset)(L).with_biases(std), weight_std=(0.7,) * L + (1.2,))
    networks = [network(p, activation, m) for m in (64, 128, 256, 512)]
    limit = replace(scaling.limit(networks[0], particles=2**16, neurons=2**14), replicas=8)
    result = iw.compare(limit, networks, X, Y, iw.GradientDescent(0.3, 10), seeds=96)
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) <= 2 * result.slope_error, str(result)


@pytest.mark.parametrize("std", [0.0, 0.7])
def test_biases_of_any_spread_are_handed_on(std):
    for L in (2, 3):
        for preset, scheme in (("integrable", "naive"), ("integrable_non_centered", "non_centered")):
            found = scaling.limit(network(getattr(Parameterization, preset)(L).with_biases(std), "tanh"))
            assert found == DeepIntegrable(L, "tanh", 2048, scheme, bias_std=std)
    for preset in ("integrable", "mup", "integrable_non_centered"):
        found = scaling.limit(network(getattr(Parameterization, preset)(1).with_biases(std), "relu"))
        assert isinstance(found, TwoLayerMeanField) and found.bias and found.output_bias
    with pytest.raises(ValueError, match=r"bias_std\[2\]: with relu, which has a kink at 0, no limit is known for biases that start at 0"):
        scaling.limit(network(Parameterization.integrable(3).with_biases(0.0), "relu"))


@pytest.mark.parametrize(
    ("p", "activation", "reason"),
    [
        (Parameterization.integrable_large_lr(3), "sigmoid", "no solver for IP-LLR with sigmoid"),
        (Parameterization.mup(2).with_biases(), "relu", "learns features"),
        (Parameterization.standard(2, c=0), "relu", "There is no limit. h.2 grows"),
        (Parameterization.standard(2, c=2), "relu", "stays the random function"),
        (replace(Parameterization.integrable(1), c=(-1.0, -0.5)), "relu", "learns features"),
    ],
)
def test_networks_without_a_solver_say_why(p, activation, reason):
    with pytest.raises(NotImplementedError, match=reason):
        scaling.limit(network(p, activation))


def test_something_else_than_a_network():
    with pytest.raises(TypeError, match="network: need a Network, got Parameterization"):
        scaling.limit(Parameterization.mup(2))


def test_scales_and_rates_of_layers():
    p = replace(Parameterization.mup(2), weight_std=(1, 0.5, 0), rates=(1, 2, 0.5))
    assert scaling.limit(network(p)) == DeepLinearMuP(2, weight_std=(1, 0.5, 0), rates=(1, 2, 0.5))
    found = scaling.limit(network(p, "tanh"))
    assert (found.weight_std, found.rates) == ((1, 0.5, 0), (1, 2, 0.5))
    assert scaling.limit(network(replace(Parameterization.integrable(1), rates=(1, 3)))) == DeepLinearMuP(1, rates=(1, 3))
    for unequal in (replace(Parameterization.integrable(1), rates=(1, 3)), replace(Parameterization.integrable(2), rates=(1, 1, 3))):
        with pytest.raises(NotImplementedError, match="rates: this limit is solved for layers of equal learning rates, got the factors"):
            scaling.limit(network(unequal, "tanh"))
