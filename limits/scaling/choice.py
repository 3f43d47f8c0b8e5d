"""From a finite network to the limit model that stands for it at infinite width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import activations
from ..activations import Activation
from ..networks.network import Network
from ..networks.parameterization import Parameterization
from .invariance import which
from .regimes import regime

if TYPE_CHECKING:
    from ..feature_learning.deep_linear import DeepLinearMuP
    from ..integrable.deep_linear import DeepLinearIntegrable
    from ..two_layer.mean_field import TwoLayerMeanField

__all__ = ["limit"]

Array = np.ndarray


def limit(network: Network, particles: int = 4096) -> DeepLinearIntegrable | DeepLinearMuP | TwoLayerMeanField:
    r"""The infinite-width limit of a finite network, ready to solve with the same data and the same method.

    The parameterization is recognised by its exponents, up to :math:`(a_l + \theta, b_l - \theta, c_l - 2\theta)`, not by its name.

    ================  ==============  ================================================
    parameterization  activation      limit
    ================  ==============  ================================================
    IP                linear          ``DeepLinearIntegrable(L, "naive")``
    IP-LLR            linear          ``DeepLinearIntegrable(L, "large_lr")``
    non-centered IP   linear          ``DeepLinearIntegrable(L, "non_centered")``
    µP                linear          ``DeepLinearMuP(L)``
    IP or µP, L = 1   any             ``TwoLayerMeanField(activation, particles)``
    ================  ==============  ================================================

    A linear network with one hidden layer has the exact limit where its weights have standard deviation 1, else the particle limit.

    Parameters
    ----------
    network : Network
        Its width does not matter.
    particles : int, default 4096
        Size of a particle limit, whose error falls like ``particles**-0.5``. The deep linear limits are exact.

    Raises
    ------
    ValueError
        Where the limit is known for weights of another law: the message says which.
    NotImplementedError
        Where there is no solver: the message says which regime the network is in, and why.

    Examples
    --------
    >>> from infwidth.limits import Network, Parameterization, scaling
    >>> scaling.limit(Network(3, 4, 256, "linear", Parameterization.integrable_large_lr(4)))
    DeepLinearIntegrable(hidden_layers=4, scheme='large_lr')
    >>> scaling.limit(Network(3, 4, 256, "relu", Parameterization.integrable(4)))
    Traceback (most recent call last):
    ...
    NotImplementedError: network: no solver is needed for IP with relu, 4 hidden layers. Its limit is trivial: f is of order m^(-2) ...
    """
    if not isinstance(network, Network):
        raise TypeError(
            f"network: need a Network, got {type(network).__name__}; the exponents alone are in scaling.regime(parameterization)"
        )
    p, L = network.parameterization, network.hidden_layers
    activation = activations.get(network.activation)
    kind = which(p)
    particles_needed = L == 1 and any(std != 1 for std in p.weight_std)  # the deep linear limits have weights of spread 1
    if p.bias_std is None and _is_identity(activation) and kind is not None and not particles_needed:
        return _deep_linear(p, L, kind)
    if L == 1 and kind is not None:
        return _two_layers(p, activation, kind, particles)
    raise NotImplementedError(_no_solver(p, activation))


def _deep_linear(p: Parameterization, L: int, kind: str) -> DeepLinearIntegrable | DeepLinearMuP:
    from ..feature_learning.deep_linear import DeepLinearMuP
    from ..integrable.deep_linear import DeepLinearIntegrable

    if any(std != 1 for std in p.weight_std):
        raise ValueError(
            f"weight_std: the deep linear limits have weights of standard deviation 1, got {p.weight_std}; use 1 in every layer"
            " (the inputs and the learning rate can take up a factor)"
        )
    return DeepLinearMuP(L) if kind == "mup" else DeepLinearIntegrable(L, kind)


@dataclass(frozen=True)
class _InitialLaw:
    """Independent Gaussian particles with the network's means and standard deviations."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, rng: np.random.Generator, N: int, D: int, k: int) -> tuple[Array, Array]:
        W, a = (m + s * rng.standard_normal((N, size)) for m, s, size in zip(self.mean, self.std, (D, k), strict=True))
        return W, a


def _two_layers(p: Parameterization, activation: Activation, kind: str, particles: int) -> TwoLayerMeanField:
    from ..two_layer.mean_field import TwoLayerMeanField

    if p.bias_std is not None:
        raise NotImplementedError(
            "parameterization: its output bias learns, and TwoLayerMeanField has none; leave the biases out, or add a constant input"
            " column, which acts as a hidden bias"
        )
    if any(p.mean):
        return TwoLayerMeanField(activation, particles, initial=_InitialLaw(p.mean, p.weight_std))
    return TwoLayerMeanField(activation, particles, weight_std=p.weight_std[0], output_std=p.weight_std[1])


def _is_identity(activation: Activation) -> bool:
    h = np.linspace(-5, 5, 41)
    return bool(np.array_equal(activation.value(h), h))


def _no_solver(p: Parameterization, activation: Activation) -> str:
    found = regime(p, activation)
    who = f"{p.name} with {activation.name}, {p.hidden_layers} hidden layers"
    if found.name == "trivial" and found.exponents.f[0] < 0:
        return f"network: no solver is needed for {who}. Its limit is trivial: {found.why}"
    why = {
        "unstable": "There is no limit",
        "trivial": "In the limit it stays the random function that it is at the start: a Gaussian process",
        "kernel": "In the limit it is linear in its parameters: training with a tangent kernel",
        "feature_learning": "It learns features, and no limit model of this library covers it yet",
    }[found.name]
    return f"network: no solver for {who}. {why}. {found.why}"
