"""What a run keeps: the values at the saved points, in a form that a checkpoint can hold and take up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ..abilities import RandomLimit, WithError
from ..checks import integer, listed, real, shown
from ..files.stored import floats, integers
from ..machine.memory import refuse_above_available
from ..problem import Causal, Evaluation, Method, Point, Snapshot
from .column import Column
from .outlook import predict_by_parts

__all__ = ["NeedsMemory", "Observable", "RecordFull", "Recorder", "check_save_at"]

Array = np.ndarray
Observable = Callable[[float, Any, Any], Any]


@runtime_checkable
class NeedsMemory(Protocol):
    """An observable that is given ``memory=`` too: what the method carries beside the state."""

    needs_memory: bool


LARGEST_RECORD = 256e6  # bytes
ROUNDINGS = 1e-14  # of a time: 3 * 0.1 lies beyond 0.3, and is meant to be the end


class RecordFull(ValueError):
    """What was to be kept is too much."""


def check_save_at(save_at: Any, method: Method) -> list[float] | None:
    """Steps of a discrete method or times of a flow, sorted and without repetition; None: every step."""
    if save_at is None:
        return None
    if isinstance(save_at, str | bytes | dict | set | type | np.ma.MaskedArray):
        raise ValueError(f"save_at: need a sequence of steps or times, got {shown(save_at)}")
    values = (
        save_at.ravel().tolist() if isinstance(save_at, np.ndarray) else listed("save_at", save_at) if np.iterable(save_at) else [save_at]
    )
    if not values:
        raise ValueError("save_at: is empty; give at least one step or time, or None for every step")
    wanted: list[float]
    if method.discrete:
        steps = {integer("save_at", v, least=0, way_out="it counts steps of this method") for v in values}
        wanted = [*sorted(steps)]
        unit = "steps"
    else:
        times = (real("save_at", v, least=0) for v in values)
        wanted = sorted({method.end if method.end < t <= method.end * (1 + ROUNDINGS) else t for t in times})
        unit = "t_end"
    if wanted[-1] > method.end:
        raise ValueError(f"save_at: {wanted[-1]} lies beyond {unit}={method.end}; lower it or raise {unit}")
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
        rows = None if save_at is None and steps is None else self._expected()
        names = ["t", "step", "loss", "outputs"]
        if X_test is not None:
            names.append("test_outputs")
        self.output_error = problem.output_error(X_test) if isinstance(problem, WithError) else None
        if self.output_error is not None:
            names.append("error")
        self.output_covariance = problem.output_covariance(X_test) if isinstance(problem, RandomLimit) else None
        if self.output_covariance is not None:
            names += ["covariance", "covariance_error"]
        self.rows = {name: Column(rows) for name in names}
        self.batch_loss = Column(None if steps is None else steps + 1)
        self.observed = {name: Column(rows) for name in self.observables}
        self.kept_bytes = 0

    def _expected(self) -> int:
        """Number of rows: the end of a run that is stopped between saved points is one more."""
        return len(self.save_at) + 1 if self.save_at is not None else (self.steps or 0) + 1

    def record(self, point: Point) -> None:
        """Keep this point if it is wanted, and the saved times of a flow that it stepped over."""
        if point.outputs is None and len(self.batch_loss) <= point.step:
            if not len(self.batch_loss) and self.steps is not None:
                refuse_above_available("steps", f"the losses of {self.steps} batches", 8.0 * self.steps, "lower it, and go on from the end")
            self.batch_loss.reserve(point.loss)
            self.batch_loss.append(point.loss)
        if self.save_at is None:
            if not len(self.rows["step"]) or point.step > self.rows["step"].last:
                self._keep(point.t, point.step, point.state, point)
            return
        now = point.step if self.discrete else point.t
        while self.next < len(self.save_at) and self.save_at[self.next] <= now:
            wanted = self.save_at[self.next]
            if wanted == now:
                if point.at is not None and isinstance(point.state, Causal):
                    point.at(now)  # a saved time before it may have moved the history
                self._keep(point.t, point.step, point.state, point)
            elif point.at is not None:
                self._keep(wanted, point.step, point.at(wanted), None)
            else:
                raise RuntimeError(f"the method passed over the saved point {wanted:g}")
            self.next += 1
        if point.at is not None and isinstance(point.state, Causal):
            point.at(now)  # a history is live: whoever looks at it after this finds the point's own time

    def record_end(self, point: Point) -> None:
        """Keep the point where a run was stopped, wanted or not."""
        if not len(self.rows["t"]) or point.t > self.rows["t"].last:
            self._keep(point.t, point.step, point.state, point)

    def _keep(self, t: float, step: int, state: Any, point: Point | None) -> None:
        """Append one row. All of it is computed before any of it is kept: an error or an interrupt leaves whole rows."""
        if point is None or point.outputs is None:
            loss, outputs = self.problem.evaluate(state)
        else:
            loss, outputs = Evaluation(point.loss, point.outputs)
        row = {"t": t, "step": step, "loss": loss, "outputs": outputs}
        if self.X_test is not None:
            row["test_outputs"] = predict_by_parts(self.problem, state, self.X_test)
        if self.output_error is not None:
            row["error"] = self.output_error(state)
        if self.output_covariance is not None:
            row["covariance"], row["covariance_error"] = self.output_covariance(state)
        before = state.copy() if self.observables and isinstance(state, np.ndarray) else None
        seen = {name: self._observe(name, observable, t, state, before, point) for name, observable in self.observables.items()}
        self._guard(sum(value.nbytes for value in (*row.values(), *seen.values()) if isinstance(value, np.ndarray)))
        pairs = [(self.rows[name], value) for name, value in row.items()] + [(self.observed[name], value) for name, value in seen.items()]
        try:
            for column, value in pairs:
                column.reserve(value)
        except MemoryError as error:
            raise RecordFull(f"save_at: the record does not fit into memory ({error}); give fewer steps or times to save") from error
        for column, value in pairs:
            column.append(value)

    def _observe(self, name: str, observable: Observable, t: float, state: Any, before: Array | None, point: Point | None) -> Array:
        more: dict[str, Any] = {}
        if isinstance(observable, NeedsMemory) and observable.needs_memory:
            if point is None:
                raise ValueError(f"observables[{name!r}]: needs the memory of a discrete method such as HeavyBall; leave it out")
            more["memory"] = point.memory()
        try:
            found = observable(t, state, self.problem, **more)
            if isinstance(found, np.ma.MaskedArray):
                raise ValueError(f"observables[{name!r}]: returned a masked array; fill it in (.filled)")
            value = np.array(found)
        except (TypeError, ValueError) as error:
            error.add_note(f"infwidth: in observables[{name!r}]")
            raise
        if before is not None and not np.array_equal(state, before, equal_nan=True):
            state[...] = before
            raise ValueError(f"observables[{name!r}]: changed the state that it was given; work on a copy, state.copy()")
        if value.dtype.kind not in "biufc":
            raise TypeError(f"observables[{name!r}]: must return numbers or an array of them, got {value.dtype} {value!r:.60}")
        first = self.observed[name].shape
        if first is not None and value.shape != first:
            raise ValueError(f"observables[{name!r}]: returned shape {value.shape} after {first}; pad it to one shape")
        return value

    def _guard(self, row_bytes: int) -> None:
        """Refuse to fill the memory: before the first point where the number of steps is known, else when it happens."""
        if self.save_at is not None:
            if not len(self.rows["t"]):
                count = len(self.save_at)
                refuse_above_available("save_at", f"what {count} saved points keep", float(row_bytes) * count, "give fewer")
            return
        self.kept_bytes += row_bytes
        total = self.kept_bytes if self.steps is None or len(self.rows["t"]) else row_bytes * (self.steps + 1)
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
        whole = min(len(column) for column in (*self.rows.values(), *self.observed.values()))  # Ctrl-C may have cut the last row
        arrays: dict[str, Any] = {name: column.array()[:whole] for name, column in self.rows.items()}
        arrays["batch_loss"] = self.batch_loss.array()
        if not whole and self.problem.data is not None:
            arrays["outputs"] = np.zeros((0, self.problem.data.n, self.problem.data.outputs))
        return {**arrays, "observables": {name: column.array()[:whole] for name, column in self.observed.items()}}

    def snapshot(self) -> Snapshot:
        return {"arrays": self.arrays(), "next": self.next}

    def _check_rows(self, arrays: dict[str, Any], observed: dict[str, Any], rows: int) -> None:
        """ValueError where rows from a file cannot be those of such a run."""
        data = self.problem.data
        per_row: dict[str, tuple[int | None, ...]] = {"t": (), "loss": (), "error": (), "covariance_error": ()}
        per_row["outputs"] = (None, None) if data is None else (data.n, data.outputs)
        per_row["test_outputs"] = (0 if self.X_test is None else len(self.X_test), None if data is None else data.outputs)
        n, k = per_row["outputs"]
        points = None if n is None else n + (0 if self.X_test is None else len(self.X_test))
        per_row["covariance"] = (points, k, points, k)
        for name in set(arrays) - {"step"}:
            least = 0 if name in ("t", "error", "covariance_error") else -np.inf
            floats(f"{name} of its record", arrays[name], (rows, *per_row[name]), least=least)
        times, steps = arrays["t"], integers("step of its record", arrays["step"], (rows,))
        if (np.diff(times) <= 0).any() or (np.diff(steps) < (1 if self.save_at is None or self.discrete else 0)).any():
            raise ValueError("its times or steps go back")
        if self.save_at is not None and (steps if self.discrete else times).tolist() != self.save_at[:rows]:
            raise ValueError("its record is not at the points to be saved")
        for name, values in observed.items():
            if values.dtype.kind not in "biufc" or not values.dtype.isnative:
                raise ValueError(f"observables[{name!r}] of its record are {values.dtype}")

    def last_row(self) -> tuple[float, float, Array] | None:
        """Time, loss and outputs of what was recorded last; None before the first."""
        if not len(self.rows["t"]):
            return None
        return float(self.rows["t"].last), float(self.rows["loss"].last), self.rows["outputs"].last

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot; ValueError (or a KeyError, a TypeError) where it is not one of such a run."""
        arrays = dict(snapshot["arrays"])
        observed, batch_loss = arrays.pop("observables"), arrays.pop("batch_loss")
        if type(snapshot["next"]) is not int:
            raise ValueError("the number of saved points in its record is none")
        self.next = snapshot["next"]
        if set(arrays) != set(self.rows) or set(observed) != set(self.observed):
            raise ValueError("its record has other entries than this run")
        lengths = {len(values) for values in (*arrays.values(), *observed.values())}
        saved = 0 if self.save_at is None else len(self.save_at)
        if len(lengths) != 1 or not 0 <= self.next <= saved or (self.save_at is not None and lengths != {self.next}):
            raise ValueError("the parts of its record have unequal lengths")
        if lengths != {0}:
            self._check_rows(arrays, observed, *lengths)
        floats("batch_loss of its record", batch_loss, (None,), finite=False)
        self.batch_loss.take_over(batch_loss)
        for name, column in self.rows.items():
            column.take_over(arrays[name])
            self.kept_bytes += arrays[name].nbytes
        for name, column in self.observed.items():
            column.take_over(observed[name])
            self.kept_bytes += observed[name].nbytes
