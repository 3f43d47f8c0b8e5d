r"""Gradient flow of a limit whose state is its history, by an adaptive Runge–Kutta method.

A stage of an explicit Runge–Kutta method stands at parameters :math:`\theta_0 - \sum_s \omega_s \nabla_s`, a combination of the gradients
of the stages before it. That is all that a causal limit has to be told: every stage is one more time of its history, with the coefficients
of the tableau. So the flow is solved in the order of the tableau (5 for Dormand and Prince), not by extrapolating gradient descent (order
1) in its step. The local error is measured where it is seen, in the outputs: of the two solutions of an embedded pair, both evaluated.
The tableaus are those of scipy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..abilities import Population, Retractable, Settling
from ..files.stored import floats, number
from ..problem import Evaluation, MethodFailed, Point, Snapshot
from .clock import Control

__all__ = ["CAUSAL_STEPPERS", "causal_flow"]

Array = np.ndarray

CAUSAL_STEPPERS = ("RK23", "RK45")
SAFETY, LEAST_FACTOR, LARGEST_FACTOR = 0.9, 0.2, 5.0
FIRST_STEP = 1e-3  # of t_end; the control takes over from there


@dataclass
class _Step:
    """An accepted step from ``begin`` of length ``h``: the coefficients at its begin, over ``len(base)`` unsettled times of which the last
    is the first stage."""

    begin: float
    h: float
    base: Array


class _Flow:
    """The tableau, and the times of the history that its stages are."""

    def __init__(self, problem: Retractable, stepper: str, rtol: float, atol: float) -> None:
        from scipy import integrate

        self.problem, self.rtol, self.atol = problem, rtol, atol
        self.tableau: Any = getattr(integrate, stepper)
        self.stages: int = self.tableau.n_stages

    def weights(self, step: _Step, coefficients: Array) -> Array:
        """``base`` plus ``h * coefficients`` of the stages, as far as there are."""
        first = len(step.base) - 1
        w = np.zeros(first + max(len(coefficients), 1))
        w[: first + 1] = step.base
        w[first : first + len(coefficients)] += step.h * coefficients
        return w

    def attempt(self, step: _Step, before: Array) -> tuple[Evaluation, float]:
        """Extend by all stages of a step; the evaluation at its end, and the local error in units of the tolerance."""
        problem, tableau = self.problem, self.tableau
        for stage in range(1, self.stages):
            problem.extend(self.weights(step, tableau.A[stage, :stage]))
        end = problem.extend(self.weights(step, tableau.B))
        values = self.seen(end)
        lower = problem.extend(self.weights(step, np.append(tableau.B, 0.0) - tableau.E))
        gap = np.abs(self.seen(lower) - values).max()
        problem.retract(problem.times - 1, self.weights(step, tableau.B))
        return end, float(gap / (self.atol + self.rtol * max(np.abs(before).max(), np.abs(values).max())))

    def seen(self, evaluation: Evaluation) -> Array:
        """The outputs; on a population, those at the unit vectors."""
        if isinstance(self.problem, Population):
            return self.problem.predict(self.problem, np.eye(self.problem.input_dim))
        return evaluation.outputs

    def at(self, step: _Step, times: int, t: float) -> Any:
        """The problem with ``t`` as its newest time, by the interpolation that belongs to the tableau; at the end of the step, the end."""
        self.problem.retract(times, self.weights(step, self.tableau.B))
        if t < step.begin + step.h:
            powers = np.cumprod(np.full(self.tableau.P.shape[1], (t - step.begin) / step.h))
            self.problem.extend(self.weights(step, self.tableau.P @ powers))
        return self.problem


def causal_flow(
    problem: Retractable,
    stepper: str,
    t_end: float,
    control: Control,
    resume: Snapshot | None = None,
    first_rate: float | None = None,
) -> Iterator[Point]:
    """Yield t = 0 and every accepted step, with dense output over it; ``first_rate``: after one gradient step at that rate."""
    flow = _Flow(problem, stepper, control.rtol, control.atol)
    if resume is None:
        count, t, h, base = 0, 0.0, control.first * FIRST_STEP * t_end, np.zeros(1)
        now = problem.extend(np.zeros(0))
        if first_rate is not None:
            base = np.array([first_rate, 0.0])
            now = problem.extend(base[:-1])
    else:
        problem.restore(resume["history"])
        count, t, h = int(resume["step"]), float(resume["t"]), number("its step size", resume["h"], above=0)
        base = floats("the weights of its history", resume["base"], (None,))
        now = problem.evaluate(problem)
    at = None
    while True:
        times = problem.times

        def memory(times: int = times, h: float = h, base: Array = base) -> Snapshot:
            return {"history": problem.history(times), "h": h, "base": base}

        yield Point(count, t, problem, now.loss, now.outputs, memory, at)
        problem.retract(times, base[:-1])
        if t >= t_end:
            return
        if isinstance(problem, Settling):
            problem.settle(times - 1)
            base = np.zeros(1)
        seen, ceiling = flow.seen(now), LARGEST_FACTOR
        while True:
            step = _Step(t, min(h, control.most(t), t_end - t), base)
            if step.h < 10 * np.spacing(max(t, 1e-300)):
                raise MethodFailed(f"{stepper} stopped at t = {t:g}: its step shrank to {step.h:.2g}; try a larger rtol or atol")
            now, error = flow.attempt(step, seen)
            factor = SAFETY * error ** (-1 / (flow.tableau.error_estimator_order + 1)) if error > 0 else LARGEST_FACTOR
            h = step.h * (min(max(factor, LEAST_FACTOR), ceiling) if np.isfinite(error) else LEAST_FACTOR)
            if error < 1:
                break
            problem.retract(times, base[:-1])
            ceiling = 1.0
        base = np.append(flow.weights(step, flow.tableau.B), 0.0)
        count, t = count + 1, t_end if step.h == t_end - t else t + step.h

        def at(time: float, step: _Step = step, times: int = problem.times) -> Any:
            return flow.at(step, times, time)
