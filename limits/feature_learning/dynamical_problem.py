"""Training by dynamical mean-field theory: a march per replica, with the error of their outputs and a history that is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from ...solvers.abilities import Batched, WithError
from ...solvers.checks import array
from ...solvers.data import Data
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import Evaluation, MethodFailed, Snapshot
from ...solvers.studies.replicas import simultaneous_error
from .march import FieldTheory, March
from .passive import PassiveKernels, passive_kernels, passive_outputs
from .rows import Budget
from .storage import cut, restore, snapshot

__all__ = ["DynamicalProblem", "FieldKernels"]

Array = np.ndarray

COARSER = 8.0  # factor of the tolerances of the two marches whose outputs are compared


class FieldKernels(NamedTuple):
    r"""Kernels at the newest time on n inputs, means over the replicas.

    Attributes
    ----------
    forward : ndarray, shape (L + 1, n, n)
        :math:`\Phi^0 = X X^\top` and :math:`\Phi^l = \langle\phi(h^l)\,\phi(h^l)\rangle`.
    backward : ndarray, shape (L + 1, n, k, n, k)
        :math:`G^l = \langle g^l g^l\rangle` for l = 1 .. L, and :math:`G^{L+1} = 1`.
    tangent : ndarray, shape (n, k, n, k)
        :math:`\Theta = \sum_l \kappa_l\, \Phi^{l-1} G^l`, with :math:`\dot f = -\Theta\, \partial\mathrm{Loss}/\partial f` of the flow.
    """

    forward: Array
    backward: Array
    tangent: Array


class DynamicalProblem(Batched, WithError):
    """The limit on its data: one march per replica, each trained on its own outputs.

    A second march with the noise of the first drops more, and the difference of the two is the error of what the first drops.

    A history is stored as the samples of all layers at the time before the newest; taking it up again takes one step, to the same bits.
    """

    threads: ClassVar[Literal["gemm", "block"]] = "block"  # products too thin for threads
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"noise": "use a finite Network", "flow": "use GradientDescent or HeavyBall"})

    def __init__(self, data: Data, theory: FieldTheory, replicas: int, memory: float, seeds: np.random.SeedSequence) -> None:
        self.data, self.theory, self.replicas, self.memory, self.seeds = data, theory, replicas, memory, seeds
        X = data.X.astype(float)
        _, size, directions = np.linalg.svd(X, full_matrices=False)
        kept = size > size[0] * max(X.shape) * np.finfo(float).eps
        kept[0] = True
        self.basis = directions[kept].T  # (d, r)
        self._begin()

    def _begin(self) -> None:
        budget = Budget(self.memory)
        Z = self.data.X.astype(float) @ self.basis
        children = np.random.SeedSequence(self.seeds.entropy).spawn(self.replicas)
        self.marches = [March(self.theory, Z, self.data.outputs, child, budget) for child in children]
        self.shadow = None
        if self.replicas > 1:
            coarse = replace(self.theory, tolerance=COARSER * self.theory.tolerance)
            self.shadow = March(coarse, Z, self.data.outputs, children[0], budget, like=self.marches[0])
        self.times = 0
        self.last: list[tuple[Array, Array | None]] = []  # coefficients and rows of the newest two times at most
        self.newest = np.zeros((self.replicas, self.data.n, self.data.outputs))

    def extend(self, weights: Array, rows: Any = None) -> Evaluation:
        weights = np.asarray(weights, float)
        if weights.shape != (self.times,):
            raise ValueError(f"weights: need one coefficient per past step, shape ({self.times},), got {weights.shape}")
        try:
            self._march(weights, rows)
        except MethodFailed:
            self._go_back()
            raise
        self.times += 1
        self.last = [*self.last[-1:], (weights, None if rows is None else np.asarray(rows))]
        f = self.newest.mean(axis=0).astype(self.data.X.dtype)
        f = f if rows is None else f[rows]
        return Evaluation(self.data.judge(f, rows)[0], f)

    def _march(self, weights: Array, rows: Any) -> None:
        """One more time of all systems."""
        for r, march in enumerate(self.marches):
            self.newest[r] = self._step(march, weights, rows)
        if self.shadow is not None:
            self.shadowed = self._step(self.shadow, weights, rows)

    def _go_back(self) -> None:
        """To the newest time that all systems have come to."""
        if self.times:
            for march in self._all:
                cut(march, self.times - 1)
            self._march(*self.last[-1])

    @property
    def _all(self) -> list[March]:
        return self.marches if self.shadow is None else [*self.marches, self.shadow]

    def _step(self, march: March, weights: Array, rows: Any) -> Array:
        """One more time of a march, which learns from those rows; its outputs on all."""
        f = march.extend(weights[:, None])
        seen = np.arange(len(f))[slice(None) if rows is None else rows]
        residual = np.zeros_like(f)
        np.add.at(residual, seen, self.data.judge(f[seen].astype(self.data.X.dtype), rows)[1].astype(float))
        march.learn(residual)
        return f

    def evaluate(self, state: Any) -> Evaluation:
        f = self.newest.mean(axis=0).astype(self.data.X.dtype)
        return Evaluation(self.data.judge(f)[0], f)

    def predict(self, state: Any, X: Array) -> Array:
        """Outputs of the newest time at other inputs, as fields that nothing is learned from."""
        return self.replica_outputs(X).mean(axis=0).astype(self.data.X.dtype)

    def replica_outputs(self, X: Array | None = None) -> Array:
        """Outputs of each replica at the newest time, shape (R, n', k); default: at the training inputs."""
        if X is None:
            return self.newest.copy()
        needs = 32.0 * len(X) * (len(X) + self.marches[0].theory.samples)
        refuse_above_available("X", f"the joint law of {len(X)} points", needs, "give fewer at a time")
        return np.stack([passive_outputs(march, *self._split(X)) for march in self.marches])

    def output_error(self, X_test: Array | None) -> Callable[[Any], float] | None:
        if len(self.marches) == 1:
            return None
        points = [None] + ([] if X_test is None else [X_test])

        def error(state: Any) -> float:
            scatter = simultaneous_error(np.concatenate([self.replica_outputs(X) for X in points], axis=1))
            return scatter + max(self.error_of_dropping(X) for X in points)

        return error

    def error_of_dropping(self, X: Array | None = None) -> float:
        """Error of what is dropped: it falls at least in proportion to the tolerance, in the end with its square."""
        if self.shadow is None:
            return 0.0
        if X is None:
            return float(np.abs(self.shadowed - self.newest[0]).max()) / (COARSER - 1)
        one, other = (passive_outputs(march, *self._split(X)) for march in (self.marches[0], self.shadow))
        return float(np.abs(one - other).max()) / (COARSER - 1)

    def _split(self, X: Array) -> tuple[Array, Array]:
        """Inputs in the basis of the training inputs, and the rest of them."""
        X = array("X", X, columns=len(self.basis)).astype(float)
        inside = X @ self.basis
        return inside, X - inside @ self.basis.T

    def kernels(self, X: Array | None = None) -> FieldKernels:
        """Kernels of the newest time at inputs (n', d), default: the training inputs."""
        if X is None:
            forward, backward = (np.mean(each, axis=0) for each in zip(*(self._of_training(march) for march in self.marches), strict=True))
        else:
            passive = self._passive(X)
            forward, backward = (np.mean([getattr(one, name) for one in passive], axis=0) for name in ("forward", "backward"))
        return FieldKernels(forward, backward, np.einsum("l,lij,liajb->iajb", self.theory.rates, forward, backward))

    def _of_training(self, march: March) -> tuple[Array, Array]:
        n = self.data.n
        c, b = [table.values[-n:, 0] for table in march.features], [table.values[-n:] for table in march.gradients]
        return np.array([own @ own.T for own in c]), np.array([np.einsum("iar,jbr->iajb", own, own) for own in b])

    def _passive(self, X: Array) -> list[PassiveKernels]:
        inside, outside = self._split(X)
        n, k, S = len(inside), self.data.outputs, self.theory.samples
        needs = 8.0 * ((self.theory.hidden_layers + 1) * len(self.marches) * (n * n * (1 + k * k) + n * S) + 4 * n * (1 + k) * S)
        refuse_above_available("X", f"fields and kernels of {n} points", needs, "give fewer at a time")
        try:
            return [passive_kernels(march, inside, outside) for march in self.marches]
        except MethodFailed as error:
            raise ValueError(
                f"X: the fields at {n} inputs have more directions than {S} samples per replica can carry; give fewer"
            ) from error

    def preactivations(self, X: Array | None = None) -> Array:
        """Samples of the pre-activations at the newest time, shape (L, n', S): one sample is a draw of their joint law over inputs; at
        inputs (n', d), default: the training inputs."""
        return np.concatenate([march.h for march in self.marches] if X is None else [one.h for one in self._passive(X)], axis=2)

    def history(self, times: int | None = None) -> Snapshot:
        end = self.times if times is None else times
        if not (end == 0 or 0 <= self.times - end < len(self.last)):
            raise ValueError(f"times: {times} is not among those that this history can go back to, 0 and {self.times} less at most 1")
        if end == 0:
            return {"times": 0}
        weights, rows = self.last[end - self.times - 1]
        return {"times": end, "weights": weights, "rows": rows, "marches": [snapshot(march, end - 1) for march in self._all]}

    def restore(self, history: Snapshot) -> None:
        self._begin()
        if history["times"] == 0:
            return
        for march, stored in zip(self._all, history["marches"], strict=True):
            restore(march, stored)
        self.times = int(history["times"]) - 1
        self.extend(history["weights"], history["rows"])
