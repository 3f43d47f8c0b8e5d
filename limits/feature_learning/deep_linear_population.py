"""Training of a deep linear network of infinite width on the population of a linear teacher."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.abilities import Population
from ...solvers.losses import get as get_loss
from ...solvers.problem import Evaluation
from .deep_linear_problem import DeepLinearProblem, Layers
from .linear_teacher import LinearTeacher

__all__ = ["DeepLinearPopulation"]

Array = np.ndarray


class DeepLinearPopulation(DeepLinearProblem, Population):
    """A deep linear network on a population: exact gradients; rows of a minibatch are fresh samples (X, y) themselves."""

    def __init__(self, teacher: LinearTeacher, layers: Layers, compared: bool) -> None:
        self.data, self.teacher = None, teacher
        self._squared = get_loss("squared")
        self._begin(np.eye(teacher.dim), len(teacher.weights), layers)
        self.shadow = self.coarser() if compared and len(layers.scales) > 2 else None

    @property
    def input_dim(self) -> int:
        return self.teacher.dim

    def _inputs(self) -> Array:
        return np.eye(self.teacher.dim)

    def sample(self, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        return self.teacher.sample(rng, size)

    def _judge(self, F: Array, rows: Any) -> tuple[Evaluation, Array]:
        if rows is None:
            loss, gradient = self.teacher.judge(F)
            return Evaluation(loss, np.empty((0, len(F)))), gradient
        X, y = rows
        f = X @ F.T
        loss, residual = self._squared.judge(f, y)
        return Evaluation(loss, f), residual.T @ X

    def coarser(self) -> DeepLinearPopulation:
        return DeepLinearPopulation(self.teacher, self._coarser_layers(), compared=False)
