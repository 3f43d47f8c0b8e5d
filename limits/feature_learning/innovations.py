r"""Standard Gaussian samples for one layer, drawn as they are needed, with as little noise as a sample can have.

An average over S independent samples errs by :math:`O(S^{-1/2})`. Two things make it err less. The first columns are scrambled Sobol
points: they carry the directions of largest variance, and an average over few smooth directions then errs by nearly :math:`O(S^{-1})`
[owen1997]_. And every column is centred, normalised and made orthogonal to all earlier ones, so that averages of products of two of them
are exact: a linear network has no sampling error at all.

A row is known by where it comes in, not by how many there were before, so that a march that drops more directions than another
meets the same noise, and the difference of the two is what was dropped.

References
----------
.. [owen1997] Owen, Annals of Statistics 25 (1997).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from ...solvers.problem import MethodFailed
from ..two_layer import initial_laws
from .bases import inverse_root
from .rows import Budget

__all__ = ["ABOVE", "BELOW", "PASSIVE", "PASSIVE_ABOVE", "Innovations"]

Array = np.ndarray

BELOW, ABOVE, PASSIVE, PASSIVE_ABOVE = 0, 1, 2, 3
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
    like : Innovations, optional
        Give the same rows as this one, which must be asked first, and leave it as it is.
    """

    def __init__(self, seeds: np.random.SeedSequence, samples: int, budget: Budget, like: Innovations | None = None) -> None:
        self.seeds, self.samples, self.follows = seeds, samples, like is not None
        self.sobol: Array
        self.columns: dict[tuple[int, int, int], int]  # of the Sobol points, by row
        if like is not None:
            self.sobol, self.columns = like.sobol, like.columns
            return
        budget.take(8 * samples * SOBOL_DIMENSIONS)
        self.sobol = initial_laws.draw("gaussian", np.random.default_rng(seeds), samples, SOBOL_DIMENSIONS, 0, quasi_random=True)[0].T
        self.columns = {}

    def draw(self, number: int, side: int, time: int, *earlier: Array, avoided: Array | None = None) -> Array:
        """Rows, shape (number, S), orthogonal to all ``earlier`` ones, each (rows, S), and to orthonormal ones that are ``avoided``.

        Parameters
        ----------
        number : int
        side : {BELOW, ABOVE, PASSIVE, PASSIVE_ABOVE}
            Whose noise it is; that of passive fields is used once.
        time : int
        earlier : ndarray
        avoided : ndarray, optional

        Raises
        ------
        MethodFailed
            Where there are too few samples for so many directions.
        """
        first = sum(len(rows) for rows in earlier)
        if (2 if side >= PASSIVE else 4) * (first + number) > self.samples:
            far = f" at step {time}, {(first + number) / (time + 1):.0f} a step" if side < PASSIVE and time > 0 else ""
            raise MethodFailed(
                f"samples: {self.samples} per replica are too few for {first + number} directions of noise in a layer{far}; take at least"
                f" {8 * (first + number)} per replica{', more for more steps' if far else ''}, or a larger tolerance"
            )
        if number == 0:
            return np.empty((0, self.samples))
        x = np.stack([self._row(side, time, rank) for rank in range(number)])
        x -= x.mean(axis=1, keepdims=True)
        for rows in 2 * (earlier if avoided is None else (*earlier, avoided)):  # twice is enough
            x -= (x @ rows.T / self.samples) @ rows
        return inverse_root(x @ x.T / self.samples) @ x

    def drawn_before(self, time: int) -> list[tuple[int, int, int]]:
        """The rows (side, time, rank) that were drawn from the Sobol points before that time, in their order."""
        return [key for key in self.columns if key[1] < time]

    def cut(self, time: int) -> None:
        """Forget what was drawn from that time on."""
        self.take_over(self.drawn_before(time))

    def take_over(self, keys: Iterable[Sequence[int]]) -> None:
        """These rows were drawn, in this order; a follower's too."""
        drawn = [(int(side), int(time), int(rank)) for side, time, rank in keys]
        self.columns.clear()
        self.columns.update({key: column for column, key in enumerate(drawn)})

    def _row(self, side: int, time: int, rank: int) -> Array:
        key = side, time, rank
        column = len(self.columns) + (rank if side == PASSIVE else 0)
        if key in self.columns:
            column = self.columns[key]
        elif self.follows:
            column = SOBOL_DIMENSIONS
        elif side < PASSIVE and column < SOBOL_DIMENSIONS:
            self.columns[key] = column
        if column < SOBOL_DIMENSIONS and side != PASSIVE_ABOVE:
            return self.sobol[column]
        later = np.random.SeedSequence(self.seeds.entropy, spawn_key=(*self.seeds.spawn_key, *key))
        return np.random.default_rng(later).standard_normal(self.samples)
