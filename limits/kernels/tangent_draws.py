"""Training with a tangent kernel from many draws of the start at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.checks import array
from ...solvers.data import Data
from ...solvers.problem import Evaluation
from ...solvers.studies.replicas import simultaneous_error
from ..gaussian.draws import Drawn
from ..gaussian.process import ProcessPath
from .kernel import Kernel
from .tangent_limit import TangentProblem

__all__ = ["TangentDraws"]

Array = np.ndarray


class TangentDraws(TangentProblem, Drawn):
    r"""The limit from R paths of :math:`f_0`; the state is :math:`\alpha` (n, R k) in one vector.

    Parameters
    ----------
    data : Data
    kernel : Kernel
    paths : ProcessPath
        Of R k outputs.
    tangents : callable
        The kernel and points to their tangent kernel.
    replicas : int
        R.
    """

    def __init__(self, data: Data, kernel: Kernel, paths: ProcessPath, tangents: Callable[..., Array], replicas: int) -> None:
        self.replicas = replicas
        super().__init__(data, kernel, paths, tangents, columns=replicas * data.outputs)

    def replica_outputs(self, state: Array, X: Array | None = None) -> Array:
        if X is None:
            return self._apart(self._offset + self.gram @ state.reshape(self.shape))
        return self._apart(super().predict(state, array("X", X, dtype=state.dtype, columns=self.data.X.shape[1])))

    def predict(self, state: Array, X: Array) -> Array:
        return self.replica_outputs(state, X).mean(axis=0)

    def output_error(self, X_test: Array | None) -> Callable[[Array], float]:
        return lambda state: simultaneous_error(self.draws(state, X_test))

    def _apart(self, f: Array) -> Array:
        """Columns (n, R k) as replicas (R, n, k)."""
        return f.reshape(len(f), self.replicas, self.data.outputs).swapaxes(0, 1)

    def _judged(self, f: Array, rows: Any) -> tuple[Evaluation, Array]:
        """The mean of the losses of the draws and of their outputs, and the residuals of each, (n, R k)."""
        each = self._apart(f)
        y = self.data.y if rows is None else self.data.y[rows]
        R, n, k = each.shape
        loss, residual = self.data.loss.judge(each.reshape(R * n, k), np.tile(y, (R, 1)))
        return Evaluation(loss, each.mean(axis=0)), R * residual.reshape(R, n, k).swapaxes(0, 1).reshape(n, R * k)
