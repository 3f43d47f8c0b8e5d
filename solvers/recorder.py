"""What a run keeps: the values at the saved points, in a form that a checkpoint can hold and take up again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .checks import integer, real
from .problem import Evaluation, Point, Snapshot

__all__ = ["Observable", "RecordFull", "Recorder", "check_save_at"]

Array = np.ndarray
Observable = Callable[[float, Any, Any], Any]

LARGEST_RECORD = 256e6  # bytes


class RecordFull(ValueError):
    """Every step was to be kept, and that is too much."""


def check_save_at(save_at: Any, method: Any) -> list[float] | None:
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
        end, unit = method.steps, "steps"
    else:
        wanted = sorted({real("save_at", v, least=0) for v in values})
        end, unit = method.t_end, "t_end"
    if wanted[-1] > end:
        raise ValueError(f"save_at: {wanted[-1]:g} lies beyond {unit}={end:g}; lower it or raise {unit}")
    return wanted


class Recorder:
    """Keeps time, step, loss, outputs, test outputs and observables at the points that are wanted.

    A point that was recorded before is passed over, so a checkpoint may be taken before or after its point is recorded.
    """

    def __init__(
        self,
        problem: Any,
        save_at: list[float] | None,
        discrete: bool,
        steps: int | None,
        X_test: Array | None,
        observables: Mapping[str, Observable],
    ) -> None:
        self.problem = problem
        self.save_at = save_at
        self.discrete = discrete
        self.steps = steps
        self.X_test = X_test
        self.observables = observables
        self.next = 0  # index into save_at
        self.rows: dict[str, list[Any]] = {name: [] for name in ("t", "step", "loss", "outputs", "batch_loss")}
        if X_test is not None:
            self.rows["test_outputs"] = []
        self.output_error = getattr(problem, "output_error", None)
        if self.output_error is not None:
            self.rows["error"] = []
        self.observed: dict[str, list[Any]] = {name: [] for name in observables}
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
        if point is None or point.outputs is None:
            loss, outputs = self.problem.evaluate(state)
        else:
            loss, outputs = Evaluation(point.loss, point.outputs)
        rows = self.rows
        rows["t"].append(t)
        rows["step"].append(step)
        rows["loss"].append(loss)
        rows["outputs"].append(outputs)
        kept = outputs.nbytes
        if self.X_test is not None:
            rows["test_outputs"].append(self.problem.predict(state, self.X_test))
            kept += rows["test_outputs"][-1].nbytes
        if self.output_error is not None:
            rows["error"].append(self.output_error(state))
        for name, observable in self.observables.items():
            more = {}
            if getattr(observable, "needs_memory", False):
                if point is None:
                    raise ValueError(f"observables[{name!r}]: needs the memory of a discrete method such as HeavyBall; leave it out")
                more["memory"] = point.memory()
            self.observed[name].append(np.array(observable(t, state, self.problem, **more)))
            kept += self.observed[name][-1].nbytes
        if self.save_at is None:
            self._guard(kept)

    def _guard(self, kept: int) -> None:
        """Refuse to fill the memory: at the first point where the number of steps is known, else when it happens."""
        self.kept_bytes += kept
        first_of_many = len(self.rows["t"]) == 1 and self.steps is not None
        total = kept * (self.steps + 1) if first_of_many and self.steps is not None else self.kept_bytes
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
        return {**arrays, "observables": {name: np.array(values) for name, values in self.observed.items()}}

    def snapshot(self) -> Snapshot:
        return {"arrays": self.arrays(), "next": self.next}

    def restore(self, snapshot: Snapshot) -> None:
        arrays = dict(snapshot["arrays"])
        self.observed = {name: list(values) for name, values in arrays.pop("observables").items()}
        self.rows = {name: list(values) for name, values in arrays.items()}
        self.next = int(snapshot["next"])
