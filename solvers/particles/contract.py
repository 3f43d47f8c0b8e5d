"""What an engine offers, and what it must know of an activation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

__all__ = ["Elementwise", "Engine"]

Array = np.ndarray


class Elementwise(Protocol):
    """An activation, as engines see it: :class:`infwidth.limits.Activation` is one."""

    @property
    def name(self) -> str:
        """Two of the same name are the same function."""

    @property
    def value(self) -> Callable[[Array], Array]: ...

    @property
    def derivative(self) -> Callable[[Array], Array]: ...

    @property
    def homogeneity(self) -> float | None:
        """``p`` where the function is positively p-homogeneous."""


class Engine(Protocol):
    r"""Outputs of particles, and their moves; the formulas are those of :mod:`.reference`.

    ``memo`` carries what the forward pass can save the backward pass, and is good for one :meth:`move`. It depends on W and
    the inputs alone: those that weigh their particles call :meth:`outputs` with other ``a`` than :meth:`move`.
    """

    def prepare(self, X: Array) -> Any:
        """Inputs ``X`` (n, D) in the form that this engine works on."""

    def outputs(self, W: Array, a: Array, inputs: Any, keep: bool = True) -> tuple[Array, Any]:
        """Sums F, shape (n, k), over particles W (N, D), a (N, k) at prepared ``inputs``, and with ``keep`` a memo for :meth:`move`."""

    def move(self, W: Array, a: Array, inputs: Any, r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any) -> None:
        """Write ``rate`` times the velocities to ``out = (W, a)``, or add them to it; ``out`` may be the particles themselves.

        ``inputs`` are prepared, ``r`` (n, k) the residuals, ``memo`` that of :meth:`outputs`.
        """
