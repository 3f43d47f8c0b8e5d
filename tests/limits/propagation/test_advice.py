"""Advice: known verdicts on known initialisations, and that following it helps."""

import math
from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import propagation


def network(activation, hidden_layers=30, parameterization="ntk"):
    return iw.Network(4, hidden_layers, 64, activation, getattr(iw.Parameterization, parameterization)(hidden_layers))


@pytest.mark.parametrize(
    ("activation", "initial", "phase"),
    [
        ("relu", "he", "critical"),
        ("relu", "pytorch", "ordered"),
        ("tanh", "he", "chaotic"),
        ("relu", "lecun", "vanishing"),
        ("tanh", "lecun", "critical"),
        ("abs", "he", "diverging"),
    ],
)
def test_verdicts(activation, initial, phase):
    found = propagation.advise(network(activation), initial)
    assert found.phase == phase
    assert str(found).startswith(f"{phase}: ")
    assert initial in found.text


def test_the_numbers_are_those_of_the_maps():
    found = propagation.advise(network("tanh"), "pytorch")
    maps = propagation.MeanFieldMaps("tanh", found.weight_variance, found.bias_variance)
    assert found.weight_variance == pytest.approx(1 / 3)
    assert found.trainable_depth == maps.depth_scales().trainable
    assert found.gradient_scale == pytest.approx(maps.gradients(1.0, 29)[-1])
    better = propagation.MeanFieldMaps("tanh", found.better_weight_variance, found.better_bias_variance)
    assert abs(math.log(better.gradients(1.0, 29)[-1])) < 0.2 * abs(math.log(found.gradient_scale))


def test_the_weights_of_the_network_are_read_off():
    for name in ("ntk", "mup", "standard"):
        p = getattr(iw.Parameterization, name)(3)
        std = (1.0, 1.2, 1.2, 1.0)
        net = iw.Network(4, 3, 64, "tanh", replace(p, weight_std=std))
        assert propagation.advise(net).weight_variance == pytest.approx(1.44)


def test_integrable_networks_are_beyond_advice():
    with pytest.raises(ValueError, match="network: its hidden layers have weights that shrink with the width"):
        propagation.advise(network("relu", parameterization="integrable"))
    with pytest.raises(ValueError, match="network: its hidden layers have weights of non-zero mean"):
        propagation.advise(network("relu", parameterization="integrable_non_centered"))
    with pytest.raises(TypeError, match="network: need a Network"):
        propagation.advise("relu")


def test_initializers():
    rng = np.random.default_rng(0)
    uniform = rng.uniform(-1, 1, 10**6) / math.sqrt(300)
    weight, bias = propagation.initialization("pytorch", 300, 50)
    assert weight == pytest.approx(300 * uniform.var(), rel=0.01)
    assert bias == pytest.approx(uniform.var(), rel=0.01)
    assert propagation.initialization("glorot", 100, 300) == (0.5, 0.0) == propagation.initialization("keras", 100, 300)
    with pytest.raises(ValueError, match="name: 'xavier' is not one of pytorch, keras"):
        propagation.initialization("xavier", 1, 1)


@pytest.mark.parametrize("initial", ["pytorch", "he", "lecun"])
@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu", "silu", "elu", "erf", "sin", "sigmoid"])
def test_following_the_advice_helps(activation, initial):
    """Variances stay finite, and gradients that vanished or exploded by more than 10,000 times do so by much less."""
    found = propagation.advise(network(activation), initial)
    better = propagation.MeanFieldMaps(activation, found.better_weight_variance, found.better_bias_variance)
    assert 1e-3 < better.variances(1.0, 30)[-1] < 1e3
    if abs(math.log(found.gradient_scale)) > math.log(1e4):
        assert abs(math.log(better.gradients(1.0, 29)[-1])) < 0.5 * abs(math.log(found.gradient_scale))


def test_one_hidden_layer():
    found = propagation.advise(network("tanh", hidden_layers=1), "pytorch")
    assert found.gradient_scale == 1
    np.testing.assert_array_equal(propagation.MeanFieldMaps("tanh", 1.5, 0.1).gradients(1.0, 0), [1.0])


def test_hidden_layers_that_differ_are_not_one_map():
    p = iw.Parameterization.ntk(3).with_biases(0.3)
    net = iw.Network(4, 3, 64, "tanh", replace(p, bias_std=(1.0, 0.5, 0.5, 0.0), weight_std=(2.0, 1.2, 1.2, 0.1)))
    found = propagation.advise(net)  # the first layer and the output do not count
    assert (found.weight_variance, found.bias_variance) == (pytest.approx(1.44), 0.25)
    for name, value in (("bias_std", (0.5, 0.5, 0.1, 0.0)), ("weight_std", (1.0, 1.2, 0.3, 1.0))):
        with pytest.raises(ValueError, match="network: its hidden layers have initial weights or biases of different sizes"):
            propagation.advise(iw.Network(4, 3, 64, "tanh", replace(p, **{name: value})))


@pytest.mark.parametrize(
    ("activation", "weight", "bias", "slow"), [("softplus", 2.0, 0.0, True), ("relu", 2.0, 0.1, True), ("relu", 2.1, 0.0, False)]
)
def test_how_variances_diverge(activation, weight, bias, slow):
    p = iw.Parameterization.ntk(5)
    p = replace(p.with_biases(), weight_std=weight**0.5, bias_std=bias**0.5) if bias else replace(p, weight_std=weight**0.5)
    found = propagation.advise(iw.Network(4, 5, 64, activation, p))
    assert found.phase == "diverging"
    assert ("like a power of the depth" in found.text) is slow
