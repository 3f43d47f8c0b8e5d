"""Past gradients of one layer as products of thin factors, whose coefficients may still change."""

from __future__ import annotations

import numpy as np

__all__ = ["Gradients"]

Array = np.ndarray


class Gradients:
    r"""The sum :math:`\sum_s \omega_s\, b_s a_s^\top`, factors b (rows, c) and a (columns, c) of each time s stacked in growing memory.

    Parameters
    ----------
    terms : int
        Number c of columns of the factors of one time.
    """

    def __init__(self, terms: int) -> None:
        self.terms = terms
        self.left, self.right = np.zeros((0, 0)), np.zeros((0, 0))
        self.count = 0  # rows in use

    def append(self, left: Array, right: Array) -> None:
        """The factors of one more time: (rows, c) and (columns, c); those before are shorter, or as long."""
        self.left = self._with(self.left, left)
        self.right = self._with(self.right, right)
        self.count += self.terms

    def _with(self, memory: Array, factor: Array) -> Array:
        needed = self.count + self.terms
        if needed > memory.shape[0] or len(factor) > memory.shape[1]:
            rows = memory.shape[0] if needed <= memory.shape[0] else 2 * needed
            larger = np.zeros((rows, len(factor)))
            larger[: self.count, : memory.shape[1]] = memory[: self.count]
            memory = larger
        memory[self.count : needed] = 0
        memory[self.count : needed, : len(factor)] = factor.T
        return memory

    def subtract(self, matrix: Array, changes: Array) -> None:
        """Subtract the sum with these coefficients (times,) from ``matrix``, in place."""
        touched = np.flatnonzero(changes)
        if not touched.size:
            return
        rows = (touched[:, None] * self.terms + np.arange(self.terms)).ravel()
        left = self.left[rows] * np.repeat(changes[touched], self.terms)[:, None]
        matrix[: left.shape[1], : self.right.shape[1]] -= left.T @ self.right[rows]

    def keep(self, begin: int, end: int) -> None:
        """Forget all times but those from ``begin`` to before ``end``."""
        begin, end = begin * self.terms, end * self.terms
        if begin:
            self.left[: end - begin] = self.left[begin:end]
            self.right[: end - begin] = self.right[begin:end]
        self.count = end - begin

    def arrays(self) -> tuple[Array, Array]:
        """Both stacks, in use."""
        return self.left[: self.count].copy(), self.right[: self.count].copy()

    def restore(self, left: Array, right: Array) -> None:
        """Take over what :meth:`arrays` gave."""
        self.left, self.right, self.count = left.copy(), right.copy(), len(left)
