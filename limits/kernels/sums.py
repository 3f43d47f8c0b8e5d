r"""Sums of networks and multiples of them, as ``k1 + k2`` and ``2.0 * k`` make them of kernels.

For f and g with weights of their own, :math:`K_{f+g} = K_f + K_g` and :math:`\Theta_{f+g} = \Theta_f + \Theta_g`, and
:math:`\sqrt c\, f` has :math:`c\, K` and :math:`c\, \Theta`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from ...solvers.checks import real, settle
from .combinators import FanInSum, FanOut, Parallel
from .kernel import Kernel
from .layers import one
from .tracing import Branch, Trace

__all__ = ["Multiple", "Sum", "added", "multiplied"]


@dataclass(frozen=True, repr=False)
class Sum(Kernel):
    """What ``+`` makes: networks side by side on the same inputs, their outputs added."""

    terms: tuple[Kernel, ...]

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms))

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        one(branches, self)
        for part in (FanOut(len(self.terms)), Parallel(self.terms), FanInSum()):
            branches = part.follow(trace, branches)
        return branches


@dataclass(frozen=True, repr=False)
class Multiple(Kernel):
    """What ``*`` makes: the values of a network times the root of a number, with which its kernels are multiplied."""

    factor: float
    kernel: Kernel

    def __repr__(self) -> str:
        return f"{self.factor!r} * {f'({self.kernel!r})' if isinstance(self.kernel, Sum) else repr(self.kernel)}"

    def __post_init__(self) -> None:
        settle(self, factor=real("factor", self.factor, above=0, way_out="kernels are multiplied by positive numbers"))

    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        branch, root = one(self.kernel.follow(trace, branches), self), math.sqrt(self.factor)
        return [replace(branch, std=root * branch.std, tangent=root * branch.tangent)]


def added(*kernels: Kernel) -> Sum:
    """The sum; terms of sums are terms of it."""
    return Sum(tuple(term for kernel in kernels for term in (kernel.terms if isinstance(kernel, Sum) else (kernel,))))


def multiplied(factor: float, kernel: Kernel) -> Multiple:
    """The multiple; factors of a multiple are gathered."""
    made = Multiple(factor, kernel)
    return Multiple(made.factor * kernel.factor, kernel.kernel) if isinstance(kernel, Multiple) else made
