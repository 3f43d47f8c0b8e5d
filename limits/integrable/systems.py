"""Independent systems of neurons, whose mean is the answer and whose scatter its Monte-Carlo error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import Batched, FirstStep, Foreseen, Fused, Refinable, Retractable, WithError
from ...solvers.machine.memory import by_parts
from ...solvers.noise_abilities import CommonParameters, NoiseUnits
from ...solvers.problem import Coordinates, Evaluation, Snapshot, Update
from ...solvers.studies.replicas import simultaneous_error
from .history import LARGEST, HistoryProblem, history_bytes
from .neurons import NeuronProblem

__all__ = ["LARGEST", "FewNeurons", "Histories", "Systems"]

Array = np.ndarray


class Systems(Fused, FirstStep, CommonParameters, NoiseUnits, WithError):
    """Problem of R independent systems that see the same rows. Its state is theirs, one after the other.

    The outputs are the mean of theirs and the loss is of it; each moves by its own residual.
    """

    coordinates: ClassVar[Coordinates] = "parameters"
    takes_noise = True

    def __init__(self, systems: list[NeuronProblem]) -> None:
        self.systems, self.data, self.first_step = systems, systems[0].data, systems[0].first_step
        size, biases = systems[0].size, np.arange(systems[0].size)[systems[0].common]
        self.replicas = len(systems)
        self.common = (size * np.arange(self.replicas)[:, None] + biases).ravel()

    @property
    def replica_size(self) -> int:
        """Neurons per layer of each system."""
        return self.systems[0].neurons

    def start(self) -> Array:
        return np.concatenate([system.start() for system in self.systems])

    def parts(self, state: Array) -> list[Array]:
        """Views of a state, one per system."""
        return np.split(state, len(self.systems))

    def replica_outputs(self, state: Array, X: Array | None = None) -> Array:
        """Outputs of each system, shape (R, n, k), at the training inputs or at others."""
        X = self.data.X if X is None else X
        return np.array([system.predict(part, X) for system, part in zip(self.systems, self.parts(state), strict=True)])

    def predict(self, state: Array, X: Array) -> Array:
        return by_parts(lambda part: self.replica_outputs(state, part).mean(axis=0), X, len(self.systems) * self.data.outputs)

    def output_error(self, X_test: Array | None) -> Callable[[Array], float] | None:
        """Bound that holds at the training points and these test points at once; None with a single system, which cannot tell."""
        if len(self.systems) == 1:
            return None
        X = self.data.X if X_test is None else np.concatenate([self.data.X, X_test])
        return lambda state: simultaneous_error(self.replica_outputs(state, X))

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        velocities = [None] * len(self.systems) if velocity is None else self.parts(velocity)
        found = [
            system.evaluate(part, out, step=step, rows=rows)
            for system, part, out in zip(self.systems, self.parts(state), velocities, strict=True)
        ]
        return self._mean([evaluation.outputs for evaluation in found], rows)

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Update]:
        found = [system.descend(part, step=step, rows=rows) for system, part in zip(self.systems, self.parts(state), strict=True)]

        def update(rate: float) -> None:
            for _, move in found:
                move(rate)

        return self._mean([evaluation.outputs for evaluation, _ in found], rows), update

    def _mean(self, outputs: list[Array], rows: Any) -> Evaluation:
        f = np.mean(outputs, axis=0)
        return Evaluation(self.data.judge(f, rows)[0], f)


class FewNeurons(Systems):
    """The same where one neuron stands for a whole layer. Its weights move as they all do, but noise on each weight of such a layer
    averages out in the network, and on the one that stands for them it would not."""

    coordinates: ClassVar[Coordinates] = "reduced"
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"noise": "use a finite Network"})


class Histories(Batched, Retractable, Foreseen, Refinable, FirstStep, WithError):
    """The same for systems whose state is their history. One BLAS thread: products of n rows are bound by memory."""

    threads = "block"
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"noise": "take kernels='dense', or a finite Network"})

    def __init__(self, systems: list[HistoryProblem], first_step: bool) -> None:
        self.systems, self.data, self.first_step = systems, systems[0].data, first_step

    @property
    def replica_size(self) -> int:
        """Neurons per layer of each system."""
        return self.systems[0].neurons

    def reserve(self, times: int) -> None:
        one = self.systems[0]
        need = len(self.systems) * history_bytes(one.L, one.neurons, self.data.n, times, self.data.X.itemsize)
        if need > LARGEST:
            raise ValueError(
                f"neurons: {times} times of {self.data.n} samples take {need / 1e9:.1f} GB as factors, more than {LARGEST / 1e9:g} GB;"
                " lower neurons or steps, or take kernels='dense'"
            )
        for system in self.systems:
            system.reserve(times)

    @property
    def times(self) -> int:
        return self.systems[0].times

    def coarser(self) -> Histories:
        """The same systems from their start: a flow estimates its error by a second run on them."""
        return Histories([system.fresh() for system in self.systems], self.first_step)

    def extend(self, weights: Array, rows: Any = None) -> Evaluation:
        f = np.mean([system.extend(weights, rows).outputs for system in self.systems], axis=0)
        return Evaluation(self.data.judge(f, rows)[0], f)

    def evaluate(self, state: Any) -> Evaluation:
        f = np.mean([system.evaluate(system).outputs for system in self.systems], axis=0)
        return Evaluation(self.data.judge(f)[0], f)

    def retract(self, times: int, weights: Array) -> None:
        for system in self.systems:
            system.retract(times, weights)

    def replica_outputs(self, state: Any, X: Array | None = None) -> Array:
        """Outputs of each system, shape (R, n, k), at the training inputs or at others."""
        return np.array([system.predict(system, self.data.X if X is None else X) for system in self.systems])

    def predict(self, state: Any, X: Array) -> Array:
        return by_parts(lambda part: self.replica_outputs(state, part).mean(axis=0), X, len(self.systems) * self.data.outputs)

    def output_error(self, X_test: Array | None) -> Callable[[Any], float] | None:
        if len(self.systems) == 1:
            return None
        X = self.data.X if X_test is None else np.concatenate([self.data.X, X_test])
        return lambda state: simultaneous_error(self.replica_outputs(state, X))

    def history(self, times: int | None = None) -> Snapshot:
        return {"systems": [system.history(times) for system in self.systems]}

    def restore(self, history: Snapshot) -> None:
        for system, stored in zip(self.systems, history["systems"], strict=True):
            system.restore(stored)
