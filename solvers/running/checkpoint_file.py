"""The checkpoint of one run."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from .. import checkpoint
from ..problem import Causal, Method, Point
from .fingerprint import fingerprint
from .recorder import Recorder

__all__ = ["CheckpointFile"]


class CheckpointFile:
    """The checkpoint of one run: whose it is, when it is due, what is in it."""

    def __init__(self, path: str | os.PathLike[str], seconds: float, method: Method, rng: Any) -> None:
        if rng is None:
            raise ValueError("rng: a run that can be resumed needs a seed; give rng an integer")
        if not method.resumable:
            raise ValueError(f"checkpoint: {method!r} cannot be resumed to the same bits; use an explicit stepper such as RK45")
        self.path, self.seconds = Path(path), seconds
        self.last = time.monotonic()
        self.prints: dict[str, str] = {}

    def identify(self, **parts: Any) -> None:
        self.prints = {name: fingerprint(part) for name, part in parts.items()}

    def load(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        stored = checkpoint.read(self.path)
        if stored.get("kind") != "checkpoint":
            raise ValueError(f"checkpoint: {str(self.path)!r} is not a checkpoint; give another path")
        other = [name for name, digest in self.prints.items() if stored["prints"].get(name) != digest]
        if other:
            raise ValueError(
                f"checkpoint: {str(self.path)!r} belongs to a run with another {', '.join(other)}; give another path or delete the file"
            )
        return stored

    def due(self) -> bool:
        return time.monotonic() - self.last >= self.seconds

    def save(self, recorder: Recorder, point: Point, ceiling: float) -> None:
        resume = {"step": point.step, "t": point.t, **point.memory()}
        if not isinstance(point.state, Causal):
            resume["state"] = point.state
        self._write(recorder, finished=False, resume=resume, ceiling=ceiling)

    def finish(self, recorder: Recorder, problem: Any, point: Point) -> None:
        end = {"history": problem.history(point.step + 1), "state": None} if isinstance(problem, Causal) else {"state": point.state}
        self._write(recorder, finished=True, steps=point.step, **end)

    def _write(self, recorder: Recorder, **content: Any) -> None:
        checkpoint.write(self.path, {"kind": "checkpoint", "prints": self.prints, "record": recorder.snapshot(), **content})
        self.last = time.monotonic()
