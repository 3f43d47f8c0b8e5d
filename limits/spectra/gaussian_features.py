r"""Kernel regression with Gaussian eigenfunctions: the assumption of the theory of learning curves, kept by construction.

The theory of :func:`infwidth.limits.spectra.predicted_curve` takes the values of the eigenfunctions on the samples for independent Gaussian
variables, and the number of samples for large. Where it misses a measurement, one of the two fails. Here the first one holds exactly: the n
samples of an eigenspace of multiplicity N are N Gaussian vectors, of which the regression sees the sum of the products,

.. math::
    K = \sum_j \lambda_j S_j + (\delta + \mathrm{tail})\, \mathbb 1, \qquad S_j = \sum_{m=1}^{N_j} e_{jm} e_{jm}^\top
      = e_j e_j^\top + \mathrm{Wishart}(N_j - 1), \qquad y = \sum_j \sqrt{p_j}\, e_j + \text{noise},

with :math:`e_j` the function along which the target lies. What is left between this and the theory is of the order 1/n; what is left
between this and a measurement on data is what the true eigenfunctions, which are not Gaussian, make of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.checks import instance, integer, integers, real
from ...solvers.machine.memory import refuse_above_available
from ...solvers.machine.work import watched
from ...solvers.running.streams import generator
from ..gaussian.wishart import wishart_root
from .regression import LARGEST, MOST_DRAWS, least_norm
from .spectrum import Spectrum

__all__ = ["gaussian_curve"]

Array = np.ndarray


def gaussian_curve(
    spectrum: Spectrum, sizes: Any, ridge: float = 0.0, noise: float = 0.0, draws: int = 20, rng: Any = 0
) -> tuple[Array, Array]:
    r"""Test error of kernel regression with Gaussian eigenfunctions of that spectrum: mean over draws, with its standard error.

    Parameters
    ----------
    spectrum : Spectrum
    sizes : sequence of int
        Numbers n of samples.
    ridge, noise : float
        See :func:`infwidth.limits.spectra.predicted_curve`.
    draws : int
        At least 2.
    rng : int or Generator

    Returns
    -------
    mean, error : ndarray, shape (S,)
        The test error is exact for each draw: the mean over all test points.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    Twenty functions of a thousand are hardly learned from twenty samples, and as badly as the theory says:

    >>> from infwidth.limits import spectra
    >>> spectrum = spectra.Spectrum([1.0, 0.1], [1.0, 0.5], multiplicity=[20, 980])
    >>> mean, error = spectra.gaussian_curve(spectrum, [20], draws=200)
    >>> bool(abs(mean - spectra.predicted_curve(spectrum, [20]).test_error)[0] < 3 * error[0] < 0.05)
    True
    """
    spectrum = instance("spectrum", spectrum, Spectrum, "Spectrum([1.0, 0.5], [1.0, 0.2])")
    counts = integers("sizes", sizes if np.iterable(sizes) else [sizes], least=1, most=10**6)
    ridge, noise = real("ridge", ridge, least=0, most=LARGEST), real("noise", noise, least=0, most=LARGEST)
    draws, rng = integer("draws", draws, least=2, most=MOST_DRAWS), generator(rng)
    largest, modes = float(max(counts)), len(spectrum.eigenvalues)
    repeated = float((spectrum.multiplicity > 1).sum())
    needs = 8 * largest * (2 * modes + (4 + repeated) * largest)
    refuse_above_available("sizes", f"regression on {largest:.3g} samples of {modes} modes", needs, "lower them")
    errors = np.array([[_draw(spectrum, n, ridge, noise, rng) for _ in watched("draws", range(draws))] for n in watched("sizes", counts)])
    return errors.mean(axis=1), errors.std(axis=1, ddof=1) / np.sqrt(draws)


def _draw(spectrum: Spectrum, n: int, ridge: float, noise: float, rng: np.random.Generator) -> float:
    """Test error of one regression: over all outputs at once, since only their summed power enters its mean."""
    lam, c = spectrum.eigenvalues, np.sqrt(spectrum.power.sum(axis=1))
    unlearned = float(spectrum.rest.sum())
    e = rng.standard_normal((n, len(lam)))
    K = (e * lam) @ e.T + (ridge + spectrum.tail) * np.eye(n)
    others = []  # the functions on which the target has no power: roots of their products
    for j in np.flatnonzero((spectrum.multiplicity > 1) & (lam > 0)):
        others.append(lam[j] * wishart_root(rng, int(spectrum.multiplicity[j]) - 1, n))
        K += others[-1].T @ others[-1] / lam[j]
    w = least_norm(K, e @ c + np.sqrt(noise + unlearned) * rng.standard_normal(n))
    learned = sum(float(((root @ w) ** 2).sum()) for root in others)
    return float(((lam * (w @ e) - c) ** 2).sum()) + learned + unlearned
