"""A run from a state that is given, in place of the model's own start."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..abilities import has_first_step
from ..checks import vector
from ..problem import Causal, Problem

__all__ = ["begin_at"]

LONGER = "to go on with a run, give it a checkpoint, and then more steps or a later t_end"


def begin_at(problem: Problem | Causal, start: Any) -> None:
    """Let the problem start at a state of the shape of its own.

    Raises
    ------
    TypeError, ValueError
        Where ``start`` is no state of this problem, or its state alone does not decide how it goes on: a history, a first step that is
        like no other, masses whose error is estimated on a coarser grid.
    """
    if isinstance(problem, Causal):
        raise ValueError(f"start: this limit follows its whole history, of which the end is not enough; {LONGER}")
    if problem.coordinates == "masses":
        raise ValueError(
            f"start: a density starts from a function, which is asked on two grids for the error; give the model one, or {LONGER}"
        )
    if has_first_step(problem):
        raise ValueError(f"start: this model begins with one large step, which would be taken again; {LONGER}")
    own = problem.start()
    largest = float(np.finfo(own.dtype).max)
    state = vector("start", start, length=len(own), least=-largest, most=largest).astype(own.dtype)
    problem.start = lambda: state.copy()  # type: ignore[method-assign]
