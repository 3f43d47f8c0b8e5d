"""Problems whose state is masses, none of which may become negative, moved by the potential of an energy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import Fused
from ...solvers.data import Data
from ...solvers.problem import Coordinates, Evaluation, MethodFailed

__all__ = ["MassProblem"]

Array = np.ndarray

ROUNDING = 1e-15  # of the total mass: what is less below 0, where a step empties a cell exactly, is set to 0


class MassProblem(Fused):
    """Problem whose state is masses; a subclass says what their potential is, and how it moves them.

    Parameters
    ----------
    start : ndarray
        Initial masses, of any shape: the state is flat.
    data : Data or None

    Attributes
    ----------
    flow : str
        A method that chooses its steps, for who took a step too long.
    instead_of_batches : str
        The way out.
    """

    coordinates: ClassVar[Coordinates] = "masses"
    threads = "block"  # one for BLAS: stiff steppers factorise small matrices, where threads cost far more than they give
    flow: ClassVar[str]
    instead_of_batches: ClassVar[str]

    def __init__(self, start: Array, data: Data | None) -> None:
        self.data = data
        self._start = start
        self._last: tuple[Array, Evaluation, Array] | None = None
        self._moved: tuple[Array, float] | None = None

    @abstractmethod
    def _energy_of(self, state: Array) -> tuple[float, Array, Array]:
        """Loss, outputs and potential."""

    @abstractmethod
    def _motion(self, state: Array, potential: Array) -> tuple[Array, float]:
        """Velocity, and the longest step of it that keeps every mass non-negative."""

    def start(self) -> Array:
        return self._start.ravel().copy()

    def potential(self, state: Array) -> tuple[Evaluation, Array]:
        """Evaluation, and the potential at the centres of cells; remembered, for one state is asked for more than once."""
        if self._last is None or not np.array_equal(self._last[0], state):
            loss, outputs, potential = self._energy_of(state)
            outputs, potential = outputs.view(), potential.view()
            for remembered in (outputs, potential):  # they are handed out below, and who writes into them would change the run
                remembered.setflags(write=False)
            self._last, self._moved = (state.copy(), Evaluation(loss, outputs), potential), None
        return self._last[1:]

    def motion(self, state: Array) -> tuple[Array, float]:
        """Velocity, and the longest step of it that keeps every mass non-negative; remembered too."""
        _, potential = self.potential(state)
        if self._moved is None:
            self._moved = self._motion(state, potential)
        return self._moved

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        if rows is not None:
            raise ValueError(f"batch_size: masses have no minibatches; {self.instead_of_batches}")
        evaluation, _ = self.potential(state)
        if velocity is not None:
            velocity[:] = self.motion(state)[0]
        return evaluation

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Callable[[float], None]]:
        """Evaluation, and a gradient step in place; one that makes a mass negative is refused."""
        evaluation = self.evaluate(state, step=step, rows=rows)
        velocity, longest = self.motion(state)

        def update(rate: float) -> None:
            new = state + rate * velocity
            if new.min() < -ROUNDING * state.sum():
                raise MethodFailed(
                    f"learning_rate: {rate:g} makes a mass negative at step {step}; there {longest:.3g} keeps all of them (CFL). "
                    f"Lower it, or use {self.flow}, which chooses its steps"
                )
            np.maximum(new, 0, out=state)

        return evaluation, update
