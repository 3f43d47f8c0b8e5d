"""The loop of one solve: follow the points of a method, record them, and stop when there is a reason to."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from ..problem import Causal, Method, MethodFailed, Point, Problem
from ..solution import Solution
from .checkpoint_file import CheckpointFile
from .interrupt import DeferredInterrupt
from .recorder import Recorder, RecordFull
from .stability import divergence_ceiling, sharpness

__all__ = ["Run"]


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
        self.began = time.perf_counter()

    def go(self, rng: np.random.Generator, bar: Any) -> None:
        resume = None
        if self.file is not None and (stored := self.file.load()) is not None:
            self.recorder.restore(stored["record"])
            if stored["finished"]:
                self._take_over(stored)
                return
            resume, self.ceiling = stored["resume"], stored["ceiling"]
        with DeferredInterrupt() as interrupt:
            try:
                self._follow(self.method.trajectory(self.problem, rng, resume), interrupt, bar)
            except KeyboardInterrupt:
                self.state = None
                self._stop(f"interrupted inside the step after step {self.steps}: the record is whole, there is no state", interrupted=True)
            except (MethodFailed, RecordFull) as error:
                if self.point is None:
                    raise
                self._stop(str(error))
            except Exception as error:
                if self.point is not None:
                    error.solution = self.solution()  # type: ignore[attr-defined]
                    error.add_note(f"infwidth: what was computed until step {self.steps} is in the attribute `solution` of this error")
                raise
        if not self.stopped and self.file is not None and self.point is not None:
            self.file.finish(self.recorder, self.problem, self.point)

    def _take_over(self, stored: dict[str, Any]) -> None:
        """The end of a finished run."""
        self.steps = int(stored["steps"])
        if isinstance(self.problem, Causal):
            self.problem.restore(stored["history"])
            self.state = self.problem
        else:
            self.state = stored["state"]

    def _stop(self, message: str, success: bool = False, interrupted: bool = False) -> None:
        self.stopped, self.success, self.message, self.interrupted = True, success, message, interrupted

    def _follow(self, trajectory: Iterator[Point], interrupt: DeferredInterrupt, bar: Any) -> None:
        record, file, callback = self.recorder.record, self.file, self.callback
        for point in trajectory:
            if self.ceiling is None:
                self.ceiling = divergence_ceiling(point.loss)
            if not point.loss < self.ceiling:
                self._diverged(point)
                return
            record(point)
            self.point, self.state, self.steps = point, point.state, point.step
            if bar is not None:
                bar(point)
            if interrupt.requested:
                self._stop(f"interrupted by Ctrl-C at step {point.step}", interrupted=True)
            elif callback is not None and callback(point):
                self._stop(f"stopped by the callback at step {point.step}", success=True)
            if file is not None and (self.stopped or file.due()):
                file.save(self.recorder, point, self.ceiling)
            if self.stopped:
                return

    def _diverged(self, point: Point) -> None:
        if point.state is self.state:  # moved in place: the last good one is gone
            self.state = None
        what = f"loss = {point.loss:g}" if math.isfinite(point.loss) else "the loss is not finite"
        if self.point is None:
            way_out = "this is the start, so rescale X, y or the initial weights"
        else:
            way_out = self.method.gentler(None if isinstance(self.problem, Causal) else partial(sharpness, self.problem))
        self._stop(f"diverged at step {point.step} (t = {point.t:g}): {what}; {way_out}")

    def solution(self) -> Solution:
        arrays = self.recorder.arrays()
        batch_loss = arrays.pop("batch_loss")
        stats: dict[str, Any] = {
            "steps": self.steps,
            "seconds": time.perf_counter() - self.began,
            "interrupted": self.interrupted,
        }
        if batch_loss.size:
            stats["batch_loss"] = batch_loss
        return Solution(**arrays, state=self.state, success=self.success, message=self.message, stats=stats, problem=self.problem)
