"""The learning rate that would have been stable, for the message of a diverged run."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..problem import Causal

__all__ = ["gentler_rate", "sharpness"]

Array = np.ndarray


def sharpness(problem: Any, iterations: int = 12) -> float:
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


def gentler_rate(problem: Any, method: Any) -> str:
    """What to change so that the run does not diverge."""
    if hasattr(method, "step_size"):
        return f"try step_size={method.step_size / 2:.2g}"
    if not hasattr(method, "learning_rate"):
        return "lower rtol"
    rate = method.learning_rate / 2
    if not isinstance(problem, Causal):
        value = sharpness(problem)
        if np.isfinite(value) and value > 0:
            rate = min(rate, 1 / value)
    first = getattr(method, "first_learning_rate", None)
    return f"try learning_rate={rate:.2g}" + ("" if first is None else f" or first_learning_rate={first / 2:.2g}")
