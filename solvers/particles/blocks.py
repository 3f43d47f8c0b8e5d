r"""Two-layer particle steps by small matrix products on blocks that stay in the cache.

A block of particles meets a block of samples, and nothing of size (particles x samples) is stored but, for piecewise linear
:math:`\phi` and one output, the signs of the pre-activations, a byte each. The passes are in :mod:`.block_passes`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .block_passes import CODES, PARTICLES, PIECEWISE, backward, backward_on_threads, forward, forward_on_threads
from .intrinsics import ROWS

__all__ = ["CODES", "PIECEWISE", "BlockEngine"]

Array = np.ndarray

CHUNKS = 64  # groups of blocks with one partial sum each, at most
SERIAL = 5_000_000  # particles x samples x weights (about half a millisecond) below which threads are not woken
SIGNS = 1 << 28  # bytes of signs kept between the passes, at most


class BlockEngine:
    r"""Engine for every activation with a compiled form; methods as in :class:`NumpyEngine`.

    Parameters
    ----------
    code : int or None
        One of ``CODES.values()``, or ``PIECEWISE``.
    slopes : tuple of float
        Slopes for positive, negative and zero pre-activations of a piecewise linear activation.
    systems : int
        How many systems take turns with it, outputs of all before the moves: they share the memory for signs.
    """

    def __init__(self, code: int | None, slopes: tuple[float, float, float] = (0.0, 0.0, 0.0), systems: int = 1) -> None:
        self.code, self.slopes, self.systems = code, slopes, systems
        self._free: list[Array] = []  # memory for signs: fresh pages would cost as much as a product

    def prepare(self, X: Array) -> tuple[Array, int]:
        """Samples, filled up with zeros to whole tiles, and the number of the true ones."""
        n, D = X.shape
        return np.ascontiguousarray(np.pad(X, ((0, -n % ROWS), (0, -D % ROWS)))), n

    def outputs(self, W: Array, a: Array, inputs: tuple[Array, int], keep: bool = True) -> tuple[Array, Any]:
        X, n = inputs
        blocks = -(-len(W) // PARTICLES)
        signs = np.empty((0, 0, 0), np.int8)
        if keep and self.code is PIECEWISE and a.shape[1] == 1 and blocks * len(X) * PARTICLES * self.systems <= SIGNS:
            signs = self._memory((blocks, len(X), PARTICLES))
        partial = np.zeros((min(CHUNKS, blocks), len(X), a.shape[1]), X.dtype)
        all_of_it = W, a, X, self.code, self._slopes(X.dtype), partial, signs
        if W.size * n < SERIAL:
            forward(*all_of_it, 0, len(partial))
        else:
            forward_on_threads(*all_of_it)
        return partial.sum(axis=0)[:n], signs

    def move(
        self, W: Array, a: Array, inputs: tuple[Array, int], r: Array, rate: float, out: tuple[Array, Array], add: bool, memo: Any
    ) -> None:
        X, n = inputs
        r = np.pad(r, ((0, len(X) - n), (0, 0)))
        all_of_it = W, a, X, X * r if r.shape[1] == 1 else X, r, self.code, self._slopes(X.dtype), rate, *out, add, memo
        if W.size * n < SERIAL:
            backward(*all_of_it, 0, -(-len(W) // PARTICLES))
        else:
            backward_on_threads(*all_of_it)
        if len(memo) and not any(signs is memo for signs in self._free):
            self._free.append(memo)

    def _slopes(self, dtype: np.dtype) -> Any:
        return tuple(map(dtype.type, self.slopes))

    def _memory(self, shape: tuple[int, int, int]) -> Array:
        """The signs of a step that is over, or new memory."""
        while self._free:
            if (signs := self._free.pop()).shape == shape:
                return signs
        return np.empty(shape, np.int8)
