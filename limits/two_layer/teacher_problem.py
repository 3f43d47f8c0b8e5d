"""A two-layer particle system on the population of a teacher with a closed-form risk."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.abilities import Population
from ...solvers.losses import get as get_loss
from ...solvers.problem import Evaluation
from .gaussian_teacher import GaussianTeacher
from .problem import ParticleProblem

__all__ = ["TeacherProblem"]

Array = np.ndarray


class TeacherProblem(ParticleProblem, Population):
    """Particles on the population of a :class:`GaussianTeacher`; rows of a minibatch are fresh inputs and labels themselves."""

    def __init__(self, teacher: GaussianTeacher, W: Array, a: Array, replicas: int, compiled: bool, train_output: bool = True) -> None:
        super().__init__(None, teacher.phi, W, a, False, None, replicas, compiled, train_output=train_output)
        self.teacher = teacher
        self._squared = get_loss("squared")

    @property
    def input_dim(self) -> int:
        return self.teacher.dim

    def replica_losses(self, state: Array) -> Array:
        W, a = self.particles(state)
        return np.array([self.teacher.risk(W[system], a[system]) for system in self._systems])

    def sample(self, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Fresh inputs (size, d) and labels (size, 1)."""
        return self.teacher.sample(rng, size)

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        if rows is not None:
            return super().evaluate(state, velocity, step=step, rows=rows)
        W, a = self.particles(state)
        for system in self._systems:
            risk, dW, da = self.teacher.risk_and_velocity(W[system], a[system], velocity is not None)
            if velocity is not None:
                out_W, out_a = self.particles(velocity)
                out_W[system], out_a[system] = dW, da * self.train_output
        if self.replicas > 1:  # the loss of the mean output: of all particles as one network
            risk = self.teacher.risk(W, a)
        return Evaluation(risk, np.empty((0, 1)))

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Any]:
        if rows is not None:
            return super().descend(state, step=step, rows=rows)
        velocity = np.empty_like(state)
        evaluation = self.evaluate(state, velocity, step=step)

        def update(rate: float) -> None:
            np.multiply(velocity, rate, out=velocity)
            np.add(state, velocity, out=state)

        return evaluation, update

    def _rows(self, rows: Any) -> tuple[Any, Array | None, Array]:
        X, y = rows
        return self._prepare(X), None, y

    def _judge(self, f: Array, y: Array) -> tuple[float, Array]:
        return self._squared.judge(f, y)
