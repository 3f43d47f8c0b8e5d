"""Which models are networks of finite width, and which limits start at random."""

import numpy as np

import infwidth as iw
from infwidth.limits import IsotropicNetwork, kernels
from infwidth.solvers.model_abilities import FiniteModel, HasLimit, RandomStart

MUP = iw.Network(2, 1, 4, "relu", iw.Parameterization.mup(1))


def test_finite_models_are_those_with_a_width():
    assert isinstance(MUP, FiniteModel)
    assert isinstance(IsotropicNetwork(10, 0.5, 4), FiniteModel)
    assert not isinstance(iw.DeepLinearIntegrable(2), FiniteModel) and not isinstance(iw.TwoLayerMeanField("relu", 4), FiniteModel)


def test_networks_know_their_limit_and_kernel_limits_start_at_random():
    assert isinstance(MUP, HasLimit) and isinstance(MUP.limit(), iw.TwoLayerMeanField)
    assert not isinstance(iw.TwoLayerMeanField("relu", 4), HasLimit | RandomStart)
    lazy = iw.NeuralTangentLimit(kernels.of(iw.Network(2, 1, 4, "relu", iw.Parameterization.ntk(1))), initial="gaussian")
    assert isinstance(lazy, RandomStart) and lazy.random_start
    started = lazy.started_at(lambda X: np.zeros((len(X), 1)))
    assert not started.random_start
