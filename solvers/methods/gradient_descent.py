r"""Gradient descent: full batch, minibatches, or fresh samples of a population."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..abilities import Batched, Fused, Population
from ..checks import integer, real, settle
from ..machine.memory import refuse_above_available
from ..problem import Causal, Evaluation, Point, Problem, Snapshot, Update
from .causal import causal_trajectory
from .clock import MOST_STEPS, Stepped

__all__ = ["GradientDescent"]

Array = np.ndarray


@dataclass(frozen=True)
class GradientDescent(Stepped):
    r"""Gradient descent, :math:`\theta_{s+1} = \theta_s + \eta\, v(\theta_s)` with the problem's velocity :math:`v`.

    Parameters
    ----------
    learning_rate : float
        Base rate :math:`\eta > 0`. The parameterization multiplies it, layer by layer. Time is ``learning_rate * step``.
    steps : int
        Number of steps, the first included.
    batch_size : int, optional
        Each step sees that many rows, drawn without replacement and independently of other steps; a population problem draws fresh
        samples (one-pass SGD).
    first_learning_rate : float, optional
        Base rate of step 0, for parameterizations that start with one large step (IP-LLR). Default: ``learning_rate``. Time counts that
        step like any other: a gradient flow, whose t = 0 is after it, is ahead by ``learning_rate``.

    Raises
    ------
    ValueError
        Where a rate is not positive, or a count is not an integer (``steps`` at least 0, ``batch_size`` at least 1).

    Examples
    --------
    >>> import infwidth as iw
    >>> limit = iw.DeepLinearIntegrable(hidden_layers=2)
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> sol = iw.solve(limit, X, y, iw.GradientDescent(0.5, steps=40, first_learning_rate=2.0), rng=0)
    >>> sol.outputs[-1].ravel().round(3)
    array([ 1., -1.])
    """

    learning_rate: float
    steps: int
    batch_size: int | None = None
    first_learning_rate: float | None = None

    def __post_init__(self) -> None:
        settle(
            self,
            learning_rate=real("learning_rate", self.learning_rate, above=0),
            steps=integer("steps", self.steps, least=0, most=MOST_STEPS),
        )
        if self.batch_size is not None:
            settle(self, batch_size=integer("batch_size", self.batch_size, least=1))
        if self.first_learning_rate is not None:
            settle(self, first_learning_rate=real("first_learning_rate", self.first_learning_rate, above=0))

    @property
    def draws(self) -> bool:
        return self.batch_size is not None

    def rate(self, step: int) -> float:
        """Base rate of that step."""
        return self.learning_rate if step or self.first_learning_rate is None else self.first_learning_rate

    def weights(self, step: int, since: int = 0) -> Array:
        """Coefficients of the gradients of steps ``since`` to before ``step`` in the parameters of ``step``, shape (step - since,)."""
        weights = np.full(step - since, self.learning_rate)
        if since == 0:
            weights[:1] = self.rate(0)
        return weights

    def settled(self, step: int) -> int:
        """Number of first steps whose coefficients do not change after ``step``: all before it."""
        return step

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """A learning rate to try after a divergence: half of this one, and below what is stable at the start."""
        rate, curvature = self.learning_rate / 2, 0.0 if sharpness is None else sharpness()
        if np.isfinite(curvature) and curvature > 0:
            rate = min(rate, 1 / curvature)
        first = "" if self.first_learning_rate is None else f" or first_learning_rate={self.first_learning_rate / 2:.2g}"
        return f"try learning_rate={rate:.2g}{first}"

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield steps 0..steps."""
        if isinstance(problem, Causal):
            by_batch = None
            if self.batch_size is not None:
                if not isinstance(problem, Batched):
                    raise ValueError("batch_size: this limit keeps the history of full gradients; leave batch_size out")
                batch = batches(problem, rng, self.batch_size)
                by_batch = lambda weights: problem.extend(weights, batch())  # noqa: E731
            yield from causal_trajectory(problem, self, self.learning_rate, rng, resume, by_batch)
            return
        first, state = (0, problem.start()) if resume is None else (int(resume["step"]), resume["state"])
        if resume is not None and self.batch_size is not None:
            rng.bit_generator.state = resume["rng"]
        move = mover(problem)
        draw = None if self.batch_size is None else batches(problem, rng, self.batch_size)
        for step in range(first, self.steps + 1):
            if draw is None:
                (loss, outputs), update = move(state, step, None)
                yield Point(step, self.learning_rate * step, state, loss, outputs, dict)
            else:
                before = rng.bit_generator.state
                (loss, _), update = move(state, step, draw())
                yield Point(step, self.learning_rate * step, state, loss, None, lambda before=before: {"rng": before})  # type: ignore[misc]
            if step < self.steps:
                update(self.rate(step))


Move = Callable[[Array, int, Any], tuple[Evaluation, Update]]


def mover(problem: Problem) -> Move:
    """The problem's own fused ``descend``, or the same through a velocity vector."""
    if isinstance(problem, Fused):
        return lambda state, step, rows: problem.descend(state, step=step, rows=rows)
    velocity = np.empty_like(problem.start())

    def move(state: Array, step: int, rows: Any) -> tuple[Evaluation, Update]:
        evaluation = problem.evaluate(state, velocity, step=step, rows=rows)

        def update(rate: float) -> None:
            np.multiply(velocity, rate, out=velocity)
            np.add(state, velocity, out=state)

        return evaluation, update

    return move


def batches(problem: Problem | Batched, rng: np.random.Generator, size: int) -> Callable[[], Any]:
    """Draws one minibatch per call."""
    if isinstance(problem, Population):
        needs = 24.0 * size * (problem.input_dim + 1)
        refuse_above_available("batch_size", f"{size:.3g} samples in {problem.input_dim} dimensions", needs, "take fewer")
        return lambda: problem.sample(rng, size)
    if problem.data is None:
        raise ValueError("batch_size: this problem has neither data nor samples of its own; leave batch_size out")
    n = problem.data.n
    if size > n:
        raise ValueError(f"batch_size: is {size} but there are only {n} samples; lower it or leave it out")
    return lambda: rng.choice(n, size, replace=False)
