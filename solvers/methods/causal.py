"""What every discrete method does on a causal limit: one call of ``extend`` per step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from ..abilities import Foreseen, Settling
from ..problem import Causal, Evaluation, Point, Snapshot

__all__ = ["PastWeights", "causal_trajectory"]

Array = np.ndarray


class PastWeights(Protocol):
    """A discrete method by what its parameters are made of: the gradients of its past."""

    @property
    def steps(self) -> int: ...

    def weights(self, step: int, since: int = 0) -> Array:
        """Coefficients of the gradients of steps ``since`` to before ``step`` in the parameters at ``step``, shape (step - since,)."""
        ...

    def settled(self, step: int) -> int:
        """Number of first steps whose coefficients after ``step`` are those of ``step``."""
        ...


def causal_trajectory(
    problem: Causal,
    method: PastWeights,
    time_step: float,
    rng: np.random.Generator,
    resume: Snapshot | None,
    extend_by_batch: Callable[[Array], Evaluation] | None = None,
) -> Iterator[Point]:
    """Extend ``problem`` by steps 0..steps of ``method``; with minibatches, by calls of ``extend_by_batch``, which draws from ``rng``."""
    first, forgets = 0, problem if isinstance(problem, Settling) else None
    if isinstance(problem, Foreseen):
        problem.reserve(method.steps + 1)
    if resume is not None:
        problem.restore(resume["history"])
        first = int(resume["step"])
        if extend_by_batch is not None:
            rng.bit_generator.state = resume["rng"]
    for step in range(first, method.steps + 1):
        weights = method.weights(step, 0 if forgets is None else forgets.settled)
        before = rng.bit_generator.state

        def memory(step: int = step, before: Any = before) -> Snapshot:
            """A resumed run yields its point again, so it starts from the times before it."""
            return {"history": problem.history(step)} | ({} if extend_by_batch is None else {"rng": before})

        if extend_by_batch is None:
            loss, outputs = problem.extend(weights)
            yield Point(step, time_step * step, problem, loss, outputs, memory)
        else:
            loss, _ = extend_by_batch(weights)
            yield Point(step, time_step * step, problem, loss, None, memory)
        if forgets is not None:
            forgets.settle(method.settled(step))
