r"""Standard Gaussian samples for one layer, drawn as they are needed, with as little noise as a sample can have.

An average over S independent samples errs by :math:`O(S^{-1/2})`. Two things make it err less. The first columns are scrambled Sobol
points: they carry the directions of largest variance, and an average over few smooth directions then errs by nearly :math:`O(S^{-1})`
[owen1997]_. And every column is centred, normalised and made orthogonal to all earlier ones, so that averages of products of two of them
are exact: a linear network has no sampling error at all.

References
----------
.. [owen1997] Owen, Annals of Statistics 25 (1997).
"""

from __future__ import annotations

import numpy as np

from ...solvers.problem import MethodFailed
from ..two_layer import initial_laws
from .bases import inverse_root
from .rows import Budget

__all__ = ["Innovations"]

Array = np.ndarray

SOBOL_DIMENSIONS = 64  # later directions have too little variance to gain


class Innovations:
    """Rows of independent standard Gaussian numbers, one for each of the S samples of a layer.

    Parameters
    ----------
    seeds : numpy SeedSequence
        Decides all rows.
    samples : int
        S.
    budget : Budget
    """

    def __init__(self, seeds: np.random.SeedSequence, samples: int, budget: Budget) -> None:
        self.seeds, self.samples = seeds, samples
        budget.take(8 * samples * SOBOL_DIMENSIONS)
        self.sobol = initial_laws.draw("gaussian", np.random.default_rng(seeds), samples, SOBOL_DIMENSIONS, 0, quasi_random=True)[0].T

    def draw(self, number: int, *earlier: Array) -> Array:
        """The next rows, shape (number, S), orthogonal to all ``earlier`` ones, each (rows, S).

        Raises
        ------
        MethodFailed
            Where there are too few samples for so many directions.
        """
        first = sum(len(rows) for rows in earlier)
        if 4 * (first + number) > self.samples:
            raise MethodFailed(
                f"samples: {self.samples} per replica are too few for {first + number} directions of noise in a layer; take at least"
                f" {8 * (first + number)} per replica, or a larger tolerance"
            )
        if number == 0:
            return np.empty((0, self.samples))
        x = np.stack([self._row(j) for j in range(first, first + number)])
        x -= x.mean(axis=1, keepdims=True)
        for rows in (*earlier, *earlier):  # twice is enough
            x -= (x @ rows.T / self.samples) @ rows
        return inverse_root(x @ x.T / self.samples) @ x

    def _row(self, j: int) -> Array:
        if j < SOBOL_DIMENSIONS:
            return self.sobol[j]
        later = np.random.SeedSequence(self.seeds.entropy, spawn_key=(*self.seeds.spawn_key, j))
        return np.random.default_rng(later).standard_normal(self.samples)
