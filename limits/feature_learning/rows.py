"""Tables that grow, and the memory that they may take."""

from __future__ import annotations

import numpy as np

from ...solvers.problem import MethodFailed

__all__ = ["Budget", "Rows", "Table"]

Array = np.ndarray


class Budget:
    """Bytes that all tables of one problem may take together."""

    def __init__(self, limit: float) -> None:
        self.limit, self.taken = limit, 0.0

    def take(self, number: float) -> None:
        """Claim that many more bytes before they are allocated.

        Raises
        ------
        MethodFailed
            Where they are too many: ``solve`` then keeps what there is.
        """
        if self.taken + number > self.limit:
            raise MethodFailed(
                f"memory: the samples of the fields would take {(self.taken + number) / 1e9:.3g} GB, more than memory={self.limit:.3g};"
                " take fewer samples or a larger tolerance, or allow more memory"
            )
        self.taken += number


class Rows:
    """Vectors of S samples, appended one below the other; ``values`` is a view of shape (rows, S)."""

    def __init__(self, samples: int, budget: Budget) -> None:
        self.samples, self.budget = samples, budget
        self.memory = np.empty((0, samples))
        self.number = 0

    def __len__(self) -> int:
        return self.number

    @property
    def values(self) -> Array:
        return self.memory[: self.number]

    def append(self, rows: Array) -> None:
        self.reserve(self.number + len(rows))
        self.memory[self.number : self.number + len(rows)] = rows
        self.number += len(rows)

    def cut(self, number: int) -> None:
        """Forget all but that many rows."""
        self.number = number

    def reserve(self, number: int) -> None:
        if number > len(self.memory):
            room = number + number // 4 + 2
            self.budget.take(8 * (room - len(self.memory)) * self.samples)
            larger = np.empty((room, self.samples))
            larger[: self.number] = self.values
            self.memory = larger


class Table:
    """An array of shape (rows, middle, columns) to which rows of more and more columns are appended; what is not given is zero."""

    def __init__(self, middle: int, budget: Budget) -> None:
        self.budget = budget
        self.memory = np.zeros((0, middle, 0))
        self.shape = (0, middle, 0)

    @property
    def values(self) -> Array:
        return self.memory[: self.shape[0], :, : self.shape[2]]

    def append(self, block: Array) -> None:
        """Append a block of shape (rows, middle, columns), of at least as many columns as before."""
        rows, columns = self.shape[0] + block.shape[0], block.shape[2]
        if rows > self.memory.shape[0] or columns > self.memory.shape[2]:
            room = tuple(max(have, need + need // 4) for have, need in zip(self.memory.shape, (rows, block.shape[1], columns), strict=True))
            larger = (room[0], block.shape[1], room[2])
            self.budget.take(8 * float(np.prod(larger) - self.memory.size))
            memory = np.zeros(larger)
            memory[: self.shape[0], :, : self.shape[2]] = self.values
            self.memory = memory
        self.memory[self.shape[0] : rows, :, :columns] = block
        self.shape = (rows, block.shape[1], columns)

    def cut(self, rows: int, columns: int) -> None:
        """Forget all but that many rows, which have no more columns."""
        self.memory[rows:] = 0
        self.shape = (rows, self.memory.shape[1], columns)
