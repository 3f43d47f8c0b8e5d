r"""The spectrum of a kernel on data: that of the empirical measure of its samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.checks import array, asked, function, returned, squarable
from ...solvers.machine.memory import refuse_above_available
from ..kernels.kernel import Kernel
from .spectrum import Spectrum

__all__ = ["gram", "measured_spectrum"]

Array = np.ndarray


def measured_spectrum(kernel: Callable[..., Array] | Array, X: Any, y: Any) -> Spectrum:
    r"""Eigenvalues of :math:`K(x_i, x_j)/M` and the power of the targets in their eigenvectors.

    .. math::
        \tfrac1M K = \sum_j \lambda_j u_j u_j^\top, \qquad p_j = (u_j \cdot y)^2 / M .

    Parameters
    ----------
    kernel : callable or ndarray, shape (M, M)
        ``kernel(X, X)``, such as ``k.ntk`` of :mod:`infwidth.limits.kernels`, or the Gram matrix itself.
    X : array_like, shape (M, d)
    y : array_like, shape (M,) or (M, k)

    Raises
    ------
    ValueError
        Where shapes do not fit, or the Gram matrix is not symmetric and positive semidefinite to rounding.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> X = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 0.0]])
    >>> spectrum = spectra.measured_spectrum(lambda A, B: A @ B.T, X, X[:, 0])
    >>> spectrum.eigenvalues.round(3), spectrum.power.sum(axis=0).round(3)
    (array([0.5, 0.5, 0. , 0. ]), array([0.5]))
    """
    K, y = gram(kernel, X, y)
    lam, vectors = np.linalg.eigh(K / len(K))
    lam, vectors = lam[::-1], vectors[:, ::-1]
    if lam[-1] < -1e-8 * lam[0]:
        raise ValueError("kernel: its Gram matrix has negative eigenvalues; give a positive semidefinite kernel")
    return Spectrum(np.maximum(lam, 0), (vectors.T @ y) ** 2 / len(K))


def gram(kernel: Callable[..., Array] | Array, X: Any, y: Any) -> tuple[Array, Array]:
    """The Gram matrix (M, M) and the targets (M, k), checked."""
    X, y = array("X", X), array("y", y, dtype=np.dtype(np.float64))
    if len(X) != len(y):
        raise ValueError(f"y: has {len(y)} rows but X has {len(X)}; they must hold the same samples")
    X, y = squarable("X", X), squarable("y", y)
    refuse_above_available("X", f"a Gram matrix of {len(X):.3g} points and its eigenvectors", 8.0 * 4 * len(X) ** 2, "give fewer")
    what = "a function of inputs (n, d) and (n', d) to a matrix (n, n'), or that matrix"
    if isinstance(kernel, Kernel):
        raise TypeError("kernel: is an architecture, which has two kernels; give its .nngp or its .ntk")
    if callable(kernel):
        function("kernel", kernel, what)
        with np.errstate(over="ignore", invalid="ignore"):
            kernel = asked("kernel", kernel, X, X, signature=what)
    K = returned("kernel", kernel, (len(X), len(X)), f"{len(X)} samples")
    scale = np.abs(np.diagonal(K)).max()
    if not (np.isfinite(K).all() and np.abs(K - K.T).max() <= 1e-8 * scale):
        raise ValueError("kernel: its Gram matrix is not finite and symmetric; give a positive semidefinite kernel")
    return K, y
