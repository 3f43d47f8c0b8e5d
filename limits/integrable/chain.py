r"""Product of matrices :math:`P = A_{L+1} \cdots A_1` and its gradient, compiled.

With :math:`T_l = A_{L+1} \cdots A_{l+1}` (k, D) and, for :math:`E = \partial\mathrm{loss}/\partial P` (k, d),
:math:`C_l = E A_1^\top \cdots A_{l-1}^\top`,

.. math:: \frac{\partial\mathrm{loss}}{\partial A_l} = T_l^\top C_l .

Both recursions multiply matrices of k rows only, so a step costs O(L k D^2). The matrices lie one after the other in a flat state:
:math:`A_1` (D, d), :math:`A_2 \ldots A_L` (D, D), :math:`A_{L+1}` (k, D).
"""

from __future__ import annotations

import numpy as np

from ...solvers.machine.compilation import jit

__all__ = ["descend", "squared", "tops"]

Array = np.ndarray


@jit
def tops(state: Array, T: Array, P: Array) -> None:  # pragma: no cover - compiled
    """Fill ``T`` (L, k, D) with :math:`T_1 .. T_L` and ``P`` (k, d) with the product."""
    hidden, k, D = T.shape
    d = P.shape[1]
    offset = D * d + (hidden - 1) * D * D
    for c in range(k):
        for i in range(D):
            T[hidden - 1, c, i] = state[offset + c * D + i]
    for l in range(hidden - 1, 0, -1):  # A_{l+1}
        offset = D * d + (l - 1) * D * D
        for c in range(k):
            for j in range(D):
                T[l - 1, c, j] = 0
            for i in range(D):
                factor = T[l, c, i]
                for j in range(D):
                    T[l - 1, c, j] += factor * state[offset + i * D + j]
    for c in range(k):
        for j in range(d):
            P[c, j] = 0
        for i in range(D):
            factor = T[0, c, i]
            for j in range(d):
                P[c, j] += factor * state[i * d + j]


@jit
def squared(P: Array, X: Array, y: Array, f: Array, E: Array) -> float:  # pragma: no cover - compiled
    """Squared loss of ``f = X P^T`` (n, k), and ``E`` (k, d), its gradient in P: one pass over small data, where calls cost most."""
    n, d = X.shape
    E[:] = 0
    loss = 0.0
    for i in range(n):
        for c in range(P.shape[0]):
            total = P.dtype.type(0)
            for j in range(d):
                total += P[c, j] * X[i, j]
            f[i, c] = total
            residual = total - y[i, c]
            loss += residual * residual
            for j in range(d):
                E[c, j] += residual * X[i, j]
    E /= n
    return loss / (2 * n)


@jit
def descend(state: Array, out: Array, rate: float, T: Array, E: Array) -> None:  # pragma: no cover - compiled
    """``out -= rate * gradient``, given ``T`` of :func:`tops` and ``E`` (k, d); ``out`` may be ``state`` itself."""
    hidden, k, D = T.shape
    C = E.copy()
    offset = 0
    for l in range(hidden):  # A_{l+1}, of shape (D, columns)
        columns = C.shape[1]
        above = np.empty((k, D), C.dtype)
        for i in range(D):
            row = offset + i * columns
            for c in range(k):
                total = C.dtype.type(0)
                for j in range(columns):
                    total += C[c, j] * state[row + j]
                above[c, i] = total
            for c in range(k):
                factor = rate * T[l, c, i]
                for j in range(columns):
                    out[row + j] -= factor * C[c, j]
        offset += D * columns
        C = above
    for c in range(k):  # A_{L+1}: its T is the identity
        for j in range(D):
            out[offset + c * D + j] -= rate * C[c, j]
