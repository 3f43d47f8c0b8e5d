r"""The inverse of a Gram matrix plus a ridge, and what it is worth: :math:`(K + \sigma^2 I)^{-1} = R^\top R`.

Where the ridge dominates the rounding, R is the inverse Cholesky factor. Otherwise, repeated points included, it is
:math:`(\Lambda + \sigma^2)^{-1/2} V^\top` of the eigenvalues that are not rounding: without a ridge the pseudo-inverse, which makes
answers of minimum norm.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ...solvers.checks import real

__all__ = ["Inverse", "eigenbasis", "inverse", "noise_of"]

Array = np.ndarray

NULL = 1e-13  # of the largest eigenvalue: what is below is rounding, and repeated points make it
WELL = 1e10  # condition up to which Cholesky factors are taken


class Inverse(NamedTuple):
    """The inverse through its root.

    Attributes
    ----------
    root : callable
        B (n, q) to R B (rank, q).
    adjoint : callable
        C (rank, q) to the product (n, q) of the transposed root with it.
    log_determinant : float
        Of what is inverted, on the directions that count.
    rank : int
        How many of the n directions count.
    condition : float
        Ratio of the largest to the smallest eigenvalue that counts; from the Cholesky factor, an estimate in the 1-norm.
    """

    root: Callable[[Array], Array]
    adjoint: Callable[[Array], Array]
    log_determinant: float
    rank: int
    condition: float

    def solve(self, B: Array) -> Array:
        """The (pseudo-)inverse times B (n, q)."""
        return self.adjoint(self.root(B))


def eigenbasis(gram: Array) -> tuple[Array, Array]:
    """Eigenvalues (r,) and eigenvectors (n, r) of a positive semidefinite matrix, without those that are rounding."""
    values, vectors = np.linalg.eigh(gram)
    counts = values > max(NULL, len(gram) * np.finfo(float).eps) * values[-1]
    return values[counts], vectors[:, counts]


def inverse(gram: Array, noise_variance: float) -> Inverse:
    """Of ``gram + noise_variance I``; ``gram`` (n, n) is positive semidefinite up to rounding."""
    from scipy.linalg import cholesky, solve_triangular
    from scipy.linalg.lapack import dpocon

    n = len(gram)
    shifted = gram + noise_variance * np.eye(n)
    try:
        L = cholesky(shifted, lower=True)
        reciprocal = float(dpocon(L, np.abs(shifted).sum(axis=0).max(), uplo="L")[0])
    except np.linalg.LinAlgError:
        reciprocal = 0.0
    if reciprocal * WELL > 1:
        return Inverse(
            lambda B: solve_triangular(L, B, lower=True),
            lambda C: solve_triangular(L, C, lower=True, trans="T"),
            2 * float(np.log(np.diagonal(L)).sum()),
            n,
            1 / reciprocal,
        )
    values, vectors = eigenbasis(gram)  # what is rounding would be blown up by the inverse of a small ridge
    values = values + noise_variance
    if not len(values):  # all points at zero
        return Inverse(lambda B: np.zeros((0, B.shape[1])), lambda C: np.zeros((n, C.shape[1])), -np.inf, 0, np.inf)
    scaled = vectors / np.sqrt(values)
    log_determinant = float(np.log(values).sum())
    return Inverse(lambda B: scaled.T @ B, lambda C: scaled @ C, log_determinant, len(values), float(values[-1] / values[0]))


def noise_of(noise_variance: float) -> float:
    """The checked ridge."""
    return real("noise_variance", noise_variance, least=0, way_out="it is added to the diagonal of the kernel")
