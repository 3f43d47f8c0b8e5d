"""Limits that a Gaussian process makes random: many draws at once, and their law."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...solvers.abilities import RandomLimit
from ...solvers.data import Data
from ...solvers.machine.memory import refuse_above_available
from ...solvers.studies.replicas import covariance, covariance_error
from .process import MOST

__all__ = ["ONE_DRAW", "Drawn", "refuse_too_many_draws"]

Array = np.ndarray

ONE_DRAW = "one draw of a random limit; a few dozen replicas or more of it tell its mean and its law (sol.covariance)"


class Drawn(RandomLimit):
    """Problem whose replicas have a path of the process each.

    Attributes
    ----------
    replicas : int
    """

    replicas: int

    def output_covariance(self, X_test: Array | None) -> Callable[[Array], tuple[Array, float]] | None:
        if self.replicas == 1:
            return None

        def law(state: Array) -> tuple[Array, float]:
            outputs = self.draws(state, X_test)
            return covariance(outputs), covariance_error(outputs)

        return law

    def draws(self, state: Array, X_test: Array | None) -> Array:
        """Outputs of each replica at a state, at the training points and then at test points (n', d) or None, shape (R, n + n', k)."""
        return np.concatenate([self.replica_outputs(state, X) for X in ([None] if X_test is None else [None, X_test])], axis=1)


def refuse_too_many_draws(replicas: int, data: Data) -> None:
    """ValueError where so many draws of the outputs, or their covariance, fit neither into memory nor into one process."""
    k, points = data.outputs, data.n + (0 if data.X_test is None else len(data.X_test))
    if replicas * k > MOST:
        raise ValueError(
            f"replicas: {replicas} draws of {k} outputs are {replicas * k} paths of the process, at most {MOST} go at once; take fewer"
        )
    outputs, matrix = 8.0 * 6 * replicas * points * k, 0.0 if replicas == 1 else 8.0 * 4 * (points * k) ** 2
    what = f"outputs of {replicas} draws at {points:.3g} points and their covariance"
    refuse_above_available("replicas", what, outputs + matrix, "take fewer, give fewer points, or take one draw (replicas=1)")
