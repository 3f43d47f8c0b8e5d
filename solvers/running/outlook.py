"""How long a run will take: what it needs at least, before it begins, and at its own pace once it goes."""

from __future__ import annotations

import time
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..machine.work import Watch, least_seconds, refuse_above_patience
from ..problem import Causal, Method, Point, Problem

__all__ = ["Outlook", "predict_by_parts", "predict_in_time", "refuse_endless"]

Array = np.ndarray

PART = 4e9  # products of parameters with points that are predicted at once
LARGEST = 2**62  # points, where the state does not say what they cost
MANY = 100  # parts, whose time is measured on the first
FLOW = 10  # evaluations of a flow at least
WAY_OUT = "lower {}, or give a callback that stops it"


@runtime_checkable
class _Located(Protocol):
    """Says what its coordinates are, as a problem of the user need not for every method."""

    coordinates: Any


def refuse_endless(problem: Problem | Causal, method: Method, saved: list[float] | None, X_test: Array | None, stopped: bool) -> None:
    """ValueError where a run would not end in a month: by its number of steps, or since one of them takes so long.

    ``stopped`` where a callback may end it before.
    """
    steps = float(method.end) if method.discrete else FLOW
    if stopped:
        steps = min(steps, 1.0)
    by_step, by_row = _products(problem, method, X_test)
    rows = steps if saved is None else min(steps, len(saved))
    seconds = least_seconds(calls=steps, products=steps * by_step + rows * by_row)
    if method.discrete:
        refuse_above_patience("steps", f"{steps:.3g} steps", seconds, WAY_OUT.format("steps"))
    else:
        refuse_above_patience("X", f"the steps of a flow of {by_step:.3g} products each", seconds, "take fewer samples, or a smaller model")


def _products(problem: Problem | Causal, method: Method, X_test: Array | None) -> tuple[float, float]:
    """Of parameters with samples, each of which takes part in one at least: of a step, and of a row of the record beside it."""
    if isinstance(problem, Causal) or not isinstance(problem, _Located) or problem.coordinates not in ("parameters", "masses"):
        return 0.0, 0.0
    size, samples = float(problem.start().size), 0 if problem.data is None else problem.data.n
    tested = 0 if X_test is None else len(X_test)
    return (0.0 if method.draws else size * samples), size * tested


class Outlook:
    """Warns once where a run, at its pace of the last minute, needs more than a day to its end.

    Parameters
    ----------
    method : Method
    """

    def __init__(self, method: Method) -> None:
        end, unit = ("steps", "steps") if method.discrete else ("t_end", "time")
        way_out = f"lower {end}, or let it run: Ctrl-C returns what there is by then, and checkpoint= keeps it"
        self.discrete, self.watch = method.discrete, Watch(end, method.end, unit, way_out)

    def look(self, point: Point) -> None:
        """To be called with every point."""
        self.watch.look(float(point.step if self.discrete else point.t))


def predict_in_time(problem: Problem | Causal, state: Any, X: Array) -> Array:
    """Outputs at X (n', d). Where they are many, the time is measured on some first, and who would wait for hours is told."""
    rows = _rows(state)
    if len(X) > MANY * rows:
        problem.predict(state, X[:rows])  # which may compile
        began = time.perf_counter()
        problem.predict(state, X[:rows])
        seconds = (time.perf_counter() - began) * len(X) / rows
        refuse_above_patience("X", f"the outputs at {len(X):.3g} points", seconds, "predict some at a time, and keep what there is")
    return predict_by_parts(problem, state, X)


def predict_by_parts(problem: Problem | Causal, state: Any, X: Array) -> Array:
    """Outputs at X (n', d), some seconds of work at a time: Ctrl-C is not heard inside of a compiled call."""
    rows = _rows(state)
    if len(X) <= 2 * rows:
        return problem.predict(state, X)
    return np.concatenate([problem.predict(state, X[i : i + rows]) for i in range(0, len(X), rows)])


def _rows(state: Any) -> int:
    """Points that are some seconds of work at most."""
    return max(1, int(PART / max(state.size, 1))) if isinstance(state, np.ndarray) else LARGEST
