"""What only some models can do: networks that know their limit, limits that start at random; like :mod:`.abilities` of problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .problem import Model

__all__ = ["FiniteModel", "HasLimit", "RandomStart"]

Array = np.ndarray


@runtime_checkable
class FiniteModel(Model, Protocol):
    """A network of finite width, whose limit is that of growing width.

    Attributes
    ----------
    width : int or tuple of int
    """

    @property
    def width(self) -> Any: ...


@runtime_checkable
class HasLimit(Protocol):
    """A finite model that knows the limit model that stands for it at infinite width."""

    def limit(self) -> Model:
        """The limit, ready to solve; NotImplementedError where there is none."""
        ...


@runtime_checkable
class RandomStart(Model, Protocol):
    """A limit whose outputs at the start may be random: those of a finite network at its start are one draw of them.

    Attributes
    ----------
    random_start : bool
        Whether they are.
    """

    @property
    def random_start(self) -> bool: ...

    def started_at(self, start: Callable[[Array], Array]) -> Model:
        """The limit from a start that is known: a function of inputs (n, d) to outputs (n, k)."""
        ...
