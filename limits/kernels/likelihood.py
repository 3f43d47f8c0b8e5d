r"""Marginal likelihood of the targets under infinitely wide Bayesian networks, and the weights' scales that maximise it.

.. math:: \log p(y) = -\tfrac12\, y^\top (K + \sigma^2 I)^{-1} y - \tfrac12 \log\det(K + \sigma^2 I) - \tfrac n2 \log 2\pi,

summed over outputs [rasmussen2006]_: how likely it is that a random network makes these targets, up to noise.

References
----------
.. [rasmussen2006] Rasmussen and Williams, Gaussian Processes for Machine Learning, equation 5.8.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import asked, function, integer, real
from ...solvers.data import Data
from .inverse import noise_of
from .kernel import Kernel, needed_kernel
from .regression import GaussianRegression

__all__ = ["LikelihoodFit", "log_marginal_likelihood", "maximize_likelihood"]

NOISE = "noise_variance"
FACTOR = 1e3  # of a start, to both sides, where no bounds are given


class LikelihoodFit(NamedTuple):
    """Where the marginal likelihood is largest.

    Attributes
    ----------
    parameters : dict
        What was asked for, by name.
    kernel : Kernel
        The architecture with them.
    noise_variance : float
    log_likelihood, start_log_likelihood : float
        There, and at the start.
    evaluations : int
    success : bool
        Whether it is a maximum inside the bounds.
    message : str
        Why the search ended, and which parameters lie at a bound.
    """

    parameters: dict[str, float]
    kernel: Kernel
    noise_variance: float
    log_likelihood: float
    start_log_likelihood: float
    evaluations: int
    success: bool
    message: str


def log_marginal_likelihood(kernel: Kernel, X: Any, y: Any, *, noise_variance: float) -> float:
    r"""Log density of the targets, :math:`\log p(y)`.

    Parameters
    ----------
    kernel : Kernel
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, k)
    noise_variance : float
        :math:`\sigma^2 \ge 0`.

    Raises
    ------
    TypeError
        Where the kernel is no Kernel.
    ValueError
        Where the data do not fit, or the targets have no density: repeated points without noise.

    Examples
    --------
    One number of variance 1 + 1:

    >>> from infwidth.limits import kernels
    >>> kernels.log_marginal_likelihood(kernels.Dense(), [[1.0]], [0.0], noise_variance=1.0)  # -log(4 pi) / 2
    -1.2655121
    """
    needed_kernel(kernel)
    return _likelihood(kernel, Data.check(X, y, "squared"), noise_of(noise_variance))


def _likelihood(kernel: Kernel, data: Data, noise_variance: float) -> float:
    made = GaussianRegression(kernel, data, noise_variance)
    if made.inverse.rank < data.n:
        raise ValueError(
            f"noise_variance: at {noise_variance:g} the targets of {data.n} points have no density that floats can tell, since the"
            f" kernel has rank {made.inverse.rank}; give a larger one"
        )
    return float(made.log_likelihood)


def maximize_likelihood(
    architecture: Callable[..., Kernel],
    X: Any,
    y: Any,
    start: Mapping[str, float],
    *,
    noise_variance: float | None = None,
    bounds: Mapping[str, tuple[float, float]] | None = None,
    iterations: int = 100,
) -> LikelihoodFit:
    r"""Scales of weights and biases (or anything else that is positive) that make the targets most likely.

    L-BFGS-B on the logarithms of the parameters, with central differences: a local maximum.

    Parameters
    ----------
    architecture : callable
        Takes the parameters by name, such as ``W_std`` and ``b_std``, and returns a Kernel.
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, k)
    start : mapping
        Name to first value, > 0. The name ``noise_variance`` is that of the noise, which is then fitted too.
    noise_variance : float, optional
        Of the noise, where it is not fitted.
    bounds : mapping, optional
        Name to (lower, upper), both > 0. By default a factor of a thousand to both sides of the start.
    iterations : int, default 100
        At most.

    Raises
    ------
    TypeError
        Where the architecture is no function or makes no Kernel, or the start has no names.
    ValueError
        Where a start is not positive or not within its bounds, the noise is given twice or not at all, or the targets have no density.

    Examples
    --------
    The scale of a linear network with one input, whose likelihood has its maximum at the mean square of y / x:

    >>> from infwidth.limits import kernels
    >>> found = kernels.maximize_likelihood(lambda W_std: kernels.Dense(W_std), [[1.0]], [0.3], {"W_std": 1.0}, noise_variance=0.0)
    >>> found.parameters["W_std"], found.success
    (0.3000, True)
    """
    from scipy.optimize import minimize

    function("architecture", architecture, "parameters to a Kernel")
    data = Data.check(X, y, "squared")
    names, first, limits = _search(start, noise_variance, bounds)
    iterations = integer("iterations", iterations, least=1)

    def made(logarithms: np.ndarray) -> tuple[dict[str, float], Kernel, float]:
        parameters = {name: math.exp(v) for name, v in zip(names, logarithms, strict=True)}
        own = {name: value for name, value in parameters.items() if name != NOISE}
        kernel = asked("architecture", lambda: architecture(**own), signature="the names in start to a Kernel")
        if not isinstance(kernel, Kernel):
            raise TypeError(f"architecture: must return a Kernel, gave {type(kernel).__name__}")
        return parameters, kernel, parameters.get(NOISE, noise_variance or 0.0)

    def loss(logarithms: np.ndarray) -> float:
        _, kernel, noise = made(logarithms)
        return -_likelihood(kernel, data, noise)

    at_start = -loss(first)
    options: Any = {"maxiter": iterations, "maxfun": 10 * iterations * (2 * len(names) + 1)}
    found = minimize(loss, first, method="L-BFGS-B", jac="3-point", bounds=limits, options=options)
    parameters, kernel, noise = made(found.x)
    ends = [name for name, v, (low, high) in zip(names, found.x, limits, strict=True) if min(v - low, high - v) < 1e-6]
    message = str(found.message) + (f"; at a bound: {', '.join(ends)}" if ends else "")
    return LikelihoodFit(parameters, kernel, noise, -float(found.fun), at_start, int(found.nfev), bool(found.success) and not ends, message)


def _search(
    start: Mapping[str, float], noise_variance: float | None, bounds: Mapping[str, tuple[float, float]] | None
) -> tuple[tuple[str, ...], np.ndarray, list[tuple[float, float]]]:
    """Names, logarithms of the start, and of the bounds."""
    if not isinstance(start, Mapping) or not start or not all(isinstance(name, str) for name in start):
        raise TypeError("start: need names with their first values, for example {'W_std': 1.5, 'b_std': 0.1}")
    if (NOISE in start) == (noise_variance is not None):
        raise ValueError("noise_variance: give it once, as a number or in start (to fit it)")
    if noise_variance is not None:
        noise_of(noise_variance)
    if bounds is not None and not (isinstance(bounds, Mapping) and bounds.keys() <= start.keys()):
        raise ValueError("bounds: need (lower, upper) by name, of names in start")
    first: list[float] = []
    limits: list[tuple[float, float]] = []
    for name, value in start.items():
        value = real(f"start[{name!r}]", value, above=0)
        try:
            low, high = (bounds or {}).get(name, (value / FACTOR, value * FACTOR))
        except (TypeError, ValueError):
            raise ValueError(f"bounds[{name!r}]: need (lower, upper), got {(bounds or {})[name]!r:.60}") from None
        low, high = real(f"bounds[{name!r}]", low, above=0), real(f"bounds[{name!r}]", high, above=0)
        if not low < high or not low <= value <= high:
            raise ValueError(f"bounds[{name!r}]: ({low:g}, {high:g}) must hold the start {value:g} inside")
        first.append(math.log(value))
        limits.append((math.log(low), math.log(high)))
    return tuple(start), np.array(first), limits
