r"""Training of a deep linear network of infinite width: a growing network, and the gradients of its past.

With :math:`P = A_{L+1} \cdots A_1` and :math:`E_s = \partial\mathrm{loss}/\partial P` (k, d) at step s, each layer is

.. math:: A_l(t) = \sigma_l Z_l - c_l \sum_{s<t} \omega_{ts}\, g^l_s E_s\, (h^{l-1}_s)^\top

with the fields of :mod:`.growing_network`, the rate prefactors :math:`c_l` and the coefficient :math:`\omega_{ts}` that the method gives
the gradient of step s at step t. The sum is kept in the matrices; the factors of a gradient are kept as long as its coefficient may change.

The network is linear in x: an orthonormal basis of the span of the inputs stands for the samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from ...solvers.abilities import Batched, Refinable, Retractable, Settling, WithError
from ...solvers.checks import array
from ...solvers.data import Data
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import Evaluation, Snapshot
from .gradients import Gradients
from .growing_network import LARGEST, GrowingNetwork
from .weight_law import WeightLaw, middle_layer

__all__ = ["DeepLinearProblem", "Kernels", "Layers", "Now"]

Array = np.ndarray

COARSER = 100.0  # factor of the tolerances of the two networks whose outputs are compared


class Layers(NamedTuple):
    """What the L + 1 layers are, with the feature-learning strength worked in.

    Attributes
    ----------
    scales, rates : tuple of float, length L + 1
        :math:`\\sigma_l` and :math:`c_l`.
    gamma : float
        The output weights of the network are :math:`\\gamma` times :math:`A_{L+1}`.
    tolerance : float
    """

    scales: tuple[float, ...]
    rates: tuple[float, ...]
    gamma: float
    tolerance: float


class Now(NamedTuple):
    """One time of the history.

    Attributes
    ----------
    h, g : list of ndarray
        Forward fields :math:`h^0..h^L`, each (width, r), and backward fields :math:`g^1..g^{L+1}`, each (width, k).
    F : ndarray, shape (k, r)
        The predictor, in the basis of the inputs.
    """

    h: list[Array]
    g: list[Array]
    F: Array


class Kernels(NamedTuple):
    r"""Kernels of a network at one time, in the units of the network.

    Attributes
    ----------
    forward : ndarray, shape (L + 1, n, n)
        :math:`\Phi^0, \ldots, \Phi^L`: averages over neurons of :math:`h^l(x)\, h^l(x')`; :math:`\Phi^0 = x \cdot x'`.
    backward : ndarray, shape (L + 1, k, k)
        :math:`G^1, \ldots, G^L`: averages of :math:`g^l_a\, g^l_b`, with :math:`g^l = \gamma m\, \partial f/\partial h^l`; and
        :math:`G^{L+1} = 1`.
    tangent : ndarray, shape (n, k, n, k)
        :math:`\Theta = \sum_l c_l\, \Phi^{l-1}(x, x')\, G^l_{ab}`, with
        :math:`\dot f = -\Theta\, \partial\mathrm{Loss}/\partial f` under gradient flow.
    """

    forward: Array
    backward: Array
    tangent: Array


class DeepLinearProblem(Batched, Settling, Retractable, Refinable, WithError):
    """Problem of :class:`~infwidth.limits.DeepLinearMuP` on data.

    Parameters
    ----------
    data : Data
    layers : Layers
    compared : bool
        Whether a second problem of a larger tolerance goes along, for the error.

    Attributes
    ----------
    network : GrowingNetwork
        At the newest time.
    now : Now
        Its fields.
    basis : ndarray, shape (d, r)
        Orthonormal, of the span of the inputs.
    times, settled : int
    """

    data: Data | None
    threads: ClassVar[Literal["gemm", "block"]] = "block"  # matrices too small for threads

    def __init__(self, data: Data, layers: Layers, compared: bool) -> None:
        self.data = data
        _, size, directions = np.linalg.svd(data.X.astype(float), full_matrices=False)
        kept = size > size[0] * max(data.X.shape) * np.finfo(float).eps
        kept[0] = True  # inputs that are all zero keep one direction, in which nothing happens
        self._begin(directions[kept].T, data.outputs, layers)
        self.Z = data.X @ self.basis  # (n, r)
        self.shadow = self.coarser() if compared and len(layers.scales) > 2 else None

    def _begin(self, basis: Array, outputs: int, layers: Layers) -> None:
        self.basis, self.layers = basis, layers
        r, L = basis.shape[1], len(layers.scales) - 1
        least = 8 * 4 * (L - 1) * (r + outputs) ** 2
        if least > LARGEST:
            raise ValueError(
                f"X: {r} directions of inputs and {outputs} outputs take {least / 1e9:.0f} GB and more (limit {LARGEST / 1e9:.0f} GB);"
                " project the inputs to fewer directions"
            )
        self.network = GrowingNetwork(r, outputs, layers.scales, layers.tolerance)
        self.terms = min(r, outputs)
        self.gradients = [Gradients(self.terms) for _ in layers.rates]
        self.weights = np.zeros(0)  # coefficients of the unsettled gradients in the matrices
        self.past: list[Now] = []  # unsettled times
        self.settled = 0

    @property
    def times(self) -> int:
        """Number of times of the history."""
        return self.settled + len(self.past)

    @property
    def now(self) -> Now:
        """Fields of the newest time."""
        return self.past[-1]

    def extend(self, weights: Array, rows: Any = None) -> Evaluation:
        weights = np.asarray(weights, float)
        if weights.shape != self.weights.shape:
            raise ValueError(f"weights: need one coefficient per unsettled step, shape {self.weights.shape}, got {weights.shape}")
        self._fold(weights)
        h, g = self.network.fields()
        now = Now(h, g, self.network.matrices[-1] @ h[-1])
        evaluation, E = self._judge(now.F, rows)
        for gradient, below, above in zip(self.gradients, h, g, strict=True):
            if len(E) == self.terms:
                gradient.append(above, below @ E.T)
            else:
                gradient.append(above @ E, below)
        self.weights = np.append(weights, 0.0)
        self.past.append(now)
        if self.shadow is not None:
            self.shadow.extend(weights, rows)
        return evaluation

    def _fold(self, weights: Array) -> None:
        """Give the gradients in the matrices these coefficients."""
        changes = weights - self.weights
        for A, rate, gradient in zip(self.network.matrices, self.layers.rates, self.gradients, strict=True):
            gradient.subtract(A, rate * changes)

    def _judge(self, F: Array, rows: Any) -> tuple[Evaluation, Array]:
        """Loss and outputs of a predictor (k, r), and the gradient in it, shape (k, r)."""
        assert self.data is not None
        Z = self.Z if rows is None else self.Z[rows]
        f = (Z @ F.T).astype(self.data.X.dtype)
        loss, residual = self.data.judge(f, rows)
        return Evaluation(loss, f), residual.T.astype(float) @ Z

    def evaluate(self, state: Any) -> Evaluation:
        return self._judge(self.now.F, None)[0]

    def predict(self, state: Any, X: Array) -> Array:
        """The limit is linear in x and starts at zero, so directions outside the span of the data stay at zero."""
        return ((X @ self.basis) @ self.now.F.T).astype(X.dtype)

    def kernels(self, X: Array | None = None) -> Kernels:
        """Kernels of the newest time at inputs (n', d); default: the training inputs, on a population the unit vectors."""
        X = self._inputs() if X is None else array("X", X, columns=len(self.basis))
        h, g, numbers = self.now.h, self.now.g, 3 + len(self.layers.scales) + len(self.now.F) ** 2
        refuse_above_available("X", f"kernels of {len(X)} points", 8.0 * numbers * len(X) ** 2, "give fewer")
        U = X @ self.basis
        outside = X @ X.T - U @ U.T  # a direction that no input has: only the initial weights act on it
        tails = zip(h, np.cumprod([1.0, *np.square(self.layers.scales[:-1])]), strict=True)
        forward = np.array([(U @ (below.T @ below)) @ U.T + tail * outside for below, tail in tails])
        backward = np.array([above.T @ above for above in g])
        tangent = np.einsum("l,lij,lab->iajb", self.layers.rates, forward, backward)
        backward[:-1] *= self.layers.gamma**2  # the output weights are gamma times the last matrix
        return Kernels(forward, backward, tangent)

    def weights_law(self) -> WeightLaw:
        """Law of the weights at the newest time."""
        first, last, L = self.network.matrices[0], self.network.matrices[-1], len(self.layers.scales) - 1
        untouched = np.eye(len(self.basis)) - self.basis @ self.basis.T
        return WeightLaw(
            self.basis @ first.T @ first @ self.basis.T + self.layers.scales[0] ** 2 * untouched,
            tuple(middle_layer(self.network, l) for l in range(1, L)),
            self.layers.gamma**2 * last @ last.T,
        )

    def _inputs(self) -> Array:
        assert self.data is not None
        return self.data.X

    def settle(self, times: int) -> None:
        first = times - self.settled
        for gradient in self.gradients:
            gradient.keep(first, len(self.past))
        self.weights, self.past, self.settled = self.weights[first:], self.past[first:], times
        if self.shadow is not None:
            self.shadow.settle(times)

    def retract(self, times: int, weights: Array) -> None:
        last = times - self.settled
        self._fold(np.append(weights, np.zeros(len(self.weights) - len(weights))))
        for gradient in self.gradients:
            gradient.keep(0, last)
        self.weights, self.past = np.append(weights, 0.0), self.past[:last]
        if self.shadow is not None:
            self.shadow.retract(times, weights)

    def coarser(self) -> DeepLinearProblem:
        assert self.data is not None
        return DeepLinearProblem(self.data, self._coarser_layers(), compared=False)

    def _coarser_layers(self) -> Layers:
        return self.layers._replace(tolerance=COARSER * self.layers.tolerance)

    def output_error(self, X_test: Array | None) -> Callable[[Any], float] | None:
        """Largest difference of the outputs from those at 100 times the tolerance."""
        shadow = self.shadow
        if shadow is None:
            return None
        points = [X @ self.basis for X in (None if self.data is None else self.data.X, X_test) if X is not None]
        return lambda state: max((float(np.abs(Z @ (self.now.F - shadow.now.F).T).max()) for Z in points), default=0.0)

    def history(self, times: int | None = None) -> Snapshot:
        last = len(self.past) if times is None else times - self.settled
        if last < 0 or np.any(self.weights[last:]):
            raise ValueError(f"times: {times} is not among those that this history can go back to, {self.settled}..{self.times}")
        return {
            "network": self.network.snapshot(),
            "gradients": [[part[: last * self.terms] for part in gradient.arrays()] for gradient in self.gradients],
            "weights": self.weights[:last].copy(),
            "past": [now._asdict() for now in self.past[:last]],
            "settled": self.settled,
            "shadow": None if self.shadow is None else self.shadow.history(times),
        }

    def restore(self, history: Snapshot) -> None:
        self.network.restore(history["network"])
        for gradient, (left, right) in zip(self.gradients, history["gradients"], strict=True):
            gradient.restore(left, right)
        self.weights, self.settled = history["weights"].copy(), int(history["settled"])
        self.past = [Now(**now) for now in history["past"]]
        if self.shadow is not None:
            self.shadow.restore(history["shadow"])
