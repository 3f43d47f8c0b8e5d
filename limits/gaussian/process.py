"""One path of a Gaussian process, asked for at more and more points."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...solvers.checks import array, asked, function, instance, integer, returned, squarable
from ...solvers.machine.memory import refuse_above_available

__all__ = ["ProcessPath"]

Array = np.ndarray

MOST = 10_000  # outputs
SHORTEST = 1e-12  # part of the largest variance that is rounding


class ProcessPath:
    """A random function: points asked for later are drawn given the earlier ones, so that it is one function.

    Parameters
    ----------
    covariance : callable
        Points (n, d) and (n', d) to the covariance (n, n').
    outputs : int
        Number k of independent functions.
    rng : numpy Generator

    Raises
    ------
    TypeError, ValueError
        Where an argument is of the wrong kind, or the covariance gives something else.

    Examples
    --------
    >>> path = ProcessPath(lambda X, Z: np.exp(-abs(X - Z.T)), 1, np.random.default_rng(0))
    >>> first = path(np.array([[0.0], [1.0]]))
    >>> bool(np.allclose(path(np.array([[1.0]])), first[1]))
    True
    """

    def __init__(self, covariance: Callable[[Array, Array], Array], outputs: int, rng: np.random.Generator) -> None:
        self.covariance = function("covariance", covariance, "points (n, d) and (n', d) to the covariance (n, n')", arguments=2)
        self.outputs = integer("outputs", outputs, least=1, most=MOST)
        self.rng = instance("rng", rng, np.random.Generator, "numpy.random.default_rng(0)")
        self.X: Array | None = None
        self.normal = np.empty((0, self.outputs))
        self.root = np.empty((0, 0))

    def __call__(self, X: Array) -> Array:
        """Values (n, k): L z with the Cholesky factor L of all points so far, which grows by rows."""
        X = array("X", X, columns=None if self.X is None else self.X.shape[1])
        refuse_above_available("X", f"the covariance of {len(X):.3g} points", 8.0 * 6 * (len(X) + len(self.normal)) ** 2, "give fewer")
        new = squarable("X", X).astype(float)
        known = np.empty((0, new.shape[1])) if self.X is None else self.X
        cross = self._covariance(new, known) if len(known) else np.empty((len(new), 0))
        below = np.linalg.lstsq(self.root, cross.T, rcond=SHORTEST)[0].T if len(known) else cross
        whole = self._covariance(new, new)
        rest = whole - below @ below.T
        values, vectors = np.linalg.eigh((rest + rest.T) / 2)
        own = vectors * np.sqrt(np.where(values > SHORTEST * max(float(np.diagonal(whole).max()), 1e-300), values, 0.0))
        z = self.rng.standard_normal((len(new), self.outputs))
        result = below @ self.normal + own @ z
        n = len(known)
        root = np.zeros((n + len(new), n + len(new)))
        root[:n, :n], root[n:, :n], root[n:, n:] = self.root, below, own
        self.X, self.root, self.normal = np.concatenate([known, new]), root, np.concatenate([self.normal, z])
        return result.astype(X.dtype)

    def _covariance(self, X: Array, Z: Array) -> Array:
        found = asked("covariance", self.covariance, X, Z, signature="points (n, d) and (n', d) to the covariance (n, n')")
        return returned("covariance", found, (len(X), len(Z)), f"{len(X)} and {len(Z)} points")
