"""The error of a flow, by a second run at looser tolerances or on a coarser grid."""

from __future__ import annotations

import numpy as np

from ..abilities import Refinable
from ..problem import Causal, MethodFailed, Problem, Refining
from ..solution import Solution
from .interrupt import DeferredInterrupt
from .recorder import Recorder

__all__ = ["refinement_error"]


def refinement_error(
    problem: Problem | Causal,
    method: Refining,
    rng: np.random.Generator,
    fine: Solution,
    X_test: np.ndarray | None,
    interrupt: DeferredInterrupt,
) -> np.ndarray | None:
    """Largest difference of the outputs, at training and test points and up to each saved time, from the same flow at looser tolerances
    or on a coarser grid; of the loss where there are no outputs.

    Up to: the difference of two runs passes through zero now and then, and would claim too much there.
    """
    if not len(fine.t):
        return None
    if isinstance(problem, Refinable):  # a grid
        problem = problem.coarser()
    coarse = Recorder(problem, list(dict.fromkeys(fine.t.tolist())), discrete=False, X_test=X_test)
    for point in method.coarser().trajectory(problem, rng):
        coarse.record(point)
        if interrupt.requested:
            raise KeyboardInterrupt
        if point.step > 10 * fine.stats["steps"] + 1000:
            raise MethodFailed("it took ten times the steps of the run")
        if coarse.complete:
            break
    rough = coarse.arrays()
    pairs = [(rough["outputs"], fine.outputs)] + ([] if fine.test_outputs is None else [(rough["test_outputs"], fine.test_outputs)])
    gaps = [np.abs(coarser - finer).max(axis=(1, 2)) for coarser, finer in pairs if finer.size]
    difference = np.max(gaps or [np.abs(rough["loss"] - fine.loss)], axis=0)
    return np.maximum.accumulate(difference)
