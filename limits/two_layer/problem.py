r"""A two-layer particle system joined to its data.

The state is all weights :math:`w_j` (biases last), particle by particle, then all output weights :math:`a_j`, and then, where there are
any, the output biases of the replicas. No
engine holds pre-activations of size (particles x samples); for piecewise linear activations with one output, the one that works on
blocks keeps their signs between the two passes of a step, one byte each and 256 MB at most, over all replicas.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import Fused, Rated, WithError
from ...solvers.checks import array, asked, returned
from ...solvers.data import Data
from ...solvers.machine.memory import by_parts
from ...solvers.noise_abilities import CommonParameters, NoiseUnits
from ...solvers.particles import together
from ...solvers.particles.choice import engine
from ...solvers.problem import Coordinates, Evaluation
from ...solvers.studies.replicas import simultaneous_error
from ..activations import Activation

__all__ = ["ParticleProblem"]

Array = np.ndarray

SUMS = 64  # of groups of particles, at most, that an engine keeps for each output


class ParticleProblem(Fused, Rated, CommonParameters, NoiseUnits, WithError):
    """Problem of :class:`~infwidth.limits.TwoLayerMeanField`.

    Parameters
    ----------
    data : Data or None
        None in subclasses that have a population of their own.
    activation : Activation
    W, a : ndarray, shapes (N, D) and (N, k)
        The particles at the start; with biases D is the input dimension plus 1.
    bias : bool
    offset : callable or None
    replicas : int
        Number of equal systems, one after the other, that do not interact.
    compiled : bool
    output_bias : bool
        Whether each system has a bias in its output, 0 at the start.
    train_output : bool
        Whether the output weights move.
    """

    coordinates: ClassVar[Coordinates] = "parameters"

    threads = "block"
    takes_noise = True

    def __init__(
        self,
        data: Data | None,
        activation: Activation,
        W: Array,
        a: Array,
        bias: bool,
        offset: Callable[[Array], Array] | None,
        replicas: int,
        compiled: bool,
        output_bias: bool = False,
        train_output: bool = True,
    ) -> None:
        self.data = data
        self.activation = activation
        self.bias = bias
        self.offset = offset
        self.replicas = replicas
        self.compiled = compiled
        self.train_output = train_output
        self.engine = engine(activation, W.shape[1], a.shape[1], compiled, replicas)
        self._shapes = W.shape, a.shape
        self.frozen = () if train_output else (slice(W.size, W.size + a.size),)
        self.common = slice(W.size + a.size, None)
        self._start = np.concatenate([W.ravel(), a.ravel(), np.zeros(output_bias * replicas * a.shape[1], W.dtype)])
        self._weights: Array | None = None  # of the particles in the output, where they are not 1
        size = len(W) // replicas
        self._systems = [slice(r * size, (r + 1) * size) for r in range(replicas)]
        if data is not None:
            self._inputs = self._prepare(data.X)
            self._offsets = self._offset(data.X)

    def start(self) -> Array:
        return self._start.copy()

    def weighted(self, weights: Array) -> ParticleProblem:
        r"""The same system with the output :math:`N^{-1}\sum_j \omega_j a_j\phi(w_j \cdot x)`, for weights :math:`\omega` of shape (N,).

        Each particle moves in the potential of all, as the mean-field flow moves an atom of any mass.
        """
        problem = copy(self)
        problem._weights = weights[:, None].astype(self._start.dtype)
        return problem

    def particles(self, state: Array) -> tuple[Array, Array]:
        """Views of a state: weights (N, D), biases last, and output weights (N, k)."""
        (N, D), (_, k) = self._shapes
        return state[: N * D].reshape(N, D), state[N * D : N * (D + k)].reshape(N, k)

    def rates_of_parameters(self) -> Array:
        """1, or 0 where parameters do not move: each particle moves by its own gradient, that of the loss times their number."""
        rates = np.ones_like(self._start)
        for part in self.frozen:
            rates[part] = 0
        return rates

    @property
    def replica_size(self) -> int:
        """Particles of each replica."""
        return self._shapes[0][0] // self.replicas

    def output_biases(self, state: Array) -> Array:
        """View of a state: output bias of each replica, shape (R, k); (0, k) where there are none."""
        (N, D), (_, k) = self._shapes
        return state[N * (D + k) :].reshape(-1, k)

    def mean_square(self, velocity: Array) -> float:
        r""":math:`\int |v|^2 d\rho`, plus the square of the output bias's entry; with replicas the mean of theirs."""
        biases = self.output_biases(velocity)
        particles = velocity[: len(velocity) - biases.size]
        return float(particles @ particles) / self._shapes[0][0] + float((biases**2).sum()) / self.replicas

    def replica_outputs(self, state: Array, X: Array | None = None) -> Array:
        """Outputs of each replica, shape (R, n, k), at the training inputs or at others."""
        if X is None:
            return self._forward(state, self._inputs, self._offsets)[0]
        X = array("X", X, dtype=state.dtype, columns=self._shapes[0][1] - self.bias)
        return self._forward(state, self._prepare(X), self._offset(X))[0]

    def replica_losses(self, state: Array) -> Array:
        """Loss of each replica by itself, shape (R,); that of their mean output is lower."""
        assert self.data is not None
        return np.array([self._judge(f, self.data.y)[0] for f in self.replica_outputs(state)])

    def predict(self, state: Array, X: Array) -> Array:
        numbers = (SUMS + self.replicas) * self._shapes[1][1]
        return by_parts(lambda part: self.replica_outputs(state, part).mean(axis=0), X, numbers)

    def output_error(self, X_test: Array | None) -> Callable[[Array], float] | None:
        """Monte-Carlo error at a state of the outputs at the training points and these test points, all at once; None with a single
        system, which cannot tell."""
        if self.replicas == 1:
            return None
        points = ([] if self.data is None else [None]) + ([] if X_test is None else [X_test])
        if not points:
            return None
        return lambda state: simultaneous_error(np.concatenate([self.replica_outputs(state, X) for X in points], axis=1))

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        evaluation, push = self._evaluate(state, rows, keep=velocity is not None)
        if velocity is not None:
            push(1.0, velocity, False)
        return evaluation

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Callable[[float], None]]:
        """Evaluate, and return ``update(rate)``, which moves the particles in place."""
        evaluation, push = self._evaluate(state, rows, keep=True)
        return evaluation, lambda rate: push(rate, state, True)

    def _evaluate(self, state: Array, rows: Any, keep: bool) -> tuple[Evaluation, Callable[[float, Array, bool], None]]:
        inputs, offsets, y = self._rows(rows)
        f, memos = self._forward(state, inputs, offsets, keep)
        mean = f[0] if self.replicas == 1 else f.mean(axis=0)
        loss, each = self._judge_systems(f, mean, y)

        def push(rate: float, out: Array, add: bool) -> None:
            W, a = self.particles(state)
            (out_W, out_a), biases = self.particles(out), self.output_biases(out)
            if not self.train_output:
                if not add:
                    out_a[...] = 0
                out_a = np.zeros_like(out_a)  # where their moves are lost
            if isinstance(inputs, together.Small):
                together.move(self.activation, a, inputs, each, rate, (out_W, out_a), add, memos)
            else:
                for system, r, memo in zip(self._systems, each, memos, strict=True):
                    self.engine.move(W[system], a[system], inputs, r, rate, (out_W[system], out_a[system]), add, memo)
            if len(biases):
                biases[:] = (biases if add else 0) - rate * each.sum(axis=1)

        return Evaluation(loss, mean), push

    def _rows(self, rows: Any) -> tuple[Any, Array | None, Array]:
        """Prepared inputs, offsets and targets of a minibatch, or of all data."""
        assert self.data is not None
        if rows is None:
            return self._inputs, self._offsets, self.data.y
        X, y = self.data.rows(rows)
        return self._prepare(X), None if self._offsets is None else self._offsets[rows], y

    def _judge(self, f: Array, y: Array) -> tuple[float, Array]:
        assert self.data is not None
        return self.data.loss.judge(f, y)

    def _judge_systems(self, f: Array, mean: Array, y: Array) -> tuple[float, Array]:
        """Loss of the mean output (n, k) of the replicas, and the residuals of each by itself, shape (R, n, k)."""
        loss, residual = self._judge(mean, y)
        return loss, residual[None] if self.replicas == 1 else self._judge_each(f, y)[1]

    def _judge_each(self, f: Array, y: Array) -> tuple[float, Array]:
        """Mean of the losses of the replicas, and residuals of each by itself, shape (R, n, k); a loss looks at one row at a time."""
        R, n, k = f.shape
        loss, residual = self._judge(f.reshape(R * n, k), np.tile(y, (R, 1)))
        return loss, R * residual.reshape(R, n, k)

    def _forward(self, state: Array, inputs: Any, offsets: Array | None, keep: bool = False) -> tuple[Array, Any]:
        (W, a), biases, weights = self.particles(state), self.output_biases(state), self._weights
        if isinstance(inputs, together.Small):
            F, memo = together.outputs(self.activation, self.replicas, W, a if weights is None else weights * a, inputs)
            F *= F.dtype.type(1 / self.replica_size)
            if offsets is not None:
                F += offsets
            if len(biases):
                F += biases[:, None]
            return F, memo
        outputs, memos = [], []
        for i, system in enumerate(self._systems):
            F, memo = self.engine.outputs(W[system], a[system] if weights is None else weights[system] * a[system], inputs, keep)
            F *= F.dtype.type(1 / (system.stop - system.start))
            if offsets is not None:
                F += offsets
            if len(biases):
                F += biases[i]
            outputs.append(F)
            memos.append(memo)
        return (outputs[0][None] if len(outputs) == 1 else np.array(outputs)), memos

    def _prepare(self, X: Array) -> Any:
        X = np.column_stack([X, np.ones(len(X), X.dtype)]) if self.bias else X
        if self.compiled and together.together(self.replicas, self.replica_size, len(X)):
            return together.Small(X)
        return self.engine.prepare(X)

    def _offset(self, X: Array) -> Array | None:
        if self.offset is None:
            return None
        values = asked("offset", self.offset, X, signature="inputs (n, d) to outputs (n, k)")
        shape = (len(X), self._shapes[1][1])
        if np.shape(values) == shape[:1] and shape[1] == 1:
            values = np.asarray(values)[:, None]
        return returned("offset", values, shape, f"{len(X)} inputs").astype(X.dtype)
