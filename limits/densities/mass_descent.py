"""Gradient steps of a state of masses, none of which may become negative."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.problem import Evaluation, MethodFailed

__all__ = ["descend_masses"]

Array = np.ndarray

ROUNDING = 1e-15  # of the total mass: what is less below 0, where a step empties a cell exactly, is set to 0


def descend_masses(
    problem: Any, state: Array, step: int, rows: Any, longest: Callable[[Array], float], flow: str
) -> tuple[Evaluation, Callable[[float], None]]:
    """The ``descend`` of a problem: a step that makes a mass negative fails, naming the ``longest`` rate that is safe and a ``flow`` that
    chooses its steps."""
    velocity = np.empty_like(state)
    evaluation = problem.evaluate(state, velocity, step=step, rows=rows)

    def update(rate: float) -> None:
        new = state + rate * velocity
        if new.min() < -ROUNDING * state.sum():
            raise MethodFailed(
                f"learning_rate: {rate:g} makes a mass negative at step {step}; there {longest(state):.3g} keeps all of them (CFL). "
                f"Lower it, or use {flow}, which chooses its steps"
            )
        np.maximum(new, 0, out=state)

    return evaluation, update
