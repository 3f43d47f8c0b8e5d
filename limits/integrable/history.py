r"""Deep mean-field limits by N neurons per layer, their kernels kept as factors.

Every step adds n outer products to a kernel, so that after t steps

.. math:: W_l(t) = W_l(0) - \sum_{s < t} \omega_{ts} \sum_i \delta^l_s(i) \otimes x^{l-1}_s(i)

with the coefficient :math:`\omega_{ts}` of the gradient of step s in the parameters at step t. The state is this history of fields, and
N x N matrices never exist: a step costs O(L N n^2 t), the memory is 2 L N n t numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.data import Data
from ...solvers.problem import Causal, Evaluation, Snapshot
from ..activations import Activation
from .germ import Germ
from .start import Start

__all__ = ["HistoryProblem", "history_bytes"]

Array = np.ndarray


def history_bytes(hidden_layers: int, neurons: int, samples: int, times: int, itemsize: int) -> int:
    """Memory of the history: the fields of L layers backward and L - 1 forward."""
    return itemsize * (2 * hidden_layers - 1) * neurons * samples * times


class _Columns:
    """Rows of fields, sample after sample and time after time, in memory that grows by doubling."""

    def __init__(self, neurons: int, dtype: np.dtype) -> None:
        self.memory = np.empty((0, neurons), dtype)
        self.rows = 0

    def reserve(self, rows: int) -> None:
        if rows > len(self.memory):
            larger = np.empty((rows, self.memory.shape[1]), self.memory.dtype)
            larger[: self.rows] = self.memory[: self.rows]
            self.memory = larger

    def push(self, fields: Array) -> None:
        if (rows := self.rows + len(fields)) > len(self.memory):
            self.reserve(max(rows, 2 * self.rows))
        self.memory[self.rows : rows] = fields
        self.rows = rows


class HistoryProblem(Causal):
    """Problem of one system of neurons, whose state is its history.

    Parameters
    ----------
    data : Data
    activation : Activation
    germ : Germ
    start : Start
    """

    def __init__(self, data: Data, activation: Activation, germ: Germ, start: Start) -> None:
        self.data, self.activation, self._germ, self._initial = data, activation, germ, start
        self.L, neurons, dtype = len(start.kernels) + 1, len(start.first), data.X.dtype
        self.neurons = neurons
        self._signals = {l: _Columns(neurons, dtype) for l in range(1, self.L + 1)}
        self._inputs = {l: _Columns(neurons, dtype) for l in range(1, self.L)}
        self._last: list[Array] = []  # per time: gradients of the output weights (k, N)
        self._residuals: list[Array] = []  # and of the output biases (k,)
        self._weights = np.empty(0)

    def reserve(self, times: int) -> None:
        """Memory for that many times."""
        for columns in (*self._signals.values(), *self._inputs.values()):
            columns.reserve(times * self.data.n)

    def extend(self, weights: Array) -> Evaluation:
        t, data = len(self._last), self.data
        weights = np.asarray(weights, float)
        if weights.shape != (t,):
            raise ValueError(f"weights: need one coefficient per past step, shape ({t},), got {weights.shape}")
        self._weights = weights
        x, h, f = self._forward(data.X)
        loss, residual = data.judge(f)
        first = self._initial.first_pass
        if t == 0 and first is not None:
            *signals, residual = (g * g.dtype.type(1 / data.n) for g in first.signals)
            self._push(first.inputs[1:], signals, residual)
        else:
            self._push(x[1:], self._backward(x, h, residual), residual)
        return Evaluation(loss, f)

    def predict(self, state: Any, X: Array) -> Array:
        return self._forward(X)[2]

    def history(self, times: int | None = None) -> Snapshot:
        times = len(self._last) if times is None else times
        rows = times * self.data.n
        return {
            "weights": self._weights,
            "signals": [self._signals[l].memory[:rows].copy() for l in range(1, self.L + 1)],
            "inputs": [self._inputs[l].memory[:rows].copy() for l in range(1, self.L)],
            "last": np.array(self._last[:times]),
            "residuals": np.array(self._residuals[:times]),
        }

    def restore(self, history: Snapshot) -> None:
        self._weights = history["weights"]
        for stored, columns in (("signals", self._signals), ("inputs", self._inputs)):
            for l, fields in enumerate(history[stored], start=1):
                columns[l].rows = 0
                columns[l].push(fields)
        self._last, self._residuals = list(history["last"]), list(history["residuals"])

    def _push(self, inputs: list[Array], signals: list[Array], residual: Array) -> None:
        for l in range(1, self.L + 1):
            self._signals[l].push(signals[l - 1])
            if l < self.L:
                self._inputs[l].push(inputs[l - 1])
        self._last.append(residual.T @ inputs[-1])
        self._residuals.append(residual.sum(axis=0))

    def _coefficients(self) -> Array:
        return np.repeat(self._weights, self.data.n).astype(self.data.X.dtype)

    def _forward(self, X: Array) -> tuple[list[Array], list[Array], Array]:
        """Inputs x^0..x^L, pre-activations h^1..h^L, and outputs, at the newest time."""
        start, past = self._initial, self._coefficients()
        rows, t = len(past), len(self._weights)
        per_sample = past[:: self.data.n] @ self._signals[1].memory[:rows].reshape(t, self.data.n * self.neurons)  # sum over time
        x, h = [X], [X @ start.first.T - (X @ self.data.X.T) @ per_sample.reshape(self.data.n, -1)]
        for l in range(1, self.L + 1):
            if start.biases:
                h[-1] += start.biases[l - 1] - past @ self._signals[l].memory[:rows]
            x.append(self.activation.value(h[-1]))
            if l < self.L:
                overlaps = (x[l] @ self._inputs[l].memory[:rows].T) * past
                h.append(-overlaps @ self._signals[l + 1].memory[:rows])
                if (kernel := start.kernels[l - 1]) is not None:
                    h[-1] += (x[l] @ kernel[1]) @ kernel[0].T if isinstance(kernel, tuple) else x[l] @ kernel.T
                h[-1] *= X.dtype.type(1 / self.neurons)
        last, biases = start.last, start.biases[-1] if start.biases else X.dtype.type(0)
        if t:
            weights = self._weights.astype(X.dtype)
            last = last - np.tensordot(weights, np.array(self._last[:t]), 1)
            if start.biases:
                biases = biases - weights @ np.array(self._residuals[:t])
        f = (x[-1] @ last.T) * X.dtype.type(1 / self.neurons) + biases
        self._output = last
        return x, h, f

    def _backward(self, x: list[Array], h: list[Array], residual: Array) -> list[Array]:
        """Signals of layers 1..L at the newest time."""
        start, past = self._initial, self._coefficients()
        rows = len(past)
        below = residual @ self._output
        signals: list[Array] = []
        for l in range(self.L, 0, -1):
            slope = self.activation.derivative(h[l - 1])
            if (field := start.fields.get(l)) is not None:
                # At step 0 the field on all neurons is known, later it is needed on those alone that have not learned.
                slope = field.slope(self._germ, slope, h[l - 1], x[l - 1]) if len(self._weights) else self._germ.slope(field.first)
            signals.insert(0, slope * below)
            if l > 1:
                overlaps = (signals[0] @ self._signals[l].memory[:rows].T) * past
                below = -overlaps @ self._inputs[l - 1].memory[:rows]
                if (kernel := start.kernels[l - 2]) is not None:
                    below += (signals[0] @ kernel[0]) @ kernel[1].T if isinstance(kernel, tuple) else signals[0] @ kernel
                below *= below.dtype.type(1 / self.neurons)
        return signals
