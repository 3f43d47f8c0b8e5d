"""The error of a flow: by a second run in other steps, and on a grid by two coarser ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..abilities import OnGrid, Refinable
from ..problem import Causal, MethodFailed, Problem, Refining
from ..solution import Solution
from .interrupt import DeferredInterrupt
from .recorder import Recorder

__all__ = ["refinement_error"]

Array = np.ndarray

CAUTION = 3.0  # the second run of a flow has an error too, often a tenth of the first, of kinks and where errors cross up to two thirds
GRIDS = 2  # each of half as many cells as the one before
SECOND_ORDER = 2**1.5, 2**2.5  # how much larger the second distance is than the first
DOUBT = 1.5  # of other orders: kinks that cross cells differently on each grid, so that one distance tells little of the next


@dataclass
class _Seen:
    """What two runs are compared in: outputs at training and test points, or the loss where there are none."""

    outputs: Array
    test_outputs: Array | None
    loss: Array

    def distance(self, other: _Seen) -> Array:
        """Largest difference at each time, shape (T,)."""
        pairs = [(self.outputs, other.outputs)]
        if self.test_outputs is not None and other.test_outputs is not None:
            pairs.append((self.test_outputs, other.test_outputs))
        gaps = [np.abs(one - two).max(axis=(1, 2)) for one, two in pairs if one.size]
        return np.max(gaps or [np.abs(self.loss - other.loss)], axis=0)


def refinement_error(
    problem: Problem | Causal,
    method: Refining,
    rng: np.random.Generator,
    fine: Solution,
    X_test: Array | None,
    interrupt: DeferredInterrupt,
) -> Array | None:
    """Bound of the error of the outputs, at training and test points and up to each saved time; of the loss where there are no outputs.

    Three times the distance to the run in other steps, and what that run does not see. On a grid, the distance to the run on half of the
    cells plus that of this one to the run on a quarter: of an order of convergence that is 2 it is 15 times the error; and where a single
    distance is small by chance, as of a kink that happens to lie alike in the cells of both grids, the other one is not. Half as much again
    from the time on at which the two are not those of an order between 1.5 and 2.5: of order 1 it is 4.5 times the error.

    Up to: the difference of two runs passes through zero now and then, and would claim too much there.
    """
    if not len(fine.t):
        return None
    on_grid = isinstance(problem, OnGrid) and isinstance(problem, Refinable)
    last = _Seen(fine.outputs, fine.test_outputs, fine.loss)
    gaps: list[Array] = []
    for grid in range(GRIDS if on_grid else 1):
        if isinstance(problem, Refinable):  # of a history: a fresh one
            try:
                problem = problem.coarser()
            except MethodFailed:
                if not grid:
                    raise
                break
        other = _run(problem, method, rng, fine, X_test, interrupt)
        gaps.append(last.distance(other))
        last = other
    return np.maximum.accumulate(_of_grids(gaps) if on_grid else CAUTION * (gaps[0] + method.unseen * (fine.t > 0)))


def _of_grids(gaps: list[Array]) -> Array:
    """From the distances between each grid and the next coarser one."""
    if len(gaps) < GRIDS:
        return 3 * gaps[0]  # as if the order were 1
    near, far = gaps
    least, most = SECOND_ORDER
    doubtful = np.logical_or.accumulate((far < least * near) | (far > most * near))
    return np.where(doubtful, DOUBT, 1.0) * (near + far)


def _run(
    problem: Any, method: Refining, rng: np.random.Generator, fine: Solution, X_test: Array | None, interrupt: DeferredInterrupt
) -> _Seen:
    """The second run at the saved times of the first."""
    record = Recorder(problem, list(dict.fromkeys(fine.t.tolist())), discrete=False, X_test=X_test)
    for point in method.second(fine.stats["steps"]).trajectory(problem, rng):
        record.record(point)
        if interrupt.requested:
            raise KeyboardInterrupt
        if point.step > 10 * fine.stats["steps"] + 1000:
            raise MethodFailed("it took ten times the steps of the run")
        if record.complete:
            break
    rows = record.arrays()
    return _Seen(rows["outputs"], rows.get("test_outputs"), rows["loss"])
