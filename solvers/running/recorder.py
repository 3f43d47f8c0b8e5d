"""What a run keeps: the values at the saved points, in a form that a checkpoint can hold and take up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..abilities import WithError
from ..checks import integer, real
from ..problem import Evaluation, Method, Point, Snapshot

__all__ = ["Observable", "RecordFull", "Recorder", "check_save_at"]

Array = np.ndarray
Observable = Callable[[float, Any, Any], Any]


@runtime_checkable
class NeedsMemory(Protocol):
    """An observable that is given ``memory=`` too: what the method carries beside the state."""

    needs_memory: bool


LARGEST_RECORD = 256e6  # bytes


class RecordFull(ValueError):
    """Every step was to be kept, and that is too much."""


def check_save_at(save_at: Any, method: Method) -> list[float] | None:
    """Steps of a discrete method or times of a flow, sorted and without repetition; None: every step."""
    if save_at is None:
        return None
    values = np.atleast_1d(np.asarray(save_at)).ravel().tolist()
    if not values:
        raise ValueError("save_at: is empty; give at least one step or time, or None for every step")
    wanted: list[float]
    if method.discrete:
        steps = {integer("save_at", v, least=0, way_out="it counts steps of this method") for v in values}
        wanted = [*sorted(steps)]
        unit = "steps"
    else:
        wanted = sorted({real("save_at", v, least=0) for v in values})
        unit = "t_end"
    if wanted[-1] > method.end:
        raise ValueError(f"save_at: {wanted[-1]:g} lies beyond {unit}={method.end:g}; lower it or raise {unit}")
    return wanted


class Recorder:
    """Keeps time, step, loss, outputs, test outputs and observables at the points that are wanted.

    A point that was recorded before is passed over, so a checkpoint may be taken before or after its point is recorded.
    """

    def __init__(
        self,
        problem: Any,
        save_at: list[float] | None,
        *,
        discrete: bool,
        steps: int | None = None,
        X_test: Array | None = None,
        observables: Mapping[str, Observable] | None = None,
    ) -> None:
        self.problem = problem
        self.save_at = save_at
        self.discrete = discrete
        self.steps = steps
        self.X_test = X_test
        self.observables = observables or {}
        self.next = 0  # index into save_at
        self.rows: dict[str, list[Any]] = {name: [] for name in ("t", "step", "loss", "outputs", "batch_loss")}
        if X_test is not None:
            self.rows["test_outputs"] = []
        self.output_error = problem.output_error(X_test) if isinstance(problem, WithError) else None
        if self.output_error is not None:
            self.rows["error"] = []
        self.observed: dict[str, list[Any]] = {name: [] for name in self.observables}
        self.kept_bytes = 0

    def record(self, point: Point) -> None:
        """Keep this point if it is wanted, and the saved times of a flow that it stepped over."""
        if point.outputs is None and len(self.rows["batch_loss"]) <= point.step:
            self.rows["batch_loss"].append(point.loss)
        if self.save_at is None:
            if not self.rows["step"] or point.step > self.rows["step"][-1]:
                self._keep(point.t, point.step, point.state, point)
            return
        now = point.step if self.discrete else point.t
        while self.next < len(self.save_at) and self.save_at[self.next] <= now:
            wanted = self.save_at[self.next]
            if wanted == now:
                self._keep(point.t, point.step, point.state, point)
            elif point.at is not None:
                self._keep(wanted, point.step, point.at(wanted), None)
            else:
                raise RuntimeError(f"the method passed over the saved point {wanted:g}")
            self.next += 1

    def _keep(self, t: float, step: int, state: Any, point: Point | None) -> None:
        """Append one row. All of it is computed before any of it is kept: an error or an interrupt leaves whole rows."""
        if point is None or point.outputs is None:
            loss, outputs = self.problem.evaluate(state)
        else:
            loss, outputs = Evaluation(point.loss, point.outputs)
        row = {"t": t, "step": step, "loss": loss, "outputs": outputs}
        if self.X_test is not None:
            row["test_outputs"] = self.problem.predict(state, self.X_test)
        if self.output_error is not None:
            row["error"] = self.output_error(state)
        seen = {name: self._observe(name, observable, t, state, point) for name, observable in self.observables.items()}
        if self.save_at is None:
            self._guard(sum(value.nbytes for value in (*row.values(), *seen.values()) if isinstance(value, np.ndarray)))
        for name, value in row.items():
            self.rows[name].append(value)
        for name, value in seen.items():
            self.observed[name].append(value)

    def _observe(self, name: str, observable: Observable, t: float, state: Any, point: Point | None) -> Array:
        more: dict[str, Any] = {}
        if isinstance(observable, NeedsMemory) and observable.needs_memory:
            if point is None:
                raise ValueError(f"observables[{name!r}]: needs the memory of a discrete method such as HeavyBall; leave it out")
            more["memory"] = point.memory()
        try:
            value = np.array(observable(t, state, self.problem, **more))
        except ValueError as error:
            error.add_note(f"infwidth: in observables[{name!r}]")
            raise
        if value.dtype.hasobject:
            raise TypeError(f"observables[{name!r}]: must return numbers or an array of them, got {value.dtype} {value!r:.60}")
        if self.observed[name] and value.shape != self.observed[name][0].shape:
            first = self.observed[name][0].shape
            raise ValueError(f"observables[{name!r}]: returned shape {value.shape} after {first}; pad it to one shape")
        return value

    def _guard(self, row_bytes: int) -> None:
        """Refuse to fill the memory: before the first point where the number of steps is known, else when it happens."""
        self.kept_bytes += row_bytes
        total = self.kept_bytes if self.steps is None or self.rows["t"] else row_bytes * (self.steps + 1)
        if total > LARGEST_RECORD:
            raise RecordFull(
                f"save_at: keeping every step would take {total / 1e6:.0f} MB (limit {LARGEST_RECORD / 1e6:.0f} MB);"
                " give the steps or times to save"
            )

    @property
    def complete(self) -> bool:
        """Whether all saved points were met."""
        return self.save_at is not None and self.next == len(self.save_at)

    def arrays(self) -> dict[str, Any]:
        """The record as arrays: each of shape (T, ...)."""
        arrays = {name: np.array(values) for name, values in self.rows.items()}
        if not self.rows["t"] and self.problem.data is not None:
            arrays["outputs"] = np.zeros((0, self.problem.data.n, self.problem.data.outputs))
        return {**arrays, "observables": {name: np.array(values) for name, values in self.observed.items()}}

    def snapshot(self) -> Snapshot:
        return {"arrays": self.arrays(), "next": self.next}

    def restore(self, snapshot: Snapshot) -> None:
        arrays = dict(snapshot["arrays"])
        self.observed = {name: list(values) for name, values in arrays.pop("observables").items()}
        self.rows = {name: list(values) for name, values in arrays.items()}
        self.next = int(snapshot["next"])
