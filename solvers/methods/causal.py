"""What every discrete method does on a causal limit: one call of ``extend`` per step."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from ..abilities import Foreseen
from ..problem import Causal, Point, Snapshot

__all__ = ["causal_trajectory"]

Array = np.ndarray


def causal_trajectory(
    problem: Causal, weights: Callable[[int], Array], steps: int, time_step: float, resume: Snapshot | None
) -> Iterator[Point]:
    """Extend ``problem`` by steps 0..steps; ``weights(t)`` (t,) are the coefficients of the past gradients at step t."""
    if isinstance(problem, Foreseen):
        problem.reserve(steps + 1)
    first = 0
    if resume is not None:
        problem.restore(resume["history"])
        first = int(resume["step"])
    for step in range(first, steps + 1):
        loss, outputs = problem.extend(weights(step))
        # A resumed run yields this point again, so it starts from the times before it.
        yield Point(step, time_step * step, problem, loss, outputs, lambda step=step: {"history": problem.history(step)})  # type: ignore[misc]
