"""From a finite network to the limit model that stands for it at infinite width."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ...solvers.checks import integer, shown
from ...solvers.noise_abilities import NoiseUnits
from .. import activations
from ..activations import Activation
from ..networks.initial_weights import entries
from ..networks.network import Network
from ..networks.parameterization import Parameterization
from .invariance import which
from .regimes import regime

if TYPE_CHECKING:
    from ..feature_learning.deep_linear import DeepLinearMuP
    from ..feature_learning.dynamical import DynamicalMeanField
    from ..integrable.deep_linear import DeepLinearIntegrable
    from ..integrable.nonlinear import DeepIntegrable
    from ..kernels.tangent_limit import NeuralTangentLimit
    from ..two_layer.mean_field import TwoLayerMeanField

__all__ = ["limit"]

Array = np.ndarray


def limit(
    network: Network, particles: int = 4096, neurons: int = 2048
) -> DeepLinearIntegrable | DeepLinearMuP | TwoLayerMeanField | DeepIntegrable | DynamicalMeanField | NeuralTangentLimit:
    r"""The infinite-width limit of a finite network, ready to solve with the same data and the same method.

    A method of which it is no limit refuses it, naming what to take.

    The parameterization is recognised by its exponents, up to :math:`(a_l + \theta, b_l - \theta, c_l - 2\theta)`, not by its name.
    (The noise of ``Langevin`` has the unit of the parameters, which :math:`\theta` changes: the limits of networks whose :math:`b_l` are
    not 0 refuse it.)

    IP and non-centered IP may have hidden biases, which start with any spread, and an output bias, which starts at 0
    (``Parameterization.with_biases``).

    ==========================  ==============  ======================================================================================
    parameterization            activation      limit
    ==========================  ==============  ======================================================================================
    IP                          linear          ``DeepLinearIntegrable(L, "naive")``
    IP-LLR                      linear          ``DeepLinearIntegrable(L, "large_lr")``
    non-centered IP             linear          ``DeepLinearIntegrable(L, "non_centered")``
    µP                          linear          ``DeepLinearMuP(L)``
    IP or µP or IP-bias, L = 1  any             ``TwoLayerMeanField(activation, particles)``
    IP                          any             ``DeepIntegrable(L, activation, neurons, "naive")``, f = 0 from L = 3 on
    IP-LLR                      any             ``DeepIntegrable(L, activation, neurons, "large_lr")``, f = 0 from L = 5 on but for relu
    IP-bias                     any             ``DeepIntegrable(L, activation, neurons, "bias")``
    non-centered IP             any             ``DeepIntegrable(L, activation, neurons, "non_centered")``
    µP                          any             ``DynamicalMeanField(L, activation, 4 * neurons)``
    NTP, SP, kernel regime      any             ``NeuralTangentLimit(kernels.of(network), initial="gaussian")``
    ==========================  ==============  ======================================================================================

    In the kernel regime :math:`f_0` is random, a Gaussian process: a solve draws it (by ``rng``, test points too),
    :func:`infwidth.limits.kernels.ensemble` has the mean and the covariance of :math:`f_t` over all draws, and ``limit.started_at(f_0)``
    starts where one network starts, which is what :func:`infwidth.compare` does. SP is in that regime at a rate
    :math:`\propto 1/m`, its default: the base rate :math:`\eta` is that of the method, and a network of width m trains at
    :math:`\eta/m`, as NTP does at :math:`\eta`.

    Small (or large) initialisation is in the standard deviations of the parameterization, and the limit has them: ``weight_std`` scales the
    initial law of particles and neurons, the kernels, and the layers of ``DeepLinearMuP``, where the richness ``gamma`` is
    ``weight_std=(1, .., 1, 1/gamma)`` with ``rates=(gamma**2, .., gamma**2, 1)``.

    Initial weights other than Gaussian ones have the same limit where :class:`~infwidth.limits.Network` says so, and hidden layers of
    different widths in the kernel regime or where there is but one. Output weights that are frozen by ``rates=(1, 0)`` give particles with
    ``train_output=False``.

    Linear µP networks, and all linear ones of one hidden layer, may have any standard deviations and rates. Other exact linear limits have
    standard deviation 1 and no biases; with others a linear network has the limit of any activation. Rates that differ between layers are
    for µP alone.

    Parameters
    ----------
    network : Network
        Its width does not matter.
    particles, neurons : int
        Size of a limit by particles, and neurons per layer of a deep one: its error falls like that to the power -1/2. The exact limits
        need neither.

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
    DeepLinearIntegrable(hidden_layers=4, scheme='large_lr', takes_noise=True)
    >>> type(scaling.limit(Network(3, 4, 256, "relu", Parameterization.ntk(4)))).__name__
    'NeuralTangentLimit'
    >>> scaling.limit(Network(3, 4, 256, "relu", Parameterization.integrable(4))).stationary
    "f = 0 for all time: from three hidden layers on naive IP starts at a stationary point; ..."
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: need a Network, got {shown(network)}; the exponents alone are in scaling.regime(parameterization)")
    found = _limit(network, particles, neurons)
    other_units = any(network.parameterization.b) and isinstance(found, NoiseUnits)
    return replace(found, takes_noise=False) if other_units else found


def _limit(network: Network, particles: int, neurons: int) -> Any:
    particles = integer("particles", particles, least=1)
    p, L = network.parameterization, network.hidden_layers
    activation = activations.get(network.activation)
    kind = which(p)
    if kind is not None:
        _refuse_other_starts(network, activation)
    if kind is None:
        if regime(p, activation).name != "kernel":
            raise NotImplementedError(_no_solver(p, activation))
        from ..kernels import NeuralTangentLimit, of

        return NeuralTangentLimit(of(network), initial="gaussian")
    linear, unit = p.bias_std is None and _is_identity(activation), all(number == 1 for number in p.weight_std + p.rates)
    if linear and not any(p.mean) and (kind == "mup" or (L == 1 and not unit)):  # naive IP and µP are the same there
        from ..feature_learning.deep_linear import DeepLinearMuP

        return DeepLinearMuP(L, weight_std=p.weight_std, rates=p.rates)
    if L == 1 and p.rates == (1.0, 0.0):
        return _two_layers(network, activation, particles)
    if any(q != 1 for q in p.rates) and kind != "mup":
        raise NotImplementedError(
            f"rates: this limit is solved for layers of equal learning rates, got the factors {p.rates}; use 1 in every layer"
        )
    if linear and unit:
        from ..integrable.deep_linear import DeepLinearIntegrable

        return DeepLinearIntegrable(L, kind)
    if L == 1:
        return _two_layers(network, activation, particles)
    if kind == "mup" and p.bias_std is None and not any(p.mean):
        from ..feature_learning.dynamical import DynamicalMeanField

        return DynamicalMeanField(L, network.activation, 4 * neurons, weight_std=p.weight_std, rates=p.rates)
    if kind == "mup" or (kind == "large_lr" and not _vanishes_with_a_slope(activation)):
        raise NotImplementedError(_no_solver(p, activation))
    from ..integrable.nonlinear import DeepIntegrable

    bias_std = None if p.bias_std is None else p.bias_std[:L]
    return DeepIntegrable(L, network.activation, neurons, kind, weight_std=p.weight_std, bias_std=bias_std)


@dataclass(frozen=True)
class _InitialLaw:
    """Independent particles with the network's means and standard deviations."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    bias_std: float | None = None  # of the last column of W, where that is a bias
    law: str = "gaussian"

    def __call__(self, rng: np.random.Generator, N: int, D: int, k: int) -> tuple[Array, Array]:
        W, a = (m + s * entries(self.law, rng, (N, size)) for m, s, size in zip(self.mean, self.std, (D, k), strict=True))
        if self.bias_std is not None:
            W[:, -1] = self.bias_std * rng.standard_normal(N)
        return W, a


def _refuse_other_starts(network: Network, activation: Activation) -> None:
    """Refuse widths and initial weights of which no limit beyond the kernel regime is known."""
    one, initial = network.hidden_layers == 1, network.initial
    if isinstance(network.width, tuple):
        raise NotImplementedError(
            f"width: beyond the kernel regime the limit depends on the ratios of the widths {network.width}, and is solved for equal ones; "
            "give one width"
        )
    if initial == "gaussian" or (initial == "uniform" and (one or _is_identity(activation))) or (initial == "orthogonal" and one):
        return
    if isinstance(initial, str):
        why = {
            "uniform": "its first pre-activations are not Gaussian, as the limit's are; take 'gaussian'",
            "orthogonal": "products of two middle matrices differ from those of Gaussian ones; take 'gaussian', or one hidden layer",
            "balanced": "its weights keep the rank of the data at every width; take 'gaussian'",
        }[initial]
        raise NotImplementedError(f"initial: no limit is known for {initial!r} weights of this network: {why}")
    raise NotImplementedError(
        "initial: a function or arrays do not tell their law at infinite width; with one hidden layer give it to "
        "TwoLayerMeanField(initial=...), otherwise take a law by name"
    )


def _two_layers(network: Network, activation: Activation, particles: int) -> TwoLayerMeanField:
    from ..two_layer.mean_field import TwoLayerMeanField

    p, trained = network.parameterization, network.parameterization.rates[1] > 0
    law = "uniform" if network.initial == "uniform" else "gaussian"
    if p.bias_std is not None:
        start = _InitialLaw(p.mean, p.weight_std, p.bias_std[0], law)
        return TwoLayerMeanField(activation, particles, bias=True, initial=start, output_bias=trained, train_output=trained)
    if any(p.mean) or law != "gaussian":
        return TwoLayerMeanField(activation, particles, initial=_InitialLaw(p.mean, p.weight_std, law=law), train_output=trained)
    std, output_std = p.weight_std
    return TwoLayerMeanField(activation, particles, weight_std=std, output_std=output_std, train_output=trained)


def _vanishes_with_a_slope(activation: Activation) -> bool:
    from ..integrable.germ import Germ

    return activation.at_zero()[0] == 0 and Germ.of(activation) != (0, 0)


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
        "feature_learning": "It learns features, and no limit model of this library covers it yet",
    }[found.name]
    return f"network: no solver for {who}. {why}. {found.why}"
