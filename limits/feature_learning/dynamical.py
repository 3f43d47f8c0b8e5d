r"""Nonlinear deep networks in the maximal update parameterization, at infinite width: dynamical mean-field theory.

The network :math:`h^1 = W^1 x`, :math:`h^l = m^{-1/2} W^l \phi(h^{l-1})`, :math:`f = (\gamma m)^{-1} w \cdot \phi(h^L)` learns at the rate
:math:`\eta\gamma^2 m`; :math:`\gamma = 1` is µP, :math:`\gamma \to 0` the tangent kernel. Its limit is a set of L scalar stochastic
processes that meet through averages alone [bordelon2022]_; :mod:`.march` has the equations and follows S samples of each.

References
----------
.. [bordelon2022] Bordelon and Pehlevan, arXiv:2205.09653.
.. [yang2020feature] Yang and Hu, arXiv:2011.14522.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from ...solvers.abilities import Batched, WithError
from ...solvers.checks import array, integer, real
from ...solvers.data import Data, needed
from ...solvers.problem import Evaluation, MethodFailed, Snapshot
from ...solvers.studies.replicas import simultaneous_error
from .. import activations
from ..activations import Activation
from .march import FieldTheory, March
from .passive import passive_outputs
from .rows import Budget
from .storage import cut, restore, snapshot

__all__ = ["DynamicalMeanField", "FieldKernels"]

Array = np.ndarray

COARSER = 8.0  # factor of the tolerances of the two marches whose outputs are compared


class FieldKernels(NamedTuple):
    r"""Kernels on the training inputs at the newest time, means over the replicas.

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


MOST_LAYERS = 1_000


@dataclass(frozen=True)
class DynamicalMeanField:
    r"""Infinite-width limit of a deep network in µP, with any activation, by S samples per layer.

    Discrete methods solve it (``GradientDescent``, of minibatches too, and ``HeavyBall``) with the learning rate of the finite network
    ``Network(..., activation, Parameterization.mup(L))``. Time is that of the method.

    T steps on n samples with k outputs meet R directions per layer and take :math:`O(T L S n k R)` operations and :math:`O(L S R)`
    numbers. R stops growing as training does; ``tolerance`` decides how short a new direction may be and still count.

    Parameters
    ----------
    hidden_layers : int
        L.
    activation : str or Activation
    samples : int
        S, over all replicas. The error falls like :math:`S^{-1/2}`, for smooth activations faster.
    gamma : float
        Feature-learning strength. The outputs are averages divided by it; their error is not, for what is divided by it at gamma = 0 is
        zero to rounding.
    weight_std, rates : float or sequence of float, length L + 1
        Initial scales :math:`\sigma_l \ge 0` and prefactors :math:`\kappa_l \ge 0` of the learning rates. A zero readout is
        ``weight_std=(1, ..., 1, 0)``.
    replicas : int
        R > 1 independent systems of S / R samples each; the outputs are their mean. ``sol.error`` is a simultaneous 95% bound of its
        Monte-Carlo error over the training points and the test points that ``solve`` was given, plus one seventh of how far the outputs
        of one system move at eight times the tolerance. The bias :math:`O(R/S)` of a system is not in it. With R = 1 there is no error.
    tolerance : float
        A new field counts as a new direction where more than this part of its root mean square is outside the earlier ones; times gamma
        where that is below 1, for features move that little.
    memory : float
        Bytes that the samples may take; a run that needs more stops, keeps what there is and says so.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    One hidden layer is the two-layer mean field:

    >>> import infwidth as iw
    >>> from infwidth.limits import DynamicalMeanField
    >>> X, y = np.array([[1.0, 0.0], [0.3, 1.0]]), np.array([1.0, -1.0])
    >>> method = iw.GradientDescent(0.3, steps=10)
    >>> sol = iw.solve(DynamicalMeanField(1, "tanh", samples=4096), X, y, method, rng=0)
    >>> particles = iw.solve(iw.TwoLayerMeanField("tanh", 20000, quasi_random=True), X, y, method, rng=0)
    >>> bool(abs(sol.outputs - particles.outputs).max() < 0.02)
    True
    """

    hidden_layers: int
    activation: str | Activation
    samples: int = 8192
    gamma: float = 1.0
    weight_std: Any = 1.0
    rates: Any = 1.0
    replicas: int = 4
    tolerance: float = 1e-2
    memory: float = field(default=4e9)

    def __post_init__(self) -> None:
        activations.get(self.activation)
        for name in ("hidden_layers", "samples", "replicas"):
            most = MOST_LAYERS if name == "hidden_layers" else 10**12
            object.__setattr__(self, name, integer(name, getattr(self, name), least=1, most=most))
        if self.samples % self.replicas:
            down = self.samples - self.samples % self.replicas
            raise ValueError(f"replicas: {self.replicas} does not divide samples={self.samples}; take samples={down + self.replicas}")
        for name in ("gamma", "tolerance", "memory"):
            object.__setattr__(self, name, real(name, getattr(self, name), above=0, most=1 if name == "tolerance" else math.inf))
        for name in ("weight_std", "rates"):
            object.__setattr__(self, name, self._per_layer(name, getattr(self, name)))

    def _per_layer(self, name: str, value: Any) -> tuple[float, ...]:
        values = tuple(value) if np.ndim(value) else (value,) * (self.hidden_layers + 1)
        if len(values) != self.hidden_layers + 1:
            raise ValueError(f"{name}: need one number, or one per weight layer ({self.hidden_layers + 1}), got {len(values)}")
        return tuple(real(f"{name}[{l}]", v, least=0) for l, v in enumerate(values))

    def bind(self, data: Data | None, rng: np.random.Generator) -> DynamicalProblem:
        """Draw the seeds of the samples and join the limit to its data."""
        data = needed(data, "give X and y")
        per_replica = 8.0 * (self.samples // self.replicas) * (64 + 5 * (data.n * (1 + data.outputs)))
        if per_replica * self.replicas * self.hidden_layers > self.memory:
            raise ValueError(
                f"samples: {self.samples} samples of {self.hidden_layers} layers on {data.n} points take"
                f" {per_replica * self.replicas * self.hidden_layers / 1e9:.1f} GB and more, over memory={self.memory:g}; take fewer"
            )
        seeds = np.random.SeedSequence(rng.integers(0, 2**63, size=2).tolist())
        try:
            return DynamicalProblem(data, self, seeds)
        except MethodFailed as error:  # before the first step: too few samples for the data
            raise ValueError(str(error)) from error


class DynamicalProblem(Batched, WithError):
    """The limit on its data: one march per replica, each trained on its own outputs.

    A second march with the noise of the first drops more, and the difference of the two is the error of what the first drops.

    A history is stored as the samples of all layers at the time before the newest; taking it up again takes one step, to the same bits.
    """

    threads: ClassVar[Literal["gemm", "block"]] = "block"  # products too thin for threads
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"noise": "use a finite Network", "flow": "use GradientDescent or HeavyBall"})

    def __init__(self, data: Data, model: DynamicalMeanField, seeds: np.random.SeedSequence) -> None:
        self.data, self.model, self.seeds = data, model, seeds
        X = data.X.astype(float)
        _, size, directions = np.linalg.svd(X, full_matrices=False)
        kept = size > size[0] * max(X.shape) * np.finfo(float).eps
        kept[0] = True
        self.basis = directions[kept].T  # (d, r)
        self._begin()

    def _begin(self) -> None:
        m = self.model
        tolerance = m.tolerance * min(1.0, m.gamma)
        phi = activations.get(m.activation)
        theory = FieldTheory(m.hidden_layers, phi, m.gamma, m.weight_std, m.rates, m.samples // m.replicas, tolerance)
        budget = Budget(m.memory)
        Z = self.data.X.astype(float) @ self.basis
        children = np.random.SeedSequence(self.seeds.entropy).spawn(m.replicas)
        self.marches = [March(theory, Z, self.data.outputs, child, budget) for child in children]
        self.shadow = None
        if m.replicas > 1:
            coarse = replace(theory, tolerance=COARSER * tolerance)
            self.shadow = March(coarse, Z, self.data.outputs, children[0], budget, like=self.marches[0])
        self.times = 0
        self.last: list[tuple[Array, Array | None]] = []  # coefficients and rows of the newest two times at most
        self.newest = np.zeros((m.replicas, self.data.n, self.data.outputs))

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

    def kernels(self) -> FieldKernels:
        """Kernels of the newest time."""
        L, n, k = self.model.hidden_layers, self.data.n, self.data.outputs
        forward, backward = np.zeros((L + 1, n, n)), np.zeros((L + 1, n, k, n, k))
        for march in self.marches:
            for l in range(L + 1):
                c, b = march.features[l].values[-n:, 0], march.gradients[l].values[-n:]
                forward[l] += c @ c.T / len(self.marches)
                backward[l] += np.einsum("iar,jbr->iajb", b, b) / len(self.marches)
        tangent = np.einsum("l,lij,liajb->iajb", self.model.rates, forward, backward)
        return FieldKernels(forward, backward, tangent)

    def preactivations(self) -> Array:
        """Samples of the pre-activations at the newest time, shape (L, n, S): one sample is a draw of their joint law over inputs."""
        return np.concatenate([march.h for march in self.marches], axis=2)

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
