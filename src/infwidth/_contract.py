"""Every method and every model, held against the contract by type checkers; nothing imports this file.

A class that lacks a member is no ``type[Method]``: mypy says so here even where nobody in the package makes one.
"""

from __future__ import annotations

from .limits.catapult import TwoLayerLinearNetwork
from .limits.densities import CircleMeanField, DensityMeanField, InteractionMeanField
from .limits.feature_learning import DeepLinearMuP, DynamicalMeanField
from .limits.integrable import DeepIntegrable, DeepLinearIntegrable
from .limits.isotropic import IsotropicNetwork, RadialMeanField
from .limits.kernels import NeuralTangentLimit
from .limits.networks import CalibratedNetwork, HybridNetwork, LinearizedNetwork, Network
from .limits.two_layer import InitCorrectedMeanField, InitCorrectedNetwork, PlaneLimit, TwoLayerMeanField
from .solvers.methods import GradientDescent, GradientFlow, HeavyBall, ImplicitTransport, Langevin, RMSProp, TransportFlow
from .solvers.model_abilities import FiniteModel, HasLimit, RandomStart
from .solvers.problem import Method, Model, Refining, Rescaled


def methods(*kinds: type[Method]) -> None: ...


def flows(*kinds: type[Refining]) -> None: ...


def rescaled(*kinds: type[Rescaled]) -> None: ...


def models(*kinds: type[Model]) -> None: ...


def networks(*kinds: type[FiniteModel]) -> None: ...


def networks_with_a_limit(*kinds: type[HasLimit]) -> None: ...


def random_limits(*kinds: type[RandomStart]) -> None: ...


methods(GradientDescent, HeavyBall, Langevin)
flows(GradientFlow, ImplicitTransport, TransportFlow)
rescaled(RMSProp)
models(DeepIntegrable, DeepLinearIntegrable, DeepLinearMuP, DynamicalMeanField, RadialMeanField, TwoLayerMeanField)
models(CircleMeanField, DensityMeanField, InteractionMeanField)
random_limits(InitCorrectedMeanField, NeuralTangentLimit, PlaneLimit)
networks(CalibratedNetwork, HybridNetwork, InitCorrectedNetwork, IsotropicNetwork, LinearizedNetwork, Network, TwoLayerLinearNetwork)
networks_with_a_limit(HybridNetwork, InitCorrectedNetwork, LinearizedNetwork, Network)
