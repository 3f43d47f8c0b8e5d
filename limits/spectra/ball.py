r"""The radial sector of a rotation-invariant kernel on the unit ball.

For inputs uniform on the unit ball of :math:`\mathbb R^d` and a kernel of :math:`|x|, |x'|` and :math:`x \cdot x'`, radial targets stay
radial, and on radial functions the kernel acts as

.. math::
    (K g)(r) = \int_0^1 \bar K(r, s)\, g(s)\; d\, s^{d-1} ds, \qquad \bar K(r, s) = \mathbb E_u\, K(r e_1, s u),

the average over directions u. Its eigenvalues fall like :math:`j^{-(d + \alpha)}` where those of the whole kernel fall like
:math:`k^{-1-\alpha/d}`, for a singularity :math:`|x - x'|^\alpha`, and the loss exponents are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.checks import asked, function, integer, returned
from ...solvers.machine.memory import refuse_above_available
from .spectrum import Spectrum

__all__ = ["radial_spectrum"]

Array = np.ndarray

MOST_DIMENSIONS, MOST_RADII = 10_000, 10_000


def radial_spectrum(
    kernel: Callable[..., Array], dim: int, target: Callable[[Array], Any], radii: int = 600, directions: int = 200
) -> Spectrum:
    r"""Eigenvalues and the power of a radial target, on Gauss-Legendre nodes in the radius and the angle.

    Parameters
    ----------
    kernel : callable
        ``kernel(X1, X2)``, shapes (n, d), (n', d) to (n, n'), invariant under rotations.
    dim : int
        d; 1 means even functions on [-1, 1].
    target : callable
        Function of the radius, (p,) to (p,).
    radii, directions : int
        Numbers of nodes. The singularity of the kernel at x = x' is not resolved: trust the first tenth of the eigenvalues, and compare
        two numbers of nodes.

    Raises
    ------
    ValueError
        Where a number is not a positive integer, or a function returns other shapes.

    Examples
    --------
    The kernel :math:`1 - |x - x'|/2` in one dimension, with the second-order pole of its Fourier transform:

    >>> from infwidth.limits import spectra
    >>> spectrum = spectra.radial_spectrum(lambda X, Z: 1 - abs(X - Z.T) / 2, 1, lambda r: r**2)
    >>> lam = spectrum.eigenvalues
    >>> round(float(np.log(lam[40] / lam[20]) / np.log(2)), 1)
    -2.0
    """
    d, radii, directions = (
        integer("dim", dim, least=1, most=MOST_DIMENSIONS),
        integer("radii", radii, least=2, most=MOST_RADII),
        integer("directions", directions, least=2, most=MOST_RADII),
    )
    function("kernel", kernel, "inputs (n, d) and (n', d) to a matrix (n, n')")
    function("target", target, "radii (n,) to values (n,)")
    refuse_above_available("radii", f"{radii:.3g} radii in {d} dimensions", 8.0 * radii * (3 * radii + 2 * d), "lower it")
    x, w = np.polynomial.legendre.leggauss(radii)
    r = (x + 1) / 2
    mass = w / 2 * d * r ** (d - 1)
    mean = np.zeros((radii, radii))
    for cosine, weight in zip(*_directions(d, directions), strict=True):
        X, Z = np.zeros((radii, d)), np.zeros((radii, d))
        X[:, 0], Z[:, 0] = r, r * cosine
        if d > 1:
            Z[:, 1] = r * np.sqrt(max(1 - cosine**2, 0.0))
        K = asked("kernel", kernel, X, Z, signature="inputs (n, d) and (n', d) to a matrix (n, n')")
        mean += weight * returned("kernel", K, mean.shape, f"{radii} and {radii} inputs")
    values = returned("target", asked("target", target, r, signature="radii (n,) to values (n,)"), r.shape, f"{radii} radii")
    root = np.sqrt(mass)
    lam, vectors = np.linalg.eigh(root[:, None] * (mean + mean.T) / 2 * root)
    power = (vectors.T @ (root * values)) ** 2
    return Spectrum(np.maximum(lam[::-1], 0), power[::-1])


def _directions(d: int, nodes: int) -> tuple[Array, Array]:
    """Cosines to the first axis and their weights, of total 1."""
    if d == 1:
        return np.array([1.0, -1.0]), np.array([0.5, 0.5])
    x, w = np.polynomial.legendre.leggauss(nodes)
    theta = (x + 1) * (np.pi / 2)
    weight = w * np.sin(theta) ** (d - 2)
    return np.cos(theta), weight / weight.sum()
