r"""Zonal kernels on the sphere: their eigenvalues by one integral each.

A kernel :math:`K(x \cdot x')` on the unit sphere of :math:`\mathbb R^d` with the uniform probability measure has the spherical harmonics
as eigenfunctions (Funk-Hecke): for degree k the eigenvalue and its multiplicity are

.. math::
    \lambda_k = \frac{\int_0^\pi K(\cos\theta)\, P_k(\cos\theta) \sin^{d-2}\theta\, d\theta}{\int_0^\pi \sin^{d-2}\theta\, d\theta},
    \qquad N_k = \frac{2k + d - 2}{k} \binom{k + d - 3}{k - 1},

with the Gegenbauer polynomial :math:`P_k` of index :math:`(d-2)/2`, normalised to :math:`P_k(1) = 1`. In the variable :math:`\theta` the
kernels of networks are analytic up to the ends, where in :math:`\cos\theta` they have roots, so Gauss-Legendre nodes in
:math:`\theta` converge exponentially.

References
----------
.. [muller1966] Müller, Lecture Notes in Mathematics 17 (1966) (Funk-Hecke).
.. [bietti2019] Bietti and Mairal, arXiv:1905.12173 (the tangent kernel of two-layer relu networks).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from ...solvers.checks import asked, function, integer, returned
from .spectrum import Spectrum

__all__ = ["multiplicity", "zonal_spectrum"]

Array = np.ndarray

MOST_DIMENSIONS, MOST_DEGREES = 10_000, 2_000
INNER, HEIGHTS = "inputs (n, d) and (n', d) to a matrix (n, n')", "heights (n,) in [-1, 1] to values (n,)"

ROUNDS = 3  # doublings of the nodes
ROUNDING = 1e-14  # of the largest eigenvalue: what is below is none


def multiplicity(degree: int, dim: int) -> float:
    """Number of spherical harmonics of that degree on the unit sphere of R^dim.

    Parameters
    ----------
    degree : int
    dim : int
        Of the space: 3 for the sphere in three dimensions.

    Raises
    ------
    ValueError
        Where ``degree`` is not an integer >= 0 or ``dim`` not one >= 2.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> [spectra.multiplicity(k, 3) for k in range(4)]
    [1.0, 3.0, 5.0, 7.0]
    """
    k, d = integer("degree", degree, least=0, most=10**6), integer("dim", dim, least=2, most=10**6)
    return 1.0 if k == 0 else float(np.rint((2 * k + d - 2) / k * special.binom(k + d - 3, k - 1)))


def zonal_spectrum(kernel: Callable[..., Array], dim: int, degrees: int, target: Callable[[Array], Any] | None = None) -> Spectrum:
    r"""Eigenvalues of a zonal kernel of degrees 0 .. ``degrees``, and the power of a zonal target.

    Parameters
    ----------
    kernel : callable
        ``kernel(X1, X2)`` of inputs (n, d) and (n', d), shape (n, n'), which on unit vectors depends on :math:`x \cdot x'` alone; for
        example ``k.ntk`` of :mod:`infwidth.limits.kernels`.
    dim : int
        :math:`d \ge 2`.
    degrees : int
    target : callable, optional
        A function of the first coordinate, (p,) to (p,); its power is that of its zonal part (all of it). Default: power 0.

    Returns
    -------
    Spectrum
        In falling order of the eigenvalues, with their multiplicities. Eigenvalues of the size of rounding are set to 0. The trace of the
        degrees left out is its ``tail``.

    Raises
    ------
    ValueError
        Where an argument is out of its range, the kernel is not positive, or the integrals do not converge to 1e-10 of the largest
        eigenvalue with 8 times as many nodes.

    Examples
    --------
    The kernel :math:`x \cdot x'` in three dimensions has the eigenvalue 1/3 three times:

    >>> from infwidth.limits import spectra
    >>> spectrum = spectra.zonal_spectrum(lambda X, Z: X @ Z.T, dim=3, degrees=4, target=lambda z: z)
    >>> spectrum.eigenvalues.round(4)[:2], spectrum.multiplicity[:2], spectrum.power.ravel().round(4)[:2]
    (array([0.3333, 0.    ]), array([3., 1.]), array([0.3333, 0.    ]))
    """
    d, degrees = integer("dim", dim, least=2, most=MOST_DIMENSIONS), integer("degrees", degrees, least=0, most=MOST_DEGREES)
    function("kernel", kernel, INNER)

    def profile(cosine: Array) -> Array:
        X = np.zeros((len(cosine), d))
        X[:, 0], X[:, 1] = cosine, np.sqrt(np.maximum(1 - cosine**2, 0))
        found = asked("kernel", kernel, np.eye(1, d), X, signature=INNER)
        return returned("kernel", found, (1, len(X)), f"1 and {len(X)} inputs").ravel()

    many = np.array([multiplicity(k, d) for k in range(degrees + 1)])
    lam = _moments(profile, d, degrees, "kernel")
    if lam.max() <= 0 or lam.min() < -1e-9 * np.abs(lam).max():
        raise ValueError(f"kernel: has the eigenvalue {lam.min():.3g} at degree {lam.argmin()}; give one that is positive on this sphere")
    power, rest = np.zeros(degrees + 1), 0.0
    if target is not None:
        wanted = function("target", target, HEIGHTS)

        def profile_of_target(z: Array) -> Array:
            return returned("target", asked("target", wanted, z, signature=HEIGHTS), z.shape, f"{len(z)} heights")

        # c_k = <f, P_k> sqrt(N_k): the zonal harmonic sqrt(N_k) P_k has norm 1
        power = many * _moments(profile_of_target, d, degrees, "target") ** 2
        rest = max(float(_moments(lambda z: profile_of_target(z) ** 2, d, 0, "target")[0] - power.sum()), 0.0)
    lam[lam < ROUNDING * lam.max()] = 0.0
    order = np.argsort(-lam, kind="stable")
    tail = max(float(profile(np.ones(1))[0]) - float(many @ lam), 0.0)
    return Spectrum(lam[order], power[order], many[order], rest, tail if tail > ROUNDING * lam.max() else 0.0)


def _moments(function: Callable[[Array], Array], d: int, degrees: int, name: str) -> Array:
    r""":math:`\langle f, P_k\rangle` for k = 0 .. degrees, by nodes in the angle that double until nothing changes."""
    before = None
    for nodes in (2 * degrees + 64) * 2 ** np.arange(ROUNDS + 1):
        x, w = special.roots_legendre(int(nodes))
        # Halves: a target or a kernel with a kink at the equator stays exact.
        theta = np.concatenate([(x + 1) * (np.pi / 4), (x + 1) * (np.pi / 4) + np.pi / 2])
        weight = np.concatenate([w, w]) * np.sin(theta) ** (d - 2)
        z = np.cos(theta)
        values = function(z) * (weight / weight.sum())
        now = np.array([values @ polynomial for polynomial in _gegenbauer(z, d, degrees)])
        if before is not None and np.abs(now - before).max() <= 1e-11 * max(np.abs(now).max(), 1e-300):
            return now
        before = now
    raise ValueError(f"{name}: its integrals over the sphere do not converge; smooth it, or lower degrees")


def _gegenbauer(z: Array, d: int, degrees: int) -> Any:
    """P_0, P_1, ... at z, by their recursion (k + d - 2) P_{k+1} = (2 k + d - 2) z P_k - k P_{k-1}, which is stable on [-1, 1]."""
    previous, current = np.zeros_like(z), np.ones_like(z)
    for k in range(degrees + 1):
        yield current
        factor = k + d - 2 or 1  # d = 2, k = 0: P_1 = z
        previous, current = current, ((2 * k + d - 2 or 1) * z * current - k * previous) / factor
