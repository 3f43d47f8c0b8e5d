"""Exponents of every quantity of a training run, step by step, with a table to read."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

__all__ = ["Exponents", "power"]

Array = np.ndarray


def power(e: float) -> str:
    """An exponent as a short fraction: ``-1/2``, ``0``, ``-`` for a quantity that is exactly zero."""
    if e == -np.inf:
        return "-"
    near = Fraction(float(e)).limit_denominator(12)
    return str(near) if abs(near - e) < 1e-6 else f"{e:.2f}"


@dataclass(frozen=True, eq=False)
class Exponents:
    r"""Powers of the width m, for steps 0..T of gradient descent. Minus infinity marks what is exactly zero.

    Sizes are those of a typical entry; first axis: step; second axis: layer 1..L.

    Attributes
    ----------
    h : ndarray, shape (T + 1, L)
        Pre-activations :math:`h^l`.
    x : ndarray, shape (T + 1, L)
        Activations :math:`\phi(h^l)`.
    gradient : ndarray, shape (T + 1, L)
        :math:`m\,\partial f/\partial h^l`, of one output and one sample, without the residual: of order 1 where a change of every
        neuron by order 1 can change f by order 1.
    f : ndarray, shape (T + 1,)
        Output.
    update : ndarray, shape (T + 1, L + 1)
        Effect of a layer's own update in that step at fixed input, :math:`m^{-a_l}(w^l_{t+1} - w^l_t)\,x^{l-1}_t` (and its bias); the
        last column is the output layer's, a change of f.
    change : ndarray, shape (T + 1, L)
        :math:`h^l_{t+1} - h^l_t`: own update and what comes from below.
    f_change : ndarray, shape (T + 1,)
        :math:`f_{t+1} - f_t`.
    moved : ndarray, shape (T + 2, L)
        :math:`x^l_t - x^l_0`, for t = 0..T+1: how far the features are from where they started.
    title : str
    bias_update : ndarray, shape (T + 1, L + 1), or None
        The part of the biases in ``update``; None where there are none.
    """

    h: Array
    x: Array
    gradient: Array
    f: Array
    update: Array
    change: Array
    f_change: Array
    moved: Array
    title: str = ""
    bias_update: Array | None = None

    @property
    def steps(self) -> int:
        """Last step T of the table."""
        return len(self.f) - 1

    @property
    def hidden_layers(self) -> int:
        """Number L of hidden layers."""
        return self.h.shape[1]

    def rows(self) -> list[tuple[str, Array]]:
        """Name and exponents (T + 1,) of every row of the printed table."""
        L = self.hidden_layers
        biases = np.empty((len(self.f), 0)) if self.bias_update is None else self.bias_update
        return [
            *((f"h{l + 1}", self.h[:, l]) for l in range(L)),
            ("f", self.f),
            *((f"m df/dh{l + 1}", self.gradient[:, l]) for l in range(L)),
            *((f"update of layer {l + 1}" if l < L else "update of output", self.update[:, l]) for l in range(L + 1)),
            *((f"update of bias {l + 1}" if l < L else "update of output bias", biases[:, l]) for l in range(biases.shape[1])),
            *((f"change of h{l + 1}", self.change[:, l]) for l in range(L)),
            ("change of f", self.f_change),
        ]

    def __str__(self) -> str:
        steps, rows = range(self.steps + 1), self.rows()
        wide = max(18, 1 + max(len(name) for name, _ in rows))
        lines = [self.title, " " * wide + "".join(f"{f'step {t}':>8}" for t in steps)]
        lines += [f"{name:{wide}}" + "".join(f"{power(e):>8}" for e in values) for name, values in rows]
        return "\n".join(lines)
