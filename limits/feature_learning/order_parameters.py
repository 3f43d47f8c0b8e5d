r"""Order parameters of deep linear networks under the maximal update parameterization: exact at infinite width.

The network :math:`h^1 = W^1 x`, :math:`h^l = m^{-1/2} W^l h^{l-1}`, :math:`f = (\gamma m)^{-1} w \cdot h^L`, all entries N(0, 1), learns
at the rate :math:`\eta\gamma^2 m` (:math:`\gamma = 1` is µP; :math:`\gamma \to 0` the tangent kernel). As :math:`m \to \infty` a neuron of
layer l follows a linear recursion in two independent Gaussian processes, :math:`u^l` of covariance :math:`\Phi^{l-1}` (forward) and
:math:`r^l` of covariance :math:`G^{l+1}` (backward) [1]_ [2]_:

.. math::
    h^l_t &= u^l_t + \sum_{s<t} M^l_{ts}\, g^l_s, & M^l_{ts} &= A^{l-1}_{ts} - \omega_{ts}\, \Phi^{l-1}_{ts} E_s^\top, \\
    g^l_t &= r^l_t + \sum_{s<t} N^l_{ts}\, h^l_s, & N^l_{ts} &= B^{l+1}_{ts} - \omega_{ts}\, G^{l+1}_{ts} E_s,

with :math:`\Phi^l = \langle h^l h^l\rangle`, :math:`G^l = \langle g^l g^l\rangle`, the responses
:math:`A^l = \langle\partial h^l/\partial r^l\rangle` and :math:`B^l = \langle\partial g^l/\partial u^l\rangle`, the coefficient
:math:`\omega_{ts}` of the gradient of step s in the parameters at step t, and :math:`E_s = \gamma \sum_i r_{s,i} x_i^\top / n` from the
residuals. The ends are :math:`\Phi^0 = \langle x, x'\rangle`, :math:`G^{L+1} = 1`, :math:`A^0 = B^{L+1} = 0`, and
:math:`f_t = \gamma^{-1} \langle g^L_t h^L_t\rangle`.

Every field is an explicit linear combination of u and r, whose coefficients are the arrays kept here; the responses are among them.
All dependences point to earlier times (or, within a time, from layer to layer), so each time costs one forward and one backward sweep and
no fixed point has to be solved. The network is linear in x: an orthonormal basis of the span of the inputs stands for the samples.

References
----------
.. [1] Bordelon and Pehlevan, "Self-consistent dynamical field theory of kernel evolution in wide neural networks", arXiv:2205.09653.
.. [2] Yang and Hu, arXiv:2011.14522 (µP limit).
.. [3] Chizat, Colombo, Fernández-Real and Figalli, "Infinite-width limit of deep linear neural networks", arXiv:2211.16980.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.data import Data
from ...solvers.problem import Causal, Evaluation, Snapshot

__all__ = ["OrderParameters"]

Array = np.ndarray


class _Table:
    """A matrix of (time, row) by (time, column) blocks that grows by one time at a time."""

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.memory = np.zeros((rows, columns))

    def grow(self, times: int) -> None:
        """Make room for that many times; new entries are zero."""
        capacity = self.memory.shape[0] // self.rows
        if times > capacity:
            room = times + times // 4 + 4
            larger = np.zeros((room * self.rows, room * self.columns))
            larger[: capacity * self.rows, : capacity * self.columns] = self.memory
            self.memory = larger

    def upto(self, times: int) -> Array:
        """The block of the first ``times`` times (a view)."""
        return self.memory[: times * self.rows, : times * self.columns]

    def row(self, t: int, times: int) -> Array:
        """Rows of time ``t`` against the first ``times`` times (a view)."""
        return self.memory[t * self.rows : (t + 1) * self.rows, : times * self.columns]

    def mirror(self, t: int) -> None:
        """Copy row ``t`` of a symmetric table into its column ``t``."""
        self.memory[: (t + 1) * self.rows, t * self.columns : (t + 1) * self.columns] = self.row(t, t + 1).T


class OrderParameters(Causal):
    """The history of the limit: covariances of the fields, and their coefficients in the driving processes.

    ``h = Hu u + Hr r`` and ``g = Gu u + Gr r``; rows of h are (time, basis input), rows of g (time, output). ``Hr`` is the response A,
    ``Gu`` the response B.
    """

    def __init__(self, data: Data, hidden_layers: int, gamma: float) -> None:
        self.data, self.L, self.gamma = data, hidden_layers, gamma
        _, size, directions = np.linalg.svd(data.X.astype(float), full_matrices=False)
        kept = size > size[0] * max(data.X.shape) * np.finfo(float).eps
        kept[0] = True  # inputs that are all zero keep one direction, in which nothing happens
        self.basis = directions[kept].T  # (d, r)
        self.Z = data.X @ self.basis  # (n, r)
        r, k = self.basis.shape[1], data.outputs
        shapes = {"Phi": (r, r), "G": (k, k), "Hu": (r, r), "Hr": (r, k), "Gu": (k, r), "Gr": (k, k)}
        layers = {"Phi": range(hidden_layers + 1), "G": range(1, hidden_layers + 2)}
        self.tables = {name: {l: _Table(*shape) for l in layers.get(name, range(1, hidden_layers + 1))} for name, shape in shapes.items()}
        self.E: list[Array] = []
        self.F = np.zeros((k, r))
        self.t = 0

    def extend(self, weights: Array) -> Evaluation:
        t, L = self.t, self.L
        weights = np.asarray(weights, float)
        if weights.shape != (t,):
            raise ValueError(f"weights: need one coefficient per past step, shape ({t},), got {weights.shape}")
        for tables in self.tables.values():
            for table in tables.values():
                table.grow(t + 1)
        Phi, G, Hu, Hr, Gu, Gr = self.tables.values()
        r, k = self.basis.shape[1], self.data.outputs
        Phi[0].row(t, t + 1)[:] = np.tile(np.eye(r), t + 1)
        G[L + 1].row(t, t + 1)[:] = np.tile(np.eye(k), t + 1)
        Phi[0].mirror(t)
        G[L + 1].mirror(t)
        drive = [weight * E for weight, E in zip(weights, self.E, strict=True)]  # each (k, r)
        for l in range(1, L + 1):
            M = self._minus_drive(Hr[l - 1].row(t, t) if l > 1 else None, Phi[l - 1].row(t, t), [e.T for e in drive])
            Hu[l].row(t, t)[:] = M @ Gu[l].upto(t)
            Hu[l].memory[t * r : (t + 1) * r, t * r : (t + 1) * r] = np.eye(r)
            Hr[l].row(t, t)[:] = M @ Gr[l].upto(t)
            Phi[l].row(t, t + 1)[:] = (Hu[l].row(t, t + 1) @ Phi[l - 1].upto(t + 1)) @ Hu[l].upto(t + 1).T + (
                Hr[l].row(t, t + 1) @ G[l + 1].upto(t + 1)
            ) @ Hr[l].upto(t + 1).T
            Phi[l].mirror(t)
        for l in range(L, 0, -1):
            N = self._minus_drive(Gu[l + 1].row(t, t) if l < L else None, G[l + 1].row(t, t), drive)
            Gu[l].row(t, t)[:] = N @ Hu[l].upto(t)
            Gr[l].row(t, t)[:] = N @ Hr[l].upto(t)
            Gr[l].memory[t * k : (t + 1) * k, t * k : (t + 1) * k] = np.eye(k)
            from_u = Gu[l].row(t, t + 1) @ Phi[l - 1].upto(t + 1)
            from_r = Gr[l].row(t, t + 1) @ G[l + 1].upto(t + 1)
            G[l].row(t, t + 1)[:] = from_u @ Gu[l].upto(t + 1).T + from_r @ Gr[l].upto(t + 1).T
            G[l].mirror(t)
            if l == L:
                self.F = (from_u @ Hu[l].row(t, t + 1).T + from_r @ Hr[l].row(t, t + 1).T) / self.gamma
        f = (self.Z @ self.F.T).astype(self.data.X.dtype)
        loss, residual = self.data.judge(f)
        self.E.append(self.gamma * residual.T.astype(float) @ self.Z)
        self.t += 1
        return Evaluation(loss, f)

    @staticmethod
    def _minus_drive(response: Array | None, covariance: Array, drive: list[Array]) -> Array:
        """``response - covariance * blockdiag(drive)``, blocks over the past times; the response is zero at the ends of the network."""
        if not drive:
            return np.zeros((len(covariance), 0))
        rows, block = len(covariance), len(drive[0])
        past = covariance.reshape(rows, len(drive), block)
        driven = np.einsum("atb,tbc->atc", past, np.stack(drive)).reshape(rows, -1)
        return -driven if response is None else response - driven

    def predict(self, state: Any, X: Array) -> Array:
        """The limit is linear in x and starts at zero, so directions outside the span of the data stay at zero."""
        return ((X @ self.basis) @ self.F.T).astype(self.data.X.dtype)

    def history(self, times: int) -> Snapshot:
        tables = {name: [table.upto(times).copy() for table in tables.values()] for name, tables in self.tables.items()}
        return {"times": times, "E": [E.copy() for E in self.E[:times]], "F": self.F.copy(), "tables": tables}

    def restore(self, history: Snapshot) -> None:
        self.t = int(history["times"])
        self.E = list(history["E"])
        self.F = history["F"]
        for name, tables in self.tables.items():
            for table, values in zip(tables.values(), history["tables"][name], strict=True):
                table.grow(self.t)
                table.upto(self.t)[:] = values
