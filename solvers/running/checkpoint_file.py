"""The checkpoint of one run."""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

import numpy as np

from .. import checkpoint
from ..checks import integer, real
from ..files.replacing import check_writable, remove_leftovers
from ..files.stored import finite_parts, floats
from ..problem import Causal, Method, Point, Problem, Snapshot
from .fingerprint import fingerprint
from .recorder import Recorder

__all__ = ["CheckpointFile"]

SAME = 1e-3  # of losses and outputs computed twice; another state gives quite others
WAY_OUT = "delete it to start anew, or give another path"


class CheckpointFile:
    """The checkpoint of one run: whose it is, when it is due, what is in it.

    A run goes on from it where nothing has changed, or where only the end has: more ``steps``, a later ``t_end``, and more to save
    after the old end.
    """

    def __init__(self, path: str | os.PathLike[str], seconds: float, method: Method, rng: Any) -> None:
        if rng is None:
            raise ValueError("rng: a run that can be resumed needs a seed; give rng an integer")
        if not method.resumable:
            raise ValueError(f"checkpoint: {method!r} cannot be resumed to the same bits; use an explicit stepper such as RK45")
        self.path, self.seconds, self.method = check_writable("checkpoint", path), seconds, method
        self.last = time.monotonic()
        self.save_at: list[float] | None = None
        self.prints: dict[str, str] = {}
        self.end: dict[str, Any] = {}  # what the file of a finished run holds

    def identify(self, save_at: list[float] | None, **parts: Any) -> None:
        """Say what decides the run; ``save_at`` and the end of the method may grow."""
        self.save_at = save_at
        self.prints = {name: fingerprint(part, name) for name, part in {"method": _but_for_the_end(self.method), **parts}.items()}

    def load(self, problem: Problem | Causal, recorder: Recorder) -> dict[str, Any] | None:
        """What the file holds, with the record already handed over; None where there is none. ``finished`` is false where the end has
        moved on since."""
        remove_leftovers(self.path.parent)
        try:
            stored = checkpoint.read(self.path, "checkpoint", name="checkpoint", way_out=WAY_OUT)
        except FileNotFoundError:
            return None
        try:
            self._check_owner(stored)
            recorder.restore(stored["record"])
            self._check_content(stored, problem, recorder)
        except _AnotherRun as error:
            raise ValueError(f"checkpoint: {str(self.path)!r} {error}") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"checkpoint: {str(self.path)!r} is damaged ({what:.120}); {WAY_OUT}") from error
        if stored["finished"] and self.method.end > stored["end"]:
            stored["finished"] = False
        return stored

    def _check_owner(self, stored: dict[str, Any]) -> None:
        prints, end, unit = stored["prints"], real("its end", stored["end"]), "steps" if self.method.discrete else "t_end"
        common = min(end, self.method.end)
        other = [name for name, digest in self.prints.items() if prints.get(name) != digest]
        if _upto(common, self.save_at) != _upto(common, stored["save_at"]):
            other.append("save_at")
        if other:
            fresh = "; observables that remember what they have seen begin anew: make them again" if "observables" in other else ""
            raise _AnotherRun(f"belongs to a run with another {', '.join(other)}{fresh}; give another path or delete the file")
        reached = stored["resume"]["step" if self.method.discrete else "t"]
        if reached > self.method.end or (stored["finished"] and end > self.method.end):
            raise _AnotherRun(
                f"belongs to a run with {unit}={end:g} that has come to {reached:g}; give {unit}={end:g} or more, or another path"
            )

    def _check_content(self, stored: dict[str, Any], problem: Problem | Causal, recorder: Recorder) -> None:
        resume = stored["resume"]
        resume["step"], resume["t"] = integer("its step", resume["step"], least=0), real("its time", resume["t"], least=0)
        if type(stored["finished"]) is not bool or not (type(stored["ceiling"]) is float and stored["ceiling"] > 0):
            raise ValueError("its entries finished or ceiling mean nothing")
        steps, times = (stored["record"]["arrays"][name] for name in ("step", "t"))
        if len(steps) and (steps[-1] > resume["step"] or (self.save_at is None and steps[-1] != resume["step"])):
            raise ValueError("its record and its step contradict each other")
        after, before = resume["t"] * (1 + 1e-12), -np.inf if self.save_at is not None else resume["t"] * (1 - 1e-12)
        if len(times) and not before <= times[-1] <= after:
            raise ValueError("its record and its time contradict each other")
        if stored.get("error") is not None:
            floats("its error estimate", stored["error"], (len(times),), least=0)
        if isinstance(problem, Causal):
            if not isinstance(resume["history"], dict) or (stored["finished"] and not isinstance(stored["history"], dict)):
                raise ValueError("its history is none")
            finite_parts("its history", (resume["history"], stored.get("history")))
            return
        start = problem.start()
        if not isinstance(resume["state"], np.ndarray) or resume["state"].dtype != start.dtype or not resume["state"].dtype.isnative:
            raise ValueError(f"its state is not one of {start.shape[0]} numbers of {start.dtype}")
        state = floats("its state", resume["state"], start.shape)
        if stored["finished"]:
            loss, outputs = problem.evaluate(state)
            self.check_against_record(recorder, Point(resume["step"], resume["t"], state, loss, outputs, dict))

    def check_against_record(self, recorder: Recorder, point: Point) -> None:
        """ValueError where a point has another loss or other outputs than were recorded at its time."""
        last = recorder.last_row()
        if last is None or last[0] != point.t or point.outputs is None:
            return
        for recorded, found in ((last[1], point.loss), (last[2], point.outputs)):
            difference, scale = np.abs(np.asarray(found) - recorded), np.abs(recorded)
            if np.shape(found) != np.shape(recorded) or not difference.max(initial=0.0) <= SAME * (1 + scale.max(initial=0.0)):
                raise ValueError("its state gives another loss or other outputs than its record has")

    def damaged(self, error: Exception) -> ValueError:
        """For the method that cannot go on from what the file holds."""
        return ValueError(f"checkpoint: {str(self.path)!r} cannot be resumed ({error!s:.120}); {WAY_OUT}")

    def due(self) -> bool:
        return time.monotonic() - self.last >= self.seconds

    def save(self, recorder: Recorder, point: Point, ceiling: float) -> None:
        """Write what going on from this point takes."""
        self._write(recorder.snapshot(), _resume(point), ceiling, finished=False)

    def finish(self, recorder: Recorder, problem: Any, point: Point, ceiling: float) -> None:
        """Write the end of a run, from which a longer one could go on."""
        end = {"history": problem.history()} if isinstance(problem, Causal) else {}  # the last time included
        self._write(recorder.snapshot(), _resume(point), ceiling, finished=True, **end)

    def keep_error(self, error: np.ndarray) -> None:
        """Add the error estimate to the file of a finished run."""
        checkpoint.write(self.path, {**self.end, "error": error})

    def _write(self, record: Snapshot, resume: Snapshot, ceiling: float, finished: bool, **end: Snapshot) -> None:
        self.last = time.monotonic()  # also of a failed attempt
        content = {
            "kind": "checkpoint",
            "prints": self.prints,
            "end": self.method.end,
            "save_at": self.save_at,
            "finished": finished,
            "ceiling": float(ceiling),
            "record": record,
            "resume": resume,
            **end,
        }
        if finished:
            self.end = content
        checkpoint.write(self.path, content)
        self.last = time.monotonic()


class _AnotherRun(Exception):
    """The file is whole, but not of this run."""


def _resume(point: Point) -> Snapshot:
    resume = {"step": point.step, "t": point.t, **point.memory()}
    if not isinstance(point.state, Causal):
        resume["state"] = point.state
    return resume


def _upto(end: float, save_at: list[float] | None) -> list[float] | None:
    return None if save_at is None else [wanted for wanted in save_at if wanted <= end]


def _but_for_the_end(method: Method) -> Any:
    """What decides a method's steps, wherever it ends."""
    if not dataclasses.is_dataclass(method):
        return method
    end = "steps" if method.discrete else "t_end"
    return type(method), {field.name: getattr(method, field.name) for field in dataclasses.fields(method) if field.name != end}
