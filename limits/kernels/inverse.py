r"""The inverse of a Gram matrix plus a ridge, and what it is worth: :math:`(K + \sigma^2 I)^{-1} = R^\top R`.

Where the ridge dominates the rounding, R is the inverse Cholesky factor. Otherwise, repeated points included, it is
:math:`(\Lambda + \sigma^2)^{-1/2} V^\top` of the eigenvalues that are not rounding: without a ridge the pseudo-inverse, which makes
answers of minimum norm.
"""

from __future__ import annotations

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
    factor : ndarray, shape (n, n) or (n, rank)
        Cholesky factor of what is inverted, or the transposed root.
    triangular : bool
        Which of the two.
    log_determinant : float
        Of what is inverted, on the directions that count.
    rank : int
        How many of the n directions count.
    condition : float
        Ratio of the largest to the smallest eigenvalue that counts; from the Cholesky factor, an estimate in the 1-norm.
    """

    factor: Array
    triangular: bool
    log_determinant: float
    rank: int
    condition: float

    def root(self, B: Array) -> Array:
        """R times B (n, q), shape (rank, q)."""
        from scipy.linalg import solve_triangular

        return solve_triangular(self.factor, B, lower=True) if self.triangular else self.factor.T @ B

    def adjoint(self, C: Array) -> Array:
        """Transposed R times C (rank, q), shape (n, q)."""
        from scipy.linalg import solve_triangular

        return solve_triangular(self.factor, C, lower=True, trans="T") if self.triangular else self.factor @ C

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
    from scipy.linalg import cholesky
    from scipy.linalg.lapack import dpocon

    n = len(gram)
    shifted = gram + noise_variance * np.eye(n)
    try:
        L = cholesky(shifted, lower=True)
        reciprocal = float(dpocon(L, np.abs(shifted).sum(axis=0).max(), uplo="L")[0])
    except np.linalg.LinAlgError:
        reciprocal = 0.0
    if reciprocal * WELL > 1:
        return Inverse(L, True, 2 * float(np.log(np.diagonal(L)).sum()), n, 1 / reciprocal)
    values, vectors = eigenbasis(gram)  # what is rounding would be blown up by the inverse of a small ridge
    values = values + noise_variance
    if not len(values):  # all points at zero
        return Inverse(np.zeros((n, 0)), False, -np.inf, 0, np.inf)
    log_determinant = float(np.log(values).sum())
    return Inverse(vectors / np.sqrt(values), False, log_determinant, len(values), float(values[-1] / values[0]))


def noise_of(noise_variance: float) -> float:
    """The checked ridge."""
    return real("noise_variance", noise_variance, least=0, way_out="it is added to the diagonal of the kernel")
