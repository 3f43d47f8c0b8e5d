r"""The training loss of gradient flow in the kernel regime."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...solvers.checks import instance, vector
from ...solvers.machine.memory import by_parts
from .spectrum import Spectrum

__all__ = ["loss_curve"]

Array = np.ndarray


def loss_curve(spectrum: Spectrum, t: Any) -> Array:
    r"""Loss of the flow :math:`\dot f = -K (f - f^*)` from f = 0, at each time:

    .. math:: \mathrm{Loss}(t) = \tfrac12 \sum_j p_j\, e^{-2\lambda_j t} + \tfrac12\, \mathrm{rest} .

    Parameters
    ----------
    spectrum : Spectrum
        Of J eigenvalues and k outputs, whose losses add.
    t : array_like, shape (T,)
        Times >= 0, in the unit in which gradient descent has ``learning_rate * step``.

    Returns
    -------
    ndarray, shape (T,)

    Raises
    ------
    ValueError
        Where a time is negative or not finite.

    References
    ----------
    .. [velikanov2021] Velikanov and Yarotsky, arXiv:2105.00507, theorem 1: where :math:`\lambda_k \sim k^{-\nu}` and the tail sums of the
       power fall like :math:`k^{-\kappa}`, the loss falls like :math:`t^{-\kappa/\nu}`.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> spectra.loss_curve(spectra.Spectrum([1.0, 0.0], [2.0, 2.0]), [0.0, 50.0])
    array([2., 1.])
    """
    spectrum = instance("spectrum", spectrum, Spectrum, "Spectrum([1.0, 0.5], [1.0, 0.2])")
    t = vector("t", t if np.iterable(t) else [t], least=0, most=1e150)
    left = by_parts(lambda part: np.exp(-2 * np.outer(part, spectrum.eigenvalues)) @ spectrum.power, t, 2 * len(spectrum.eigenvalues))
    return (left + spectrum.rest).sum(axis=1) / 2
