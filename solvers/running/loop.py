"""The loop of one solve: follow the points of a method, record them, and stop when there is a reason to."""

from __future__ import annotations

import contextlib
import math
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..abilities import Batched, Population, Retractable, WithError, WithRemark
from ..checks import shown
from ..problem import Causal, Method, MethodFailed, Point, Problem
from ..solution import Solution
from .checkpoint_file import CheckpointFile
from .interrupt import DeferredInterrupt
from .outlook import Outlook
from .recorder import Recorder, RecordFull
from .stability import divergence_ceiling, sharpness

__all__ = ["Run"]

FORGED = (ArithmeticError, LookupError, TypeError, ValueError, AttributeError)  # what comes of entries that nobody wrote


def _true(answer: Any) -> bool:
    """Whether a callback says to stop."""
    try:
        return bool(answer)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"callback: must return something true or false, gave {shown(answer)}; for an array take .any() or .all()"
        ) from error


class Run:
    """State of one solve while it goes."""

    def __init__(
        self,
        problem: Problem | Causal,
        method: Method,
        recorder: Recorder,
        file: CheckpointFile | None,
        callback: Callable[[Point], Any] | None,
    ) -> None:
        self.problem, self.method, self.recorder, self.file, self.callback = problem, method, recorder, file, callback
        self.point: Point | None = None
        self.state: Any = None
        self.steps = 0
        self.ceiling: float | None = None
        self.success, self.message = True, "finished"
        self.stopped = self.interrupted = False
        self.between_steps = False  # whether the state is whole
        self.stored_error: np.ndarray | None = None
        self.unwritten = ""
        self.outlook = Outlook(method)
        self.began = time.perf_counter()

    def go(self, rng: np.random.Generator, bar: Any, interrupt: DeferredInterrupt) -> None:
        """Follow the run to its end, or to where it stops. What it has computed by then is in :meth:`solution`, and in the attribute of
        that name of any error."""
        try:
            stored = None if self.file is None else self.file.load(self.problem, self.recorder)
            if stored is not None and stored["finished"]:
                self._take_over(stored)
                return
            if stored is not None:
                self.ceiling = stored["ceiling"]
            with interrupt.breakable():
                self._follow(self._points(rng, None if stored is None else stored["resume"]), interrupt, bar)
            if self.file is not None and self.point is not None and self.ceiling is not None and not self.stopped:
                self._write(partial(self.file.finish, self.recorder, self.problem, self.point, self.ceiling))
        except KeyboardInterrupt:
            self._interrupted()
        except (MethodFailed, RecordFull) as error:
            if self.point is None:
                raise
            self._stop(str(error))
            self._record_end()
        except BaseException as error:
            if self.point is not None:
                self._stop(f"an error came after step {self.steps}: {type(error).__name__}: {error}")
                if self.between_steps:
                    with contextlib.suppress(Exception):  # what raised may do so again
                        self._record_end()
                else:
                    self.state = None
                error.solution = self.solution()  # type: ignore[attr-defined]
                error.add_note(f"infwidth: what was computed until step {self.steps} is in the attribute `solution` of this error")
            raise

    def _take_over(self, stored: dict[str, Any]) -> None:
        """The end of a finished run."""
        self.steps = stored["resume"]["step"]
        self.stored_error = stored.get("error")
        if isinstance(self.problem, Causal):
            assert self.file is not None
            try:
                self.problem.restore(stored["history"])
                if isinstance(self.problem, Batched | Retractable):
                    now, end = self.problem.evaluate(self.problem), stored["resume"]
                    self.file.check_against_record(self.recorder, Point(end["step"], end["t"], self.problem, now.loss, now.outputs, dict))
            except FORGED as error:
                raise self.file.damaged(error) from error
            self.state = self.problem
        else:
            self.state = stored["resume"]["state"]

    def _points(self, rng: np.random.Generator, resume: dict[str, Any] | None) -> Iterator[Point]:
        trajectory = self.method.trajectory(self.problem, rng, resume)
        if resume is not None and self.file is not None:
            for _ in range(2):  # its point again, and the step from there, which sees all that was in the file
                try:
                    point = next(trajectory)
                    self.file.check_against_record(self.recorder, point)
                except StopIteration:
                    return
                except FORGED as error:
                    raise self.file.damaged(error) from error
                yield point
        yield from trajectory

    def _stop(self, message: str, success: bool = False, interrupted: bool = False) -> None:
        self.stopped, self.success, self.message, self.interrupted = True, success, message, interrupted

    def _follow(self, points: Iterator[Point], interrupt: DeferredInterrupt, bar: Any) -> None:
        record, file, callback = self.recorder.record, self.file, self.callback
        for point in points:
            if self.ceiling is None:
                self.ceiling = divergence_ceiling(point.loss)
            if not point.loss < self.ceiling:
                self._diverged(point)
                return
            record(point)
            self.point, self.state, self.steps, self.between_steps = point, point.state, point.step, True
            if bar is not None:
                bar(point)
            self.outlook.look(point)
            if interrupt.requested:
                self._stop(f"interrupted by Ctrl-C at step {point.step}", interrupted=True)
            elif callback is not None and _true(callback(point)):
                self._stop(f"stopped by the callback at step {point.step}", success=True)
            if file is not None and (self.stopped or file.due()):
                self._write(partial(file.save, self.recorder, point, self.ceiling))
            if self.stopped:
                self._record_end()  # after the checkpoint: the run that goes on from it does not keep this point
                return
            self.between_steps = False

    def _interrupted(self) -> None:
        """Ctrl-C where nobody waited for the end of a step. Where it came between two, as inside of a callback, nothing is lost."""
        if self.point is None or self.ceiling is None or not self.between_steps:
            self.state = None
            self._stop(f"interrupted inside the step after step {self.steps}: the record is whole, there is no state", interrupted=True)
            return
        self._stop(f"interrupted by Ctrl-C at step {self.steps}", interrupted=True)
        if self.file is not None:
            self._write(partial(self.file.save, self.recorder, self.point, self.ceiling))
        self._record_end()

    def _record_end(self) -> None:
        if self.state is not None and self.point is not None:
            self.recorder.record_end(self.point)

    def _write(self, write: Callable[[], None]) -> None:
        """A run goes on, and keeps its result, where its checkpoint finds no place."""
        try:
            write()
        except (OSError, MemoryError) as error:
            known, self.unwritten = self.unwritten, f"{type(error).__name__}: {error}"
            if not known:
                warnings.warn(f"checkpoint: cannot be written ({self.unwritten}); the run goes on without", RuntimeWarning, stacklevel=6)
        else:
            self.unwritten = ""

    def keep_error(self, error: np.ndarray) -> None:
        """Add the error estimate to the checkpoint of the finished run."""
        if self.file is not None and self.file.end and not self.unwritten:
            self._write(partial(self.file.keep_error, error))

    def _diverged(self, point: Point) -> None:
        if point.state is self.state:  # moved in place: the last good one is gone
            self.state = None
        what = f"loss = {point.loss:g}" if math.isfinite(point.loss) else "the loss is not finite"
        if self.point is None:
            way_out = "this is the start, so rescale X, y or the initial weights"
        else:
            way_out = self.method.gentler(None if isinstance(self.problem, Causal | Population) else partial(sharpness, self.problem))
        self._stop(f"diverged at step {point.step} (t = {point.t:g}): {what}; {way_out}")
        self._record_end()

    def solution(self) -> Solution:
        """What was computed until now."""
        arrays = self.recorder.arrays()
        batch_loss = arrays.pop("batch_loss")
        stats: dict[str, Any] = {
            "steps": self.steps,
            "seconds": time.perf_counter() - self.began,
            "interrupted": self.interrupted,
        }
        if batch_loss.size:
            stats["batch_loss"] = batch_loss
        remark = self.problem.remark(self.state) if self.state is not None and isinstance(self.problem, WithRemark) else ""
        given = batch_loss.size and arrays.get("error") is not None and isinstance(self.problem, WithError)
        parts = (
            self.message,
            "sol.error is given the batches that were drawn: their noise is not in it" if given else "",
            remark,
            f"the checkpoint could not be written ({self.unwritten})" if self.unwritten else "",
        )
        message = "; ".join(filter(None, parts))
        return Solution(**arrays, state=self.state, success=self.success, message=message, stats=stats, problem=self.problem)
