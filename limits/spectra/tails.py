r"""Powers that spectra fall with, and the exponents that the theory predicts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import choice, flag, instance, integer, real, reals, vector
from ...solvers.studies.fitting import power_law
from .spectrum import Spectrum

__all__ = ["Tail", "TailExponents", "predicted_exponents", "tail", "tail_sums"]

Array = np.ndarray


class Tail(NamedTuple):
    r"""A fitted power :math:`v \sim x^{-p}`.

    Attributes
    ----------
    exponent : float
        p, positive where the values fall.
    error : float
        The larger of the standard error of the fit and half of the difference between the two halves of the window: a bend counts.
    points : int
        Number of values in the window.
    """

    exponent: float
    error: float
    points: int


class TailExponents(NamedTuple):
    r"""Predicted exponents, see :func:`predicted_exponents`.

    Attributes
    ----------
    eigenvalues : float
        :math:`\nu`: :math:`\lambda_k \sim k^{-\nu}`.
    power : float
        :math:`\kappa`: the tail sums of the power of the target.
    loss : float
        :math:`\xi = \kappa/\nu`: the loss against time.
    """

    eigenvalues: float
    power: float
    loss: float


def predicted_exponents(dim: int, target: str, singularity: float = 1.0, radial: bool = False) -> TailExponents:
    r"""Exponents of a kernel with the singularity :math:`|x - x'|^\alpha` on a bounded domain of :math:`\mathbb R^d`.

    =======================  ====================  =======================  ==============================
    target                   :math:`\nu`           :math:`\kappa`           :math:`\xi = \kappa/\nu`
    =======================  ====================  =======================  ==============================
    smooth                   :math:`1 + \alpha/d`  :math:`(d+\alpha+1)/d`   :math:`(d+\alpha+1)/(d+\alpha)`
    jump across a surface    :math:`1 + \alpha/d`  :math:`1/d`              :math:`1/(d+\alpha)`
    =======================  ====================  =======================  ==============================

    In the radial sector of the ball, d times as many: :math:`\nu = d + \alpha`, and the same :math:`\xi`. The tangent kernel of a shallow
    relu network with biases has :math:`\alpha = 1`. A domain without boundary (the sphere) makes smooth targets fall faster than any
    power, and special targets or kernels change :math:`\kappa`.

    Parameters
    ----------
    dim : int
        d >= 1.
    target : {"smooth", "jump"}
    singularity : float
        :math:`\alpha > 0`.
    radial : bool
        Count the eigenvalues of the radial sector alone.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    References
    ----------
    .. [velikanov2021] Velikanov and Yarotsky, arXiv:2105.00507. The exponents of smooth targets on a domain with a boundary are derived
       from the boundary layer of width 1/R at frequency R, and checked numerically for d = 1, 2, 3.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> [round(spectra.predicted_exponents(d, "jump").loss, 4) for d in (1, 2, 3)]
    [0.5, 0.3333, 0.25]
    """
    d, alpha = integer("dim", dim, least=1), real("singularity", singularity, above=0)
    choice("target", target, ("smooth", "jump"))
    radial = flag("radial", radial)
    nu = d + alpha
    kappa = d + alpha + 1 if target == "smooth" else 1.0
    share = 1 if radial else d
    return TailExponents(nu / share, kappa / share, kappa / nu)


def tail_sums(spectrum: Spectrum) -> Array:
    r""":math:`\sum_{j \ge k} p_j`, summed over the outputs, for k = 1 .. J; shape (J,).

    Parameters
    ----------
    spectrum : Spectrum
        Of J eigenvalues.

    Raises
    ------
    TypeError
        Where it is no Spectrum.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> spectra.tail_sums(spectra.Spectrum([2.0, 1.0], [3.0, 0.5]))
    array([3.5, 0.5])
    """
    spectrum = instance("spectrum", spectrum, Spectrum, "Spectrum([1.0, 0.5], [1.0, 0.2])")
    return np.cumsum(spectrum.power.sum(axis=1)[::-1])[::-1]


def tail(values: Any, window: tuple[float, float], x: Any = None) -> Tail:
    r"""Exponent of a power over a window.

    Parameters
    ----------
    values : array_like, shape (J,)
        Positive in the window.
    window : pair of float
        First and last x of the fit.
    x : array_like, shape (J,), optional
        Default: 1 .. J. Where it is equally spaced the points are thinned to equal weight per factor of x.

    Raises
    ------
    ValueError
        Where the window holds fewer than six points, or a value in it is not positive.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> k = np.arange(1.0, 1001)
    >>> fit = spectra.tail(k**-1.5 * (1 + 1 / k), window=(20, 500))
    >>> round(fit.exponent, 2), fit.error < 0.03
    (1.51, True)
    """
    values = vector("values", values)
    x = np.arange(1.0, len(values) + 1) if x is None else vector("x", x, length=len(values), each="value")
    low, high = reals("window", window, length=2)
    if not 0 < low < high:
        raise ValueError(f"window: need two numbers 0 < low < high, got {low:g} and {high:g}")
    inside = np.flatnonzero((x >= low) & (x <= high))
    if len(inside) >= 6:  # one point per equal factor, so that the end of the window does not rule the fit
        wanted = np.geomspace(x[inside[0]], x[inside[-1]], min(len(inside), 60))
        inside = inside[np.unique(np.searchsorted(x[inside], wanted).clip(max=len(inside) - 1))]
    if len(inside) < 6:
        raise ValueError(f"window: holds {len(inside)} points between {low:g} and {high:g}; widen it")
    half = len(inside) // 2
    slope, error = power_law(x[inside], values[inside])
    first, second = (power_law(x[part], values[part])[0] for part in (inside[:half], inside[half:]))
    return Tail(-slope, max(error, abs(first - second) / 2), len(inside))
