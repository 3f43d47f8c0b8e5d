"""When a run has diverged, and the learning rate that would have been stable."""

from __future__ import annotations

import numpy as np

from ..problem import Problem

__all__ = ["divergence_ceiling", "sharpness"]

Array = np.ndarray


DIVERGED = 1e6  # times max(1, first loss)


def divergence_ceiling(first_loss: float) -> float:
    """The loss from which on a run counts as diverged; so does one that is not a number."""
    return DIVERGED * max(1.0, first_loss)


def sharpness(problem: Problem, iterations: int = 12) -> float:
    r"""Largest eigenvalue (in modulus) of :math:`-\partial v/\partial\theta` at the start, by power iteration on finite differences.

    Gradient descent is stable there below ``2 / sharpness``. With squared loss and :math:`f = 0` this is the top eigenvalue of the
    tangent kernel over n, up to the curvature of the network.
    """
    state = problem.start()
    base, moved = np.empty_like(state), np.empty_like(state)
    problem.evaluate(state, base)
    size = float(np.linalg.norm(state)) or 1.0
    direction = base.copy()
    value = 0.0
    for _ in range(iterations):
        length = float(np.linalg.norm(direction))
        if not 0 < length < np.inf:
            break
        step = size * np.sqrt(np.finfo(state.dtype).eps)
        problem.evaluate(state + (step / length) * direction, moved)
        direction = (moved - base) / step
        value = float(np.linalg.norm(direction))
    return value
