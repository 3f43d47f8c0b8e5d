"""What a saved Solution must hold, and whether a problem is the one that it is of."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..abilities import Population
from ..files.stored import finite_parts, floats, integers
from ..problem import Causal

__all__ = ["check_solution", "probe", "take_up"]

Array = np.ndarray

DIMENSIONS = {"loss": 1, "outputs": 3}  # of the arrays that are as long as t
OPTIONAL = {"test_outputs": 3, "error": 1, "covariance": 5, "covariance_error": 1}
PROBES = 8  # inputs at which another problem must give the same outputs
WAY_OUT = "bind the model of the run to its data, with its rng"


def check_solution(content: dict[str, Any]) -> None:
    """ValueError (or KeyError, TypeError) where the fields of a Solution are missing, of another kind, or contradict each other."""
    if other := set(content) ^ {"t", "step", *DIMENSIONS, *OPTIONAL, "observables", "state", "history", "success", "message", "stats"}:
        raise ValueError(f"it has, or has not, {', '.join(sorted(other, key=str))}")
    if type(content["success"]) is not bool or type(content["message"]) is not str or not isinstance(content["stats"], dict):
        raise ValueError("success, message or stats mean nothing")
    whole = content["success"]  # what a run that failed left behind may hold anything
    t = floats("t", content["t"], (None,), least=0)
    steps = integers("step", content["step"], t.shape)
    if (np.diff(t) <= 0).any() or (np.diff(steps) < 0).any():
        raise ValueError("its times or steps go back")
    for name, dimensions in (DIMENSIONS | OPTIONAL).items():
        if name not in OPTIONAL or content[name] is not None:
            finite = name == "loss" or (whole and name in ("outputs", "covariance"))
            least = 0 if name in ("error", "covariance_error") else -np.inf
            floats(name, content[name], (len(t), *(None,) * (dimensions - 1)), least=least, finite=finite)
    for name, value in content["observables"].items():
        if type(name) is not str or not isinstance(value, np.ndarray) or value.shape[:1] != t.shape or value.dtype.kind not in "biufc":
            raise ValueError(f"observables[{name!r}] has another length than t, or holds no numbers")
    if type(content["stats"]["steps"]) is not int or content["stats"]["steps"] < 0:
        raise ValueError("stats['steps'] is no number of steps")
    if content["history"] is not None:
        if not isinstance(content["history"], dict) or content["state"] is not None:
            raise ValueError("its history is none")
        finite_parts("its history", content["history"])
    elif content["state"] is not None:
        floats("state", content["state"], (None,), finite=whole)


def probe(solution: Any) -> dict[str, Any] | None:
    """Outputs of a Solution at a few inputs, to know its problem again; None where it cannot predict."""
    problem = solution.problem
    if problem is None or solution.state is None:
        return None
    if problem.data is not None:
        X = problem.data.X[:: max(1, len(problem.data.X) // PROBES)][:PROBES]
    elif isinstance(problem, Population):
        X = np.random.default_rng(0).standard_normal((PROBES, problem.input_dim)).astype(np.asarray(solution.loss).dtype)
    else:
        return None
    outputs = np.array(problem.predict(solution.state, X))
    return {"X": X.copy(), "outputs": outputs} if np.isfinite(outputs).all() else None


def take_up(problem: Any, state: Any, history: Any, tried: Any) -> Any:
    """The state in that problem; ValueError where it is one of another model."""
    try:
        if history is not None:
            if not isinstance(problem, Causal):
                raise TypeError("its state is no history")
            problem.restore(history)
            state = problem
        elif state is not None and (isinstance(problem, Causal) or state.shape != problem.start().shape):
            raise ValueError("its state has another shape")
        if tried is None or state is None:
            return state
        outputs = problem.predict(state, tried["X"])
        scale = float(np.abs(tried["outputs"]).max(initial=0.0))
        rounding = 1e4 * float(np.finfo(tried["outputs"].dtype).eps)  # sums in another order
        if outputs.shape != tried["outputs"].shape or not np.abs(outputs - tried["outputs"]).max(initial=0.0) <= rounding * scale:
            raise ValueError("its outputs at the training inputs are others")
    except Exception as error:
        raise ValueError(
            f"problem: is not the one that the Solution is of ({str(error) or type(error).__name__:.120}); {WAY_OUT}"
        ) from error
    return state
