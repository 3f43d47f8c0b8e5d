"""Training data as a problem sees them: checked, of one dtype, with their loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .checks import array, shown, squarable
from .losses import Loss
from .losses import get as get_loss

__all__ = ["Data", "needed", "unwanted"]

Array = np.ndarray


@dataclass(frozen=True)
class Data:
    """Inputs, targets, loss and optional test inputs of one learning problem.

    Attributes
    ----------
    X : ndarray, shape (n, d)
    y : ndarray, shape (n, k)
        One-hot rows for cross-entropy.
    loss : Loss
    X_test : ndarray, shape (n', d), or None
    """

    X: Array
    y: Array
    loss: Loss
    X_test: Array | None = None

    @classmethod
    def check(cls, X: Any, y: Any, loss: str | Loss = "squared", X_test: Any = None) -> Data:
        """Convert and check raw arrays. float32 inputs keep all of it in float32; anything else is float64.

        Raises
        ------
        ValueError
            Naming X, y, loss or X_test, where it is empty, not finite, of the wrong shape, so large or small that squares have no digits,
            or does not fit the loss.
        """
        if y is None:
            raise ValueError("y: is missing; X was given, so give the targets y as well")
        loss = get_loss(loss)
        X = squarable("X", array("X", X))
        y = squarable("y", loss.check(y, X.dtype))
        if len(X) != len(y):
            raise ValueError(f"y: has {len(y)} rows but X has {len(X)}; they must hold the same samples")
        if X_test is not None:
            X_test = squarable("X_test", array("X_test", X_test, dtype=X.dtype, columns=X.shape[1]))
        return cls(X, y, loss, X_test)

    @property
    def n(self) -> int:
        """Number of samples."""
        return len(self.X)

    @property
    def outputs(self) -> int:
        """Number of outputs k."""
        return self.y.shape[1]

    def rows(self, rows: Array | None) -> tuple[Array, Array]:
        """Inputs and targets of those rows, a vector of their numbers, or of all; ValueError where there are no such rows."""
        return (self.X, self.y) if rows is None else (_taken(self.X, rows), _taken(self.y, rows))

    def judge(self, f: Array, rows: Array | None = None) -> tuple[float, Array]:
        """Mean loss of outputs ``f`` on those rows, and its gradient: the residuals divided by the number of rows.

        ValueError where there are no such rows, or ``f`` is not one row of outputs for each.
        """
        y = self.y if rows is None else _taken(self.y, rows)
        if not isinstance(f, np.ndarray) or f.shape != y.shape or not len(y):
            raise ValueError(f"f: need outputs of shape {y.shape}, one row or more, got {shown(f)}")
        return self.loss.judge(f, y)


def _taken(a: Array, rows: Array) -> Array:
    """Those rows of a matrix: of every minibatch, so nothing is looked at but what came out."""
    reason = ""
    try:
        taken = a[rows]
        if taken.ndim == 2:
            return taken
    except IndexError as error:
        reason = f" ({error})"
    raise ValueError(f"rows: need a vector of row numbers from 0 to {len(a) - 1}, or None for all, got {shown(rows)}{reason}")


def needed(data: Data | None, way_out: str = "give X and y") -> Data:
    """The data of a model that learns from data; refuses a call without them."""
    if data is None:
        raise ValueError(f"X: is missing, and this model learns from data; {way_out}")
    return data


def unwanted(data: Data | None, way_out: str = "call solve without X and y") -> None:
    """Refuses the data of a model that has a population of its own, or none at all."""
    if data is not None:
        raise ValueError(f"X: was given, and this model has a population or an energy of its own; {way_out}")
