"""What joins layers to architectures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from ...solvers.checks import integer
from ...solvers.gram.program import Step
from .kernel import Kernel
from .layers import one
from .tracing import Branch, Trace, ratio

__all__ = ["FanInSum", "FanOut", "parallel", "serial"]


def serial(*layers: Kernel) -> Kernel:
    """Layers one after another.

    Parameters
    ----------
    *layers : Kernel

    Raises
    ------
    TypeError
        Where something is no layer.

    Examples
    --------
    A residual block, ``x + Dense(Relu(Dense(x)))``, twice:

    >>> from infwidth.limits.kernels import Dense, FanInSum, FanOut, Identity, Relu, parallel, serial
    >>> block = serial(FanOut(2), parallel(Identity(), serial(Dense(2**0.5), Relu(), Dense(2**0.5))), FanInSum())
    >>> k = serial(Dense(), block, block)
    >>> k.nngp([[1.0]])  # 1 + 2 times as much with every block
    array([[9.]])
    """
    parts = (layer.layers if isinstance(layer, Serial) else (layer,) for layer in _layers(layers))
    return Serial(tuple(chain.from_iterable(parts)))  # flat, however deep: networks are built by serial(network, layer) in loops


def parallel(*layers: Kernel) -> Kernel:
    """One layer for each branch, after ``FanOut(len(layers))``.

    Parameters
    ----------
    *layers : Kernel

    Raises
    ------
    TypeError
        Where something is no layer.

    Examples
    --------
    Two branches with weights of their own, whose sum has the sum of their variances:

    >>> from infwidth.limits.kernels import Dense, FanInSum, FanOut, parallel, serial
    >>> serial(FanOut(2), parallel(Dense(1.0), Dense(2.0)), FanInSum()).nngp([[1.0]])
    array([[5.]])
    """
    return Parallel(_layers(layers))


def _layers(layers: tuple[Kernel, ...]) -> tuple[Kernel, ...]:
    for i, layer in enumerate(layers):
        if not isinstance(layer, Kernel):
            hint = "; call it: Relu()" if callable(layer) else ""
            raise TypeError(f"layers[{i}]: need a layer, got {layer!r}{hint}")
    return layers


@dataclass(frozen=True, repr=False)
class Serial(Kernel):
    """What :func:`serial` makes."""

    layers: tuple[Kernel, ...]

    def __repr__(self) -> str:
        return f"serial({', '.join(map(repr, self.layers))})"

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        for layer in self.layers:
            branches = layer.follow(trace, branches)
        return branches


@dataclass(frozen=True, repr=False)
class Parallel(Kernel):
    """What :func:`parallel` makes."""

    layers: tuple[Kernel, ...]

    def __repr__(self) -> str:
        return f"parallel({', '.join(map(repr, self.layers))})"

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        if len(branches) != len(self.layers):
            raise ValueError(f"kernel: parallel of {len(self.layers)} layers got {len(branches)} branches; place FanOut before it")
        return [one(layer.follow(trace, [branch]), layer) for layer, branch in zip(self.layers, branches, strict=True)]


MOST_BRANCHES = 1000


@dataclass(frozen=True, repr=False)
class FanOut(Kernel):
    """The same values in ``number`` branches.

    Parameters
    ----------
    number : int

    Raises
    ------
    ValueError
        Where it is not a positive integer.
    """

    number: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", integer("number", self.number, least=1, most=MOST_BRANCHES))

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        branch = replace(one(branches, self), fresh=False)
        return [branch, *(trace.copy(branch) for _ in range(self.number - 1))]


@dataclass(frozen=True, repr=False)
class FanInSum(Kernel):
    r"""The sum of all branches: :math:`K \leftarrow \sum K`, :math:`\Theta \leftarrow \sum \Theta`.

    Branches must be uncorrelated: all of them, or all but one (the skip), must end in weights of their own.
    """

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        if sum(not branch.fresh for branch in branches[1:]) + (not branches[0].fresh) > 1:
            raise ValueError(
                "kernel: a sum of values that are correlated; let all of its terms, or all but one, end in a Dense layer of their own"
            )
        total = branches[0]
        for branch in branches[1:]:
            std, tangent = np.hypot(total.std, branch.std), np.hypot(total.tangent, branch.tangent)
            pairs = ((total.std, std), (branch.std, std), (total.tangent, tangent), (branch.tangent, tangent))
            trace.steps.append(Step("ADD", branch.register, total.register, np.stack([ratio(part, whole) for part, whole in pairs])))
            trace.free.append(branch.register)
            total = Branch(total.register, std, tangent, total.gaussian and branch.gaussian, total.fresh and branch.fresh)
        return [total]
