"""Linear layers, and those that only rescale."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from ...solvers.checks import choice, real
from .kernel import Kernel
from .tracing import Branch, Trace, ratio

__all__ = ["Dense", "Dropout", "Identity", "LayerNorm", "Linear"]

Array = np.ndarray


def one(branches: list[Branch], layer: Kernel) -> Branch:
    """The only branch."""
    if len(branches) != 1:
        raise ValueError(f"kernel: {layer!r} takes one branch and got {len(branches)}; join them by FanInSum(), or use parallel(...)")
    return branches[0]


@dataclass(frozen=True, repr=False)
class Linear(Kernel):
    r"""A dense layer with the learning rates of its weights and biases told apart.

    .. math::
        K \leftarrow \sigma_w^2 K + \sigma_b^2, \qquad \Theta \leftarrow r_w K + r_b + \beta^2\, \Theta

    Parameters
    ----------
    weight_std, bias_std : float
        :math:`\sigma_w, \sigma_b`.
    weight_rate, bias_rate : float
        :math:`r_w, r_b`: what a unit of learning rate moves the output by.
    backward_std : float, optional
        :math:`\beta`, the weights that the gradient passes; :math:`\sigma_w` by default. They differ where the output starts at 0, but
        moves.

    Raises
    ------
    ValueError
        Where a number is negative or not finite.

    Examples
    --------
    Training the last layer alone, its tangent kernel is the covariance of the features:

    >>> from infwidth.limits import kernels
    >>> features = kernels.serial(kernels.Linear(1.0, 0.0, 0.0, 0.0), kernels.Relu())
    >>> k = kernels.serial(features, kernels.Linear(1.0, 0.0, 1.0, 0.0))
    >>> X = np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> bool(np.allclose(k.ntk(X), features.nngp(X)))
    True
    """

    weight_std: float
    bias_std: float
    weight_rate: float
    bias_rate: float
    backward_std: float | None = None

    def __post_init__(self) -> None:
        for name in ("weight_std", "bias_std", "weight_rate", "bias_rate"):
            real(name, getattr(self, name), least=0)
        if self.backward_std is not None:
            real("backward_std", self.backward_std, least=0)

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        branch = one(branches, self)
        back = self.weight_std if self.backward_std is None else self.backward_std
        return [_linear(trace, branch, self.weight_std, self.bias_std, self.weight_rate, self.bias_rate, back)]


@dataclass(frozen=True, repr=False)
class Dense(Kernel):
    r"""Fully connected layer.

    Under the NTK parameterization, :math:`h = \sigma_w W x/\sqrt{n} + \sigma_b b` with all parameters N(0, 1),

    .. math:: K \leftarrow \sigma_w^2 K + \sigma_b^2, \qquad \Theta \leftarrow (\sigma_w^2 K + \sigma_b^2) + \sigma_w^2 \Theta .

    Under the standard one, :math:`W \sim N(0, \sigma_w^2/n)`, :math:`b \sim N(0, \sigma_b^2)`, K is the same, but a rate moves the weights
    of a layer by its fan-in n more: :math:`\Theta \leftarrow n K + 1 + \sigma_w^2\Theta` (no 1 without biases). For the limit at a rate
    1/n, in which the first layer does not take part, see :func:`of`.

    Parameters
    ----------
    W_std : float, default 1
        :math:`\sigma_w`.
    b_std : float, optional
        :math:`\sigma_b`; no biases by default.
    parameterization : {"ntk", "standard"}
    fan_in : float, optional
        n under the standard parameterization: the width below. By default the number of columns of the inputs, for the first layer.

    Raises
    ------
    ValueError
        Where a number is negative, or a fan-in is missing.

    References
    ----------
    .. [sohldickstein2020] Sohl-Dickstein, Novak, Schoenholz and Lee, arXiv:2001.07301.

    Examples
    --------
    >>> from infwidth.limits import kernels
    >>> k = kernels.Dense(W_std=2.0, b_std=1.0)
    >>> k([[1.0, 0.0]], [[1.0, 1.0]])  # K^0 = 1/2
    Kernels(nngp=array([[3.]]), ntk=array([[3.]]))
    >>> kernels.Dense(2.0, 1.0, "standard").ntk([[1.0, 0.0]], [[1.0, 1.0]])  # fan-in 2
    array([[2.]])
    """

    W_std: float = 1.0
    b_std: float | None = None
    parameterization: str = "ntk"
    fan_in: float | None = None

    def __post_init__(self) -> None:
        real("W_std", self.W_std, least=0)
        if self.b_std is not None:
            real("b_std", self.b_std, least=0)
        choice("parameterization", self.parameterization, ("ntk", "standard"))
        if self.fan_in is not None:
            if self.parameterization == "ntk":
                raise ValueError("fan_in: has no meaning under the NTK parameterization; leave it out, or take 'standard'")
            real("fan_in", self.fan_in, above=0)

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        branch = one(branches, self)
        w, b = self.W_std, self.b_std or 0.0
        if self.parameterization == "ntk":
            return [_linear(trace, branch, w, b, w * w, b * b, w)]
        fan_in = self.fan_in or branch.dim
        if fan_in is None:
            raise ValueError("fan_in: a dense layer under the standard parameterization needs the width below it; give fan_in=...")
        return [_linear(trace, branch, w, b, float(fan_in), float(self.b_std is not None), w)]


def _linear(trace: Trace, branch: Branch, w: float, b: float, weight_rate: float, bias_rate: float, back: float) -> Branch:
    rate, shift = math.sqrt(weight_rate), math.sqrt(bias_rate)
    std = np.hypot(w * branch.std, b)
    tangent = np.hypot(np.hypot(rate * branch.std, shift), back * branch.tangent)
    factors = [
        ratio(w * branch.std, std),
        ratio(np.full_like(std, b), std),
        ratio(rate * branch.std, tangent),
        ratio(np.full_like(std, shift), tangent),
        ratio(back * branch.tangent, tangent),
    ]
    if not b:
        factors[0] = np.ones_like(std)  # the cosine stays, also where the variance is 0
    trace.step("LINEAR", branch, np.stack(factors))
    return Branch(branch.register, std, tangent, gaussian=True, fresh=True)


@dataclass(frozen=True, repr=False)
class Identity(Kernel):
    """Passes everything: the skip of a residual block."""

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        return [one(branches, self)]


@dataclass(frozen=True, repr=False)
class LayerNorm(Kernel):
    r"""Normalises the layer: :math:`K_{ij} \leftarrow K_{ij} / \sqrt{(K_{ii}+\epsilon)(K_{jj}+\epsilon)}`, and :math:`\Theta` likewise.

    Only pre-activations, whose mean over the layer is 0, can be normalised by their variance alone: place it after a dense layer.

    Parameters
    ----------
    eps : float, default 1e-12
        :math:`\epsilon`.

    Raises
    ------
    ValueError
        Where ``eps`` is negative.

    Examples
    --------
    >>> from infwidth.limits import kernels
    >>> k = kernels.serial(kernels.Dense(), kernels.LayerNorm())
    >>> k.nngp([[3.0, 0.0], [1.0, 1.0]])
    array([[1.        , 0.70710678],
           [0.70710678, 1.        ]])
    """

    eps: float = 1e-12

    def __post_init__(self) -> None:
        real("eps", self.eps, least=0)

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        branch = one(branches, self)
        if not branch.gaussian:
            raise ValueError("kernel: LayerNorm needs centred values, those of a dense layer (or a sum of such); place it after Dense(...)")
        size = np.hypot(branch.std, math.sqrt(self.eps))
        return [replace(branch, std=ratio(branch.std, size), tangent=ratio(branch.tangent, size))]


@dataclass(frozen=True, repr=False)
class Dropout(Kernel):
    """Keeps every neuron with probability ``rate`` and divides by it, with masks of its own for every point: training mode.

    The variance of a point grows by 1 / rate, and the covariance of two points stays: equal points that are two rows have two masks. In
    test mode there is no dropout: leave the layer out.

    Parameters
    ----------
    rate : float
        Probability to keep a neuron (as in neural-tangents; other libraries name the probability to drop it), 0 < rate <= 1.

    Raises
    ------
    ValueError
        Where ``rate`` is not in (0, 1].

    Examples
    --------
    >>> from infwidth.limits import kernels
    >>> k = kernels.serial(kernels.Dense(), kernels.Relu(), kernels.Dropout(0.5))
    >>> k.nngp([[1.0], [1.0]])
    array([[1. , 0.5],
           [0.5, 1. ]])
    """

    rate: float

    def __post_init__(self) -> None:
        if real("rate", self.rate, above=0) > 1:
            raise ValueError(f"rate: is the probability to keep a neuron, at most 1, got {self.rate!r}")

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        branch = one(branches, self)
        root, zero = np.full_like(branch.std, math.sqrt(self.rate)), np.zeros_like(branch.std)
        trace.step("LINEAR", branch, np.stack([root, zero, zero, zero, root]), 1 - self.rate)
        return [replace(branch, std=branch.std / root, tangent=branch.tangent / root, gaussian=False)]
