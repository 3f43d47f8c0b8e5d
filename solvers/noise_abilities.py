"""Abilities that noise on the parameters asks for, like :mod:`.abilities`: other coordinates, other units, parameters in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np

from .problem import Evaluation, Problem

__all__ = ["CommonParameters", "NoiseUnits", "Noisy"]

Array = np.ndarray
Stir = Callable[[float, float, float, np.random.Generator], None]


@runtime_checkable
class Noisy(Problem, Protocol):
    """Knows what noise and weight decay on the network's parameters do to its own coordinates, which are other ones. ``added`` is where the
    state keeps the moments of what noise has added, directions that a loss has no curvature in (default: nowhere)."""

    added: slice = slice(0)

    def stir(self, state: Array, *, step: int = 1) -> tuple[Evaluation, Stir]:
        """Evaluation at ``state``, and ``update(h, temperature, decay, rng)``, which moves ``state`` in place as
        :class:`~infwidth.solvers.Langevin` moves the parameters in one step."""
        ...


@runtime_checkable
class NoiseUnits(Protocol):
    """May stand for networks whose parameters have other units than its own: alike under gradients, momentum and decay, not under noise.

    Attributes
    ----------
    takes_noise : bool
        Whether the units are its own.
    """

    takes_noise: bool


@runtime_checkable
class CommonParameters(Problem, Protocol):
    """Has parameters that networks of every width and their limit have in common, such as output biases: noise on them does not average
    out with the width.

    Attributes
    ----------
    common : slice, or ndarray of int
        Where the state has them, replica by replica.
    replicas : int
        How many systems the state has. They stand for one network, and one noise moves all.
    """

    common: slice | Array
    replicas: int
