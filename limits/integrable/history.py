r"""Deep mean-field limits by N neurons per layer, their kernels kept as factors.

Every step adds n outer products to a kernel, so that after t steps

.. math:: W_l(t) = W_l(0) - \sum_{s < t} \omega_{ts} \sum_i \delta^l_s(i) \otimes x^{l-1}_s(i)

with the coefficient :math:`\omega_{ts}` of the gradient of step s in the parameters at step t. The state is this history of fields, and
N x N matrices never exist: a step costs O(L N n^2 t), the memory is 2 L N n t numbers. A minibatch of B samples adds B of them, a step of
an adaptive flow as many as it has stages.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.abilities import Batched, Retractable
from ...solvers.data import Data
from ...solvers.machine.memory import by_parts
from ...solvers.problem import Evaluation, MethodFailed, Snapshot
from ..activations import Activation
from .germ import Germ
from .start import Start

__all__ = ["LARGEST", "HistoryProblem", "history_bytes"]

Array = np.ndarray

LARGEST = 4e9  # bytes


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


class HistoryProblem(Batched, Retractable):
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
        self._rows: list[Array] = []  # and the samples of its gradients
        self._all, self._minibatches = np.arange(data.n), False
        self._weights = np.empty(0)

    def reserve(self, times: int) -> None:
        """Memory for that many times."""
        for columns in (*self._signals.values(), *self._inputs.values()):
            columns.reserve(times * self.data.n)

    @property
    def times(self) -> int:
        return len(self._last)

    def fresh(self) -> HistoryProblem:
        """The same problem before its first time."""
        return HistoryProblem(self.data, self.activation, self._germ, self._initial)

    def extend(self, weights: Array, rows: Any = None) -> Evaluation:
        t, data = self.times, self.data
        weights = np.asarray(weights, float)
        if weights.shape != (t,):
            raise ValueError(f"weights: need one coefficient per past step, shape ({t},), got {weights.shape}")
        if rows is not None and any((field.row < 0).any() for field in self._initial.fields.values()):
            raise ValueError(
                f"batch_size: with {self.activation.name} the signs of vanishing fields are needed on all neurons, which is a matrix; take"
                " kernels='dense' (with replicas, where one system is too large), or leave batch_size out"
            )
        need = history_bytes(self.L, self.neurons, 1, sum(map(len, self._rows)) + data.n, data.X.itemsize)
        if need > LARGEST:
            raise MethodFailed(
                f"the history takes {need / 1e9:.1f} GB, more than {LARGEST / 1e9:g} GB; lower neurons, or take kernels='dense'"
            )
        self._weights = weights
        self._rows.append(self._all if rows is None else np.asarray(rows))
        self._minibatches |= rows is not None
        x, h, f = self._forward(data.rows(rows)[0])
        loss, residual = data.judge(f, rows)
        first = self._initial.first_pass
        if t == 0 and first is not None:
            chosen = slice(None) if rows is None else rows
            *signals, residual = (g[chosen] * g.dtype.type(1 / len(f)) for g in first.signals)
            self._push([inputs[chosen] for inputs in first.inputs[1:]], signals, residual)
        else:
            self._push(x[1:], self._backward(x, h, residual), residual)
        return Evaluation(loss, f)

    def evaluate(self, state: Any) -> Evaluation:
        f = self._forward(self.data.X)[2]
        return Evaluation(self.data.judge(f)[0], f)

    def retract(self, times: int, weights: Array) -> None:
        kept = sum(map(len, self._rows[:times]))
        for columns in (*self._signals.values(), *self._inputs.values()):
            columns.rows = kept
        del self._last[times:], self._residuals[times:], self._rows[times:]
        self._weights = np.asarray(weights, float)

    def predict(self, state: Any, X: Array) -> Array:
        return by_parts(lambda part: self._forward(part)[2], X, 2 * self.L * self.neurons + 2 * self._signals[1].rows)

    def history(self, times: int | None = None) -> Snapshot:
        times = self.times if times is None else times
        rows = sum(map(len, self._rows[:times]))
        return {
            "weights": self._weights,
            "signals": [self._signals[l].memory[:rows].copy() for l in range(1, self.L + 1)],
            "inputs": [self._inputs[l].memory[:rows].copy() for l in range(1, self.L)],
            "last": np.array(self._last[:times]),
            "residuals": np.array(self._residuals[:times]),
            "rows": np.concatenate([np.empty(0, int), *self._rows[:times]]) if self._minibatches else np.empty(0, int),
            "counts": np.array([len(rows) for rows in self._rows[:times]], int),
        }

    def restore(self, history: Snapshot) -> None:
        self._weights = history["weights"]
        for stored, columns in (("signals", self._signals), ("inputs", self._inputs)):
            for l, fields in enumerate(history[stored], start=1):
                columns[l].rows = 0
                columns[l].push(fields)
        self._last, self._residuals = list(history["last"]), list(history["residuals"])
        counts, self._minibatches = history["counts"], len(history["rows"]) > 0
        self._rows = np.split(history["rows"], np.cumsum(counts)[:-1]) if self._minibatches else [self._all] * len(counts)

    def _push(self, inputs: list[Array], signals: list[Array], residual: Array) -> None:
        for l in range(1, self.L + 1):
            self._signals[l].push(signals[l - 1])
            if l < self.L:
                self._inputs[l].push(inputs[l - 1])
        self._last.append(residual.T @ inputs[-1])
        self._residuals.append(residual.sum(axis=0))

    def _coefficients(self) -> Array:
        counts = [len(rows) for rows in self._rows[: len(self._weights)]]
        return np.repeat(self._weights, counts).astype(self.data.X.dtype)

    def _first_layer(self, X: Array, past: Array) -> Array:
        """Pre-activations of layer 1."""
        start, signals, t = X @ self._initial.first.T, self._signals[1].memory[: len(past)], len(self._weights)
        if self._minibatches:
            seen = self.data.X[np.concatenate([np.empty(0, int), *self._rows[:t]])]
            return start - ((X @ seen.T) * past) @ signals
        per_sample = past[:: self.data.n] @ signals.reshape(t, self.data.n * self.neurons)  # the sum over time, of the same inputs
        return start - (X @ self.data.X.T) @ per_sample.reshape(self.data.n, -1)

    def _forward(self, X: Array) -> tuple[list[Array], list[Array], Array]:
        """Inputs x^0..x^L, pre-activations h^1..h^L, and outputs, at the newest time."""
        start, past = self._initial, self._coefficients()
        rows, t = len(past), len(self._weights)
        x, h = [X], [self._first_layer(X, past)]
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
                known = field.first[self._rows[-1]]
                slope = field.slope(self._germ, slope, h[l - 1], x[l - 1]) if len(self._weights) else self._germ.slope(known)
            signals.insert(0, slope * below)
            if l > 1:
                overlaps = (signals[0] @ self._signals[l].memory[:rows].T) * past
                below = -overlaps @ self._inputs[l - 1].memory[:rows]
                if (kernel := start.kernels[l - 2]) is not None:
                    below += (signals[0] @ kernel[0]) @ kernel[1].T if isinstance(kernel, tuple) else signals[0] @ kernel
                below *= below.dtype.type(1 / self.neurons)
        return signals
