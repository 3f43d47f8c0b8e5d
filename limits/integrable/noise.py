r"""Two-layer linear networks with Langevin noise and weight decay: the second moments of the neurons close.

A neuron :math:`\theta = (w, a) \in \mathbb R^{d+k}` of the limit :math:`f(x) = \mathbb E[a\,(w \cdot x)]` feels, with
:math:`E = \mathrm{mean}_i\, r_i x_i^\top` (k, d) and :math:`r` the residuals, a force that is linear in it,

.. math:: v(\theta) = B\theta, \qquad B = -\begin{pmatrix} 0 & E^\top \\ E & 0 \end{pmatrix},

so that a step of Langevin dynamics is :math:`\theta' = T\theta + \sqrt{2\tau h}\,\xi` with :math:`T = (1 - \lambda h) I + hB`.
Writing :math:`\theta = Cz + \zeta`, z the basis of the initial fields (:mod:`.deep_linear`) and :math:`\zeta` independent of it with
the covariance S,

.. math:: C' = TC, \qquad S' = TST^\top + 2\tau h\, I, \qquad f(x) = (CC^\top + S)_{aw}\, x,

exactly, for every h. As :math:`h \to 0` the second moments :math:`M = CC^\top + S` obey
:math:`\dot M = BM + MB - 2\lambda M + 2\tau I`. For one input :math:`x = 1` and one target y, with
:math:`\Sigma = \mathbb E[a^2 + w^2]`, that is :math:`\dot f = (y - f)\Sigma - 2\lambda f` and
:math:`\dot\Sigma = 4 (y - f) f - 2\lambda\Sigma + 4\tau`.

The noise of deeper networks does not close like this: what a middle layer learns is a sum over the whole history of the noisy fields.

References
----------
.. [mei2018] Mei, Montanari and Nguyen, arXiv:1804.06561, theorem 5 (noisy SGD of mean-field networks). The closed moments are derived here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.data import Data
from ...solvers.noise_abilities import NoiseUnits, Noisy, Stir
from ...solvers.problem import Evaluation
from .deep_linear import ChainProblem

__all__ = ["TwoLayerChain"]

Array = np.ndarray


class TwoLayerChain(ChainProblem, Noisy, NoiseUnits):
    """The limit for one hidden layer; the state is :math:`A_1 = C_w^T, A_2 = C_a` and S, in one vector. S is 0 until there is noise."""

    takes_noise = True

    def __init__(self, data: Data, scheme: str) -> None:
        super().__init__(data, 1, scheme)
        size = data.X.shape[1] + data.outputs
        self.added = slice(len(self._start), None)
        self._variances = slice(len(self._start), None, size + 1)
        self._start = np.concatenate([self._start, np.zeros(size**2, data.X.dtype)])

    def covariance(self, state: Array) -> Array:
        """View of a state: S, shape (d + k, d + k)."""
        size = self.data.X.shape[1] + self.data.outputs
        return state[self.added].reshape(size, size)

    def moments(self, state: Array) -> Array:
        r"""Second moments :math:`\mathbb E\,\theta\theta^\top` of a neuron's weights :math:`\theta = (w, a)`, shape (d + k, d + k)."""
        first, last = self.matrices(state)
        C = np.vstack([first.T, last])
        return C @ C.T + self.covariance(state)

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Callable[..., None]]:
        evaluation, tops, E = self.gradient(state, rows)

        def update(rate: float, out: Array = state) -> None:
            if step == 0 and self.first_step:
                self._add_first_step(out, -rate * E)
                return
            if self._noisy(state):
                BS = self._force(E) @ self.covariance(state)
                change = rate * (BS + BS.T)
                if out is state:  # a step of the neurons is of second order in their moments; a velocity is not
                    change += rate**2 * BS @ self._force(E)
                self.covariance(out)[...] += change
            self._chain.descend(state, out, rate, tops, E)

        return evaluation, update

    def stir(self, state: Array, *, step: int = 1) -> tuple[Evaluation, Stir]:
        """Evaluation, and the step of the second moments that a Langevin step of the neurons makes. Nothing is drawn."""
        evaluation, _, E = self.gradient(state, None)

        def update(h: float, temperature: float, decay: float, rng: np.random.Generator) -> None:
            (d, k), (first, last) = (self.data.X.shape[1], self.data.outputs), self.matrices(state)
            T = (1 - decay * h) * np.eye(d + k, dtype=state.dtype) + h * self._force(E)
            C = T @ np.vstack([first.T, last])
            S = self.covariance(state)
            S[...] = T @ S @ T.T
            S[np.diag_indices(d + k)] += 2 * temperature * h
            first[...], last[...] = C[:d].T, C[d:]

        return evaluation, update

    def _force(self, E: Array) -> Array:
        k, d = E.shape
        B = np.zeros((d + k, d + k), E.dtype)
        B[:d, d:], B[d:, :d] = -E.T, -E
        return B

    def _product(self, state: Array) -> tuple[Array, Array]:
        P, tops = super()._product(state)
        if self._noisy(state):
            d = P.shape[1]
            P += self.covariance(state)[d:, :d]
        return P, tops

    def _noisy(self, state: Array) -> bool:
        """Whether there is any S, asked twice a step: a covariance is 0 where its diagonal is."""
        return bool(np.count_nonzero(state[self._variances]))
