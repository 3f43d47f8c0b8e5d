r"""Test error of kernel regression against the number of samples, from the spectrum alone.

Kernel ridge regression :math:`f = K(\cdot, X)(K(X, X) + \delta I)^{-1} y` on n samples learns an eigenmode of eigenvalue
:math:`\lambda_j` in part, by its learnability :math:`L_j`; the effective ridge :math:`\kappa` shares n among the modes [bordelon2020]_
[canatar2020]_ [simon2021]_:

.. math::
    L_j = \frac{\lambda_j}{\lambda_j + \kappa}, \qquad \sum_j N_j L_j + \frac\delta\kappa = n, \qquad
    \mathbb E\,\mathrm{test} = E_0 \Big[\sum_j (1 - L_j)^2 p_j + \mathrm{rest} + \sigma^2\Big], \qquad
    E_0 = \frac{n}{n - \sum_j N_j L_j^2},

for targets with noise of variance :math:`\sigma^2` (the test error is that of the noisy target less :math:`\sigma^2`, see
:class:`LearningCurve`). The bracket without noise is the squared bias, what :math:`E_0` adds the variance over the samples. It is exact as
n and the number of modes grow together under Gaussian eigenfunctions (:func:`infwidth.limits.spectra.gaussian_curve`: there what it
leaves out falls like 1/n), and an approximation elsewhere: good in high dimension, too low in low dimension without a ridge however many
samples there are (relu networks on the sphere, target :math:`|x_1|`: by a third for d = 3, a tenth for d = 4, some per cent for d = 6,
not seen for d = 20), and where n is no small part of the data that the spectrum was measured on. What a spectrum leaves out of the trace of
the kernel (``Spectrum.tail``) adds to :math:`\delta` in the equation of :math:`\kappa`.

References
----------
.. [bordelon2020] Bordelon, Canatar and Pehlevan, arXiv:2002.02561.
.. [canatar2020] Canatar, Bordelon and Pehlevan, arXiv:2006.13198.
.. [simon2021] Simon, Dickens, Karkada and DeWeese, arXiv:2110.03922.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...solvers.checks import instance, integer, integers, real
from ...solvers.figures import one_axes, plain_ticks
from ...solvers.machine.work import watched
from ...solvers.running.streams import generator
from .measured import gram, measured_spectrum
from .spectrum import Spectrum

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "LARGEST",
    "MOST_DRAWS",
    "LearningCurve",
    "effective_ridge",
    "learning_curve",
    "least_norm",
    "measure_curve",
    "predicted_curve",
]

Array = np.ndarray

LARGEST = 1e100  # ridge and noise
MOST_DRAWS = 100_000


@dataclass(frozen=True)
class LearningCurve:
    r"""Predicted errors of kernel regression, mean squares (without a factor ½) summed over the outputs.

    Attributes
    ----------
    sizes : ndarray of int, shape (S,)
    test_error : ndarray, shape (S,)
        :math:`\mathbb E (f - f^*)^2` on the law of the inputs, without the noise of the test targets. inf where as many modes as samples
        have to be interpolated exactly.
    train_error : ndarray, shape (S,)
        On the noisy training targets: :math:`(\delta/n\kappa)^2` of the test error with noise.
    bias, variance : ndarray, shape (S,)
        Squared bias :math:`\sum_j (1 - L_j)^2 p_j + \mathrm{rest}`, and the rest of the test error.
    kappa : ndarray, shape (S,)
        Effective ridge.
    overfitting : ndarray, shape (S,)
        :math:`E_0 \ge 1`.
    learned : ndarray, shape (S,)
        :math:`\sum_j N_j L_j`: n at ridge 0 while there are more modes than samples.
    """

    sizes: Array
    test_error: Array
    train_error: Array
    bias: Array
    variance: Array
    kappa: Array
    overfitting: Array
    learned: Array

    def __repr__(self) -> str:
        ends = f"{self.test_error[0]:.3g} -> {self.test_error[-1]:.3g}"
        return f"LearningCurve(n = {self.sizes[0]} .. {self.sizes[-1]}, test error {ends})"

    def plot(self, axes: Any = None) -> Figure:
        """Test error with its parts against the number of samples, both logarithmic; on matplotlib ``axes``, or new ones."""
        axes = one_axes(axes, (4.8, 3.6))
        for name, style in (("test_error", "-"), ("bias", "--"), ("variance", ":")):
            axes.loglog(self.sizes, getattr(self, name), style, color="black", label=name.replace("_", " "))
        axes.set(xlabel="samples $n$", ylabel="mean square error")
        for axis in (axes.xaxis, axes.yaxis):
            plain_ticks(axis)
        axes.legend(frameon=False)
        return axes.figure


def effective_ridge(spectrum: Spectrum, samples: int, ridge: float = 0.0) -> float:
    r"""The :math:`\kappa \ge 0` with :math:`\sum_j N_j \lambda_j/(\lambda_j + \kappa) + \delta/\kappa = n`.

    Parameters
    ----------
    spectrum : Spectrum
    samples : int
        n >= 1.
    ridge : float
        :math:`\delta \ge 0`, added to the diagonal of K (not divided by n, not relative to the trace).

    Returns
    -------
    float
        0 where the ridge is 0 and no more than n modes have eigenvalues above 0.

    Raises
    ------
    ValueError
        Where ``samples`` is not a positive integer, or the ridge is negative.

    Examples
    --------
    Two modes share one sample equally:

    >>> from infwidth.limits import spectra
    >>> spectra.effective_ridge(spectra.Spectrum([1.0, 1.0], [1.0, 0.0]), 1)
    1.0
    """
    spectrum = instance("spectrum", spectrum, Spectrum, "Spectrum([1.0, 0.5], [1.0, 0.2])")
    n, ridge = integer("samples", samples, least=1), real("ridge", ridge, least=0)
    lam, many = spectrum.eigenvalues, spectrum.multiplicity
    ridge += spectrum.tail
    if ridge == 0 and many[lam > 0].sum() <= n:
        return 0.0
    from scipy.optimize import brentq

    def excess(log_kappa: float) -> float:
        kappa = np.exp(log_kappa)
        return float(many @ (lam / (lam + kappa))) + ridge / kappa - n

    # Above: each term is at most its numerator over kappa. Below: the sum exceeds n as kappa vanishes.
    high = np.log((many @ lam + ridge) / n) + 1e-9
    low = high - 1.0
    while excess(low) < 0:
        low -= 2 * (high - low)
        if low < -1400:
            return 0.0
    return float(np.exp(brentq(excess, low, high, xtol=1e-14, rtol=1e-15)))


def predicted_curve(spectrum: Spectrum, sizes: Any, ridge: float = 0.0, noise: float = 0.0) -> LearningCurve:
    r"""The learning curve of a spectrum.

    Parameters
    ----------
    spectrum : Spectrum
    sizes : sequence of int
    ridge : float
        :math:`\delta \ge 0`, added to the diagonal of K.
    noise : float
        Variance :math:`\sigma^2 \ge 0` of independent noise on the training targets, summed over the outputs.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> k = np.arange(1.0, 20_001)
    >>> curve = spectra.predicted_curve(spectra.Spectrum(k**-2, k**-2), [10, 100, 1000])
    >>> curve.learned, np.diff(np.log10(curve.test_error)).round(2)  # test error ~ 1/n
    (array([  10.,  100., 1000.]), array([-0.96, -1.01]))
    """
    spectrum = instance("spectrum", spectrum, Spectrum, "Spectrum([1.0, 0.5], [1.0, 0.2])")
    ridge, noise = real("ridge", ridge, least=0, most=LARGEST), real("noise", noise, least=0, most=LARGEST)
    counts = np.array(_sizes(sizes))
    lam, many, power = spectrum.eigenvalues, spectrum.multiplicity, spectrum.power.sum(axis=1)
    rows = []
    for n in watched("sizes", _sizes(sizes)):
        kappa = effective_ridge(spectrum, n, ridge)
        learned = np.divide(lam, lam + kappa, out=np.zeros_like(lam), where=lam > 0)
        tail = spectrum.tail / kappa if spectrum.tail else 0.0  # the parts that the modes left out take: all of them small
        bias = float(((1 - learned) ** 2 * power).sum() + spectrum.rest.sum())
        free = n - float(many @ learned**2)
        overfitting = n / free if free > 1e-12 * n else np.inf
        both = overfitting * (bias + noise) if bias + noise > 0 else 0.0
        train = (ridge / (n * kappa)) ** 2 * both if ridge else (both * (free / n) ** 2 if kappa == 0 and np.isfinite(both) else 0.0)
        rows.append((both - noise, train, bias, both - noise - bias, kappa, overfitting, float(many @ learned) + tail))
    return LearningCurve(counts, *(np.array(column) for column in zip(*rows, strict=True)))


def learning_curve(
    kernel: Callable[..., Array] | Array, X: Any, y: Any, sizes: Any, ridge: float = 0.0, noise: float = 0.0
) -> LearningCurve:
    r"""The learning curve on samples of a data set, from the spectrum measured on all of it.

    Parameters
    ----------
    kernel : callable or ndarray, shape (M, M)
        See :func:`infwidth.limits.spectra.measured_spectrum`.
    X : array_like, shape (M, d)
    y : array_like, shape (M,) or (M, k)
    sizes : sequence of int
        Numbers n of samples drawn from the M without replacement, each below M; the test error is the mean over all M, those drawn
        included.
    ridge, noise : float
        See :func:`infwidth.limits.spectra.predicted_curve`.

    Raises
    ------
    ValueError
        Where an argument is out of its range or the Gram matrix is not positive semidefinite.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> X = np.random.default_rng(0).standard_normal((300, 2))
    >>> curve = spectra.learning_curve(lambda A, B: np.exp(A @ B.T), X, X[:, 0] * X[:, 1], [5, 20, 80])
    >>> bool(np.all(np.diff(curve.test_error) < 0))
    True
    """
    spectrum = measured_spectrum(kernel, X, y)
    largest = max(_sizes(sizes))
    if largest >= len(spectrum.eigenvalues):
        raise ValueError(f"sizes: {largest} is not below the {len(spectrum.eigenvalues)} samples of X; lower it or give more samples")
    return predicted_curve(spectrum, sizes, ridge, noise)


def measure_curve(
    kernel: Callable[..., Array] | Array, X: Any, y: Any, sizes: Any, ridge: float = 0.0, noise: float = 0.0, draws: int = 20, rng: Any = 0
) -> tuple[Array, Array]:
    """What :func:`learning_curve` predicts, measured: mean over draws of n training samples of the error on all of X, with its standard
    error.

    Parameters
    ----------
    kernel, X, y, sizes, ridge, noise
        Those of :func:`learning_curve`.
    draws : int
        At least 2.
    rng : int or Generator

    Returns
    -------
    mean, error : ndarray, shape (S,)

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    >>> from infwidth.limits import spectra
    >>> X = np.random.default_rng(0).standard_normal((300, 8)) / 8**0.5
    >>> data = (lambda A, B: np.exp(A @ B.T), X, X[:, 0] * X[:, 1] + X[:, 2], [20, 80])
    >>> mean, error = spectra.measure_curve(*data, ridge=0.1)
    >>> (mean / spectra.learning_curve(*data, ridge=0.1).test_error).round(1)  # the theory is of many samples
    array([0.7, 0.8])
    """
    K, y = gram(kernel, X, y)
    draws, rng = integer("draws", draws, least=2, most=MOST_DRAWS), generator(rng)
    counts = _sizes(sizes)
    ridge, noise = real("ridge", ridge, least=0, most=LARGEST), real("noise", noise, least=0, most=LARGEST)
    if max(counts) > len(K):
        raise ValueError(f"sizes: {max(counts)} is more than the {len(K)} samples of X; lower it or give more samples")
    errors = np.empty((len(counts), draws))
    for row, n in zip(errors, watched("sizes", counts), strict=True):
        for i in watched("draws", range(draws)):
            chosen = rng.choice(len(K), n, replace=False)
            targets = y[chosen] + np.sqrt(noise / y.shape[1]) * rng.standard_normal((n, y.shape[1]))
            weights = least_norm(K[np.ix_(chosen, chosen)] + ridge * np.eye(n), targets)
            row[i] = ((K[:, chosen] @ weights - y) ** 2).sum(axis=1).mean()
    return errors.mean(axis=1), errors.std(axis=1, ddof=1) / np.sqrt(draws)


def _sizes(sizes: Any) -> tuple[int, ...]:
    return integers("sizes", sizes if np.iterable(sizes) else [sizes], least=1, most=10**12)


def least_norm(K: Array, y: Array) -> Array:
    """By Cholesky, or where the matrix is singular the solution of minimum norm."""
    from scipy.linalg import LinAlgError, cho_factor, cho_solve

    try:
        return cho_solve(cho_factor(K), y)
    except LinAlgError:
        return np.linalg.lstsq(K, y, rcond=1e-14)[0]
