r"""A two-layer linear network of any width on any data, exactly, in as many variables as its inputs and outputs.

The network :math:`f(x) = n^{-1/2}\, V U x` with V (k, n) and U (n, d) of standard Gaussian entries is the tangent-kernel parameterization
of one hidden layer. Gradient descent of rate :math:`\eta` with :math:`E = \mathrm{mean}_i\, \partial_f\ell_i\, x_i^\top` (k, d) closes on

.. math::
    W = n^{-1/2} V U, \qquad A = V V^\top/n, \qquad B = U^\top U/n,

the predictor and the two halves of the tangent kernel, :math:`\Theta(x, x') = A\, x \cdot x' + I\, x^\top B x'`:

.. math::
    W' &= W - \eta\,(A E + E B) + \tfrac{\eta^2}{n}\, E W^\top E, \\
    A' &= A - \tfrac\eta n (W E^\top + E W^\top) + \tfrac{\eta^2}{n}\, E B E^\top, \\
    B' &= B - \tfrac\eta n (W^\top E + E^\top W) + \tfrac{\eta^2}{n}\, E^\top A E .

For one sample x = 1, y = 0 these are the two variables of :mod:`.two_variables` [lewkowycz2020]_; the matrix form is derived here.

References
----------
.. [lewkowycz2020] Lewkowycz, Bahri, Dyer, Sohl-Dickstein and Gur-Ari, arXiv:2003.02218, section 2 (and its appendix for several samples).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import Fused
from ...solvers.checks import integer
from ...solvers.data import Data, needed
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import Coordinates, Evaluation, Update
from ..gaussian.wishart import wishart_root

__all__ = ["TwoLayerLinearNetwork"]

Array = np.ndarray

PART = 1 << 14  # neurons drawn at once
MOST_DRAWN = 10_000_000  # beyond, their moments are drawn from their law, which is that of Wishart


@dataclass(frozen=True)
class TwoLayerLinearNetwork:
    r"""A finite two-layer linear network, solved in :math:`kd + k^2 + d^2` numbers whatever its width.

    ``GradientDescent`` (minibatches too) is followed exactly, and ``GradientFlow``; step by step they equal
    ``Network(d, 1, width, "linear", Parameterization.ntk(1))`` from the same weights. Time is that of the method. Momentum and noise do not
    close on these variables and are refused.

    Parameters
    ----------
    width : int
        n.

    Raises
    ------
    ValueError
        Where the width is not a positive integer.

    Examples
    --------
    Half way between :math:`2/\lambda` and :math:`4/\lambda` of its start the loss shoots up, and the kernel falls below :math:`2/\eta`:

    >>> import infwidth as iw
    >>> from infwidth.limits import catapult
    >>> X, y = np.array([[1.0, 0.0], [0.5, 1.0]]), np.zeros(2)
    >>> network = catapult.TwoLayerLinearNetwork(width=4096)
    >>> start = iw.solve(network, X, y, iw.GradientDescent(0.1, 0), rng=0)
    >>> rate = 3 / start.problem.top_eigenvalue(start.state)
    >>> run = iw.solve(network, X, y, iw.GradientDescent(rate, 200), rng=0)
    >>> bool(run.loss.max() > 100 * run.loss[0]), bool(run.loss[-1] < 1e-10), bool(run.problem.top_eigenvalue(run.state) < 2 / rate)
    (True, True, True)
    """

    width: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", integer("width", self.width, least=1))

    def bind(self, data: Data | None, rng: np.random.Generator) -> TwoLayerLinearProblem:
        """Draw the weights, and keep of them what the dynamics needs."""
        data = needed(data)
        n, d, k = self.width, data.X.shape[1], data.outputs
        # By rows of a (d + k, n) Gaussian matrix in parts: a wide network fits into memory.
        moments = np.zeros((d + k, d + k))
        for begin in range(0, n, PART) if n <= MOST_DRAWN else ():
            weights = rng.standard_normal((min(PART, n - begin), d + k))
            moments += weights.T @ weights
        if n > MOST_DRAWN:
            root = wishart_root(rng, n, d + k)
            moments = root.T @ root
        B, W, A = moments[:d, :d] / n, moments[d:, :d] / math.sqrt(n), moments[d:, d:] / n
        return TwoLayerLinearProblem(data, n, W, A, B)


class TwoLayerLinearProblem(Fused):
    """The closed dynamics; the state is W, A, B in one vector.

    Parameters
    ----------
    data : Data
    width : int
    W, A, B : ndarray, shapes (k, d), (k, k), (d, d)
        At the start.
    """

    coordinates: ClassVar[Coordinates] = "invariants"
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"noise": "use a Network, whose parameters take it"})
    threads = "block"  # matrices too small for threads

    def __init__(self, data: Data, width: int, W: Array, A: Array, B: Array) -> None:
        self.data, self.width = data, width
        self._start = np.concatenate([M.ravel() for M in (W, A, B)]).astype(data.X.dtype)

    def start(self) -> Array:
        return self._start.copy()

    def parts(self, state: Array) -> tuple[Array, Array, Array]:
        """Views of a state: W (k, d), A (k, k), B (d, d)."""
        k, d = self.data.outputs, self.data.X.shape[1]
        return state[: k * d].reshape(k, d), state[k * d : k * d + k * k].reshape(k, k), state[k * d + k * k :].reshape(d, d)

    def predict(self, state: Array, X: Array) -> Array:
        return X @ self.parts(state)[0].T

    def kernel(self, state: Array) -> Array:
        r"""Tangent kernel :math:`A_{ab}\, x_i \cdot x_j + \delta_{ab}\, x_i^\top B x_j` on the training points, shape (n, k, n, k)."""
        _, A, B = self.parts(state)
        X, pairs = self.data.X, float(len(self.data.X) * len(A)) ** 2
        refuse_above_available("X", f"the kernel of {len(X):.3g} points with {len(A)} outputs", 24.0 * pairs, "give fewer points")
        return np.einsum("ij,ab->iajb", X @ X.T, A) + np.einsum("ij,ab->iajb", X @ B @ X.T, np.eye(len(A)))

    def top_eigenvalue(self, state: Array) -> float:
        """Largest eigenvalue of the tangent kernel divided by the number of samples: lazy training is stable below 2 over it."""
        kernel = self.kernel(state)
        size = kernel.shape[0] * kernel.shape[1]
        return float(np.linalg.eigvalsh(kernel.reshape(size, size))[-1]) / kernel.shape[0]

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        evaluation, E = self._gradient(state, rows)
        if velocity is not None:
            for out, change in zip(self.parts(velocity), self._first_order(state, E), strict=True):
                out[...] = change
        return evaluation

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Update]:
        """Evaluate, and return ``update(rate)``, the exact step of the network: of second order in the rate."""
        evaluation, E = self._gradient(state, rows)

        def update(rate: float) -> None:
            W, A, B = self.parts(state)
            n = self.width
            first = self._first_order(state, E)
            second = (E @ W.T @ E / n, E @ B @ E.T / n, E.T @ A @ E / n)
            for M, linear, quadratic in zip((W, A, B), first, second, strict=True):
                M += rate * linear + rate**2 * quadratic

        return evaluation, update

    def _gradient(self, state: Array, rows: Any) -> tuple[Evaluation, Array]:
        X, _ = self.data.rows(rows)
        f = self.predict(state, X)
        loss, residual = self.data.judge(f, rows)
        return Evaluation(loss, f), residual.T @ X

    def _first_order(self, state: Array, E: Array) -> tuple[Array, Array, Array]:
        W, A, B = self.parts(state)
        cross, inner = W @ E.T, W.T @ E
        return -(A @ E + E @ B), -(cross + cross.T) / self.width, -(inner + inner.T) / self.width
