r"""Deep linear networks under integrable parameterizations: the infinite-width limit, exactly, in finite dimension.

In the limit a neuron of layer l is an index with the law of its initial fields, and a weight matrix is an operator between the
:math:`L^2` spaces of two layers. Independent centred initial weights act as the zero operator. Everything that gradient descent ever
reaches lies in the span of a few orthonormal functions per layer: the d forward fields :math:`u^l_1, \ldots, u^l_d`, which are
independent standard Gaussians, the k backward fields :math:`g_l`, likewise, and with non-centered weights the constant. In that
basis the limit is an ordinary deep linear network :math:`f(x) = A_{L+1} A_L \cdots A_1 x` of width D = d + k (d + 1 + k with the
constant), trained with the base learning rate.

Starting points, in the basis (u, g) [hajjar2021]_:

* ``"naive"``: :math:`A_1 = [I; 0]`, middle :math:`A_l = 0`, :math:`A_{L+1} = [0, I]`. For :math:`L \ge 3` every gradient vanishes:
  f = 0 for all time.
* ``"large_lr"``: the same start, but step 0 acts through the Gaussian initial weights. With the rate
  :math:`\eta_0` and :math:`\rho = -\eta_0\, \mathrm{mean}_i\, r_i x_i^\top` (k, d), :math:`r` the residuals at f = 0,

  .. math:: A_1 = \begin{pmatrix} I \\ \rho \end{pmatrix}, \quad
            A_l = \begin{pmatrix} 0 & 0 \\ \rho & 0 \end{pmatrix}, \quad A_{L+1} = (\rho, I).

  For :math:`L \ge 5` this is a stationary point again: f = 0 for all time.
* ``"non_centered"``: weights N(1, 1) above the first layer. In the basis (u, 1, g): :math:`A_1 = [I; 0; 0]`, :math:`A_l` is the
  projection on the constant, :math:`A_{L+1} = [0, 1, I]`.

References
----------
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596 (integrable parameterizations, IP-LLR). The reduction to dimension D is derived
   here: the fields after step 0 are the first forward and backward pass of the network whose layers are scaled by :math:`m^{-1/2}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import FirstStep, Fused
from ...solvers.checks import flag, integer
from ...solvers.data import Data, needed
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import Coordinates, Evaluation
from .schemes import check_scheme

__all__ = ["DeepLinearIntegrable", "chain_gradient"]

Array = np.ndarray

SMALL = 50_000  # multiplications; above, matrix products are faster than one compiled pass over the data
SCHEMES = ("naive", "large_lr", "non_centered")


@dataclass(frozen=True)
class DeepLinearIntegrable:
    r"""Infinite-width limit of a deep linear network under an integrable parameterization.

    The same methods as for the finite network solve it, with the same learning rates: ``GradientDescent`` (its
    ``first_learning_rate`` is the base rate of the large first step), ``GradientFlow``, ``HeavyBall``; with one hidden layer ``Langevin``
    too, whose noise and weight decay close on second moments. Time is that of the method.

    Parameters
    ----------
    hidden_layers : int
        Number L of hidden layers (L + 1 weight matrices).
    scheme : {"large_lr", "naive", "non_centered"}
        Limit of ``Parameterization.integrable_large_lr``, ``.integrable`` or ``.integrable_non_centered``, all weights of unit variance.
    takes_noise : bool, keyword only
        False for the limit of networks whose parameters have another unit (:math:`b \ne 0`), as :func:`~infwidth.limits.scaling.limit`
        finds it: ``Langevin`` refuses it then.

    Raises
    ------
    ValueError
        Where ``hidden_layers`` is not a positive integer or the scheme is not known.

    Notes
    -----
    ``f = 0`` for all time, so no test of anything, for "naive" with :math:`L \ge 3` and "large_lr" with :math:`L \ge 5`. With
    "large_lr" choose the first rate so that :math:`|\rho|` is about 1.

    Examples
    --------
    >>> import infwidth as iw
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> def moved(hidden_layers, scheme):
    ...     method = iw.GradientDescent(0.5, steps=100, first_learning_rate=2.0)
    ...     return bool(abs(iw.solve(iw.DeepLinearIntegrable(hidden_layers, scheme), X, y, method).outputs).max() > 0)
    >>> [moved(L, "naive") for L in (1, 2, 3, 4, 5)]
    [True, True, False, False, False]
    >>> [moved(L, "large_lr") for L in (1, 2, 3, 4, 5)]
    [True, True, True, True, False]
    """

    hidden_layers: int
    scheme: str = "large_lr"
    takes_noise: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden_layers", integer("hidden_layers", self.hidden_layers, least=1, most=10_000))
        object.__setattr__(self, "takes_noise", flag("takes_noise", self.takes_noise))
        check_scheme(self.scheme, SCHEMES)

    def bind(self, data: Data | None, rng: np.random.Generator) -> ChainProblem:
        """Join the limit to its data. Nothing is random."""
        data = needed(data)
        width = data.X.shape[1] + data.outputs + 1
        size = 8.0 * 4 * self.hidden_layers * width**2
        refuse_above_available(
            "hidden_layers", f"{self.hidden_layers:.3g} layers of {width:.3g} directions", size, "lower it, or the columns of X"
        )
        if self.hidden_layers > 1:
            return ChainProblem(data, self.hidden_layers, self.scheme)
        from .noise import TwoLayerChain

        problem = TwoLayerChain(data, self.scheme)
        problem.takes_noise = self.takes_noise
        return problem


class ChainProblem(Fused, FirstStep):
    """The limit as a problem; the state is :math:`A_1, .., A_{L+1}` in one vector."""

    coordinates: ClassVar[Coordinates] = "reduced"
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"noise": "use a finite Network; with noise the limit is known for one hidden layer"}
    )

    def __init__(self, data: Data, hidden_layers: int, scheme: str) -> None:
        from . import chain  # loads numba

        d, k = data.X.shape[1], data.outputs
        self.data = data
        self._chain = chain
        self.first_step = scheme == "large_lr"
        constant = int(scheme == "non_centered")
        D = d + constant + k
        self.shapes = [(D, d), *((D, D),) * (hidden_layers - 1), (k, D)]
        dtype = data.X.dtype
        self._start = np.zeros(sum(r * c for r, c in self.shapes), dtype)
        first, *middle, last = self.matrices(self._start)
        first[:d] = np.eye(d)
        last[:, -k:] = np.eye(k)
        if constant:
            last[:, d] = 1
            for A in middle:
                A[d, d] = 1
        self._small_squared = data.loss.name == "squared" and data.X.size * k <= SMALL

    def start(self) -> Array:
        return self._start.copy()

    def matrices(self, state: Array) -> list[Array]:
        """Views of a state as the matrices :math:`A_1, .., A_{L+1}`."""
        views, i = [], 0
        for rows, columns in self.shapes:
            views.append(state[i : i + rows * columns].reshape(rows, columns))
            i += rows * columns
        return views

    def predict(self, state: Array, X: Array) -> Array:
        return X @ self._product(state)[0].T

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        evaluation, update = self.descend(state, step=step, rows=rows)
        if velocity is not None:
            velocity[:] = 0
            update(1.0, velocity)
        return evaluation

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Callable[..., None]]:
        """Evaluate, and return ``update(rate, out=state)``, which adds ``rate * velocity`` to ``out``."""
        evaluation, tops, E = self.gradient(state, rows)

        def update(rate: float, out: Array = state) -> None:
            if step == 0 and self.first_step:
                self._add_first_step(out, -rate * E)
            else:
                self._chain.descend(state, out, rate, tops, E)

        return evaluation, update

    def gradient(self, state: Array, rows: Any) -> tuple[Evaluation, Array, Array]:
        """Evaluation, the partial products from the top, and the gradient in the product of all matrices, shape (k, d)."""
        P, tops = self._product(state)
        if rows is None and self._small_squared:
            E = np.empty_like(P)
            f = np.empty_like(self.data.y)
            loss = self._chain.squared(P, self.data.X, self.data.y, f, E)
        else:
            X, _ = self.data.rows(rows)
            f = X @ P.T
            loss, residual = self.data.judge(f, rows)
            E = residual.T @ X
        return Evaluation(loss, f), tops, E

    def _product(self, state: Array) -> tuple[Array, Array]:
        """:math:`A_{L+1} \\cdots A_1` (k, d), and the partial products from the top that its gradient needs.

        New memory each time: between evaluation and update, others may evaluate elsewhere.
        """
        (D, d), k = self.shapes[0], self.data.outputs
        P, tops = np.empty((k, d), state.dtype), np.empty((len(self.shapes) - 1, k, D), state.dtype)
        self._chain.tops(state, tops, P)
        return P, tops

    def _add_first_step(self, out: Array, rho: Array) -> None:
        """The first step through the Gaussian weights: every layer's backward fields gain :math:`\\rho` times the forward fields below."""
        d, k = self.data.X.shape[1], self.data.outputs
        first, *others = self.matrices(out)
        first[d:] += rho
        for A in others:
            A[-k:, :d] += rho


def chain_gradient(matrices: list[Array], E: Array) -> list[Array]:
    r"""Gradients of a function of :math:`P = A_{L+1} \cdots A_1` with :math:`\partial/\partial P = E`; the readable reference.

    Examples
    --------
    >>> [G.tolist() for G in chain_gradient([np.array([[2.0]]), np.array([[3.0]])], np.array([[1.0]]))]
    [[[3.0]], [[2.0]]]
    """
    gradients = []
    for l in range(len(matrices)):
        above = np.eye(len(matrices[-1]))
        for A in reversed(matrices[l + 1 :]):
            above = above @ A
        below = np.eye(matrices[0].shape[1])
        for A in matrices[:l]:
            below = A @ below
        gradients.append(above.T @ E @ below.T)
    return gradients
