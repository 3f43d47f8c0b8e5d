r"""Regression with a kernel: the posterior of infinitely wide Bayesian networks, and kernel ridge.

A network with Gaussian weights whose outputs are seen with noise of variance :math:`\sigma^2` has, at infinite width, the posterior
of a Gaussian process with covariance K, the NNGP [lee2017]_ [matthews2018]_:

.. math::
    \mathbb E f(x) = K(x, X)\,(K + \sigma^2 I)^{-1} y, \qquad
    \operatorname{Cov} f = K(x, x') - K(x, X)\,(K + \sigma^2 I)^{-1} K(X, x') .

It is the law of training the last layer alone to convergence, too. Kernel ridge is the mean with any kernel.

References
----------
.. [lee2017] Lee et al., arXiv:1711.00165.
.. [matthews2018] Matthews et al., arXiv:1804.11271.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import choice, real
from ...solvers.data import Data
from ...solvers.machine.memory import by_parts, refuse_above_available
from .inverse import Inverse, inverse, noise_of
from .kernel import Kernel, needed_kernel

__all__ = ["GaussianRegression", "Posterior", "Ridge", "kernel_ridge", "posterior"]

Array = np.ndarray


class Posterior(NamedTuple):
    """Outputs given the data.

    Attributes
    ----------
    mean : ndarray, shape (n', k)
    covariance : ndarray, shape (n', n'), or (n',) of variances
        Of each output, without the noise of a new observation; outputs are independent.
    condition : float
        Condition number of what was inverted.
    rank : int
        Directions of the n training points that count; fewer than n where points are repeated and there is no noise.
    """

    mean: Array
    covariance: Array
    condition: float
    rank: int


class Ridge(NamedTuple):
    r"""Kernel ridge.

    Attributes
    ----------
    outputs : ndarray, shape (n', k)
    coefficients : ndarray, shape (n, k)
        Outputs are the kernel between new points and the training points times them.
    noise_variance : float
        What was added to the diagonal.
    condition : float
        As in :class:`Posterior`.
    rank : int
        As in :class:`Posterior`.
    """

    outputs: Array
    coefficients: Array
    noise_variance: float
    condition: float
    rank: int


class GaussianRegression:
    """Data taken in once, for predictions at any points.

    Parameters
    ----------
    kernel : Kernel
    data : Data
    noise_variance : float
    """

    def __init__(self, kernel: Kernel, data: Data, noise_variance: float) -> None:
        self.kernel, self.X = kernel, data.X.astype(float)
        refuse_above_available("X", f"the Gram matrix of {data.n} points and its factor", 24.0 * data.n**2, "give fewer points")
        self.inverse: Inverse = inverse(kernel.nngp(self.X), noise_variance)
        self.seen = self.inverse.root(data.y.astype(float))
        self.coefficients = self.inverse.adjoint(self.seen)

    @property
    def log_likelihood(self) -> float:
        """Log density of the targets, summed over outputs; -inf where the kernel is singular, so that almost all targets have none."""
        n, k = self.coefficients.shape
        if self.inverse.rank < n:
            return -np.inf
        return -0.5 * (float((self.seen**2).sum()) + k * self.inverse.log_determinant + k * n * np.log(2 * np.pi))

    def predict(self, X: Array, covariance: str) -> tuple[Array, Array | None]:
        """Mean (n', k), and the covariance (n', n') of ``"full"``, the variances (n',) of ``"diagonal"``, or None of ``"none"``."""
        if covariance == "full":
            cross = self.kernel.nngp(X, self.X)
            known = self.inverse.root(cross.T)
            return cross @ self.coefficients, self.kernel.nngp(X) - known.T @ known
        n, k = self.coefficients.shape
        found = by_parts(lambda part: self._columns(part, covariance), X, 3 * n, least=n)
        return found[:, :k], found[:, k] if covariance == "diagonal" else None

    def _columns(self, X: Array, covariance: str) -> Array:
        """Means (n', k), and the variance as one column more."""
        cross = self.kernel.nngp(X, self.X)
        mean = cross @ self.coefficients
        if covariance == "none":
            return mean
        known = self.inverse.root(cross.T)
        variance = np.maximum(self.kernel.diagonal(X, get="nngp") - np.einsum("ri,ri->i", known, known), 0.0)
        return np.concatenate((mean, variance[:, None]), axis=1)


def posterior(kernel: Kernel, X: Any, y: Any, X_test: Any, *, noise_variance: float = 0.0, covariance: str = "full") -> Posterior:
    r"""Mean and covariance of the outputs of infinitely wide Bayesian networks.

    Parameters
    ----------
    kernel : Kernel
        Its ``nngp`` is the prior covariance K.
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, k)
    X_test : array_like, shape (n', d)
    noise_variance : float, default 0
        :math:`\sigma^2 \ge 0` of the observations, in the units of :math:`y^2`. At 0 the mean interpolates; where points are repeated it is
        the least-squares answer of minimum norm.
    covariance : {"full", "diagonal"}
        All pairs, or variances alone.

    Raises
    ------
    TypeError
        Where the kernel is no Kernel.
    ValueError
        Where the data do not fit, the noise is negative, or the matrices are more than the free memory.

    Examples
    --------
    A linear network of one input: the prior f = w x, seen at x = 1 with noise as large as the signal, is halved:

    >>> from infwidth.limits import kernels
    >>> found = kernels.posterior(kernels.Dense(), [[1.0]], [2.0], [[1.0], [3.0]], noise_variance=1.0)
    >>> found.mean[:, 0], found.covariance
    (array([1., 3.]), array([[0.5, 1.5],
           [1.5, 4.5]]))
    """
    needed_kernel(kernel)
    data = Data.check(X, y, "squared", X_test)
    assert data.X_test is not None
    choice("covariance", covariance, ("full", "diagonal"))
    made = GaussianRegression(kernel, data, noise_of(noise_variance))
    mean, spread = made.predict(data.X_test.astype(float), covariance)
    assert spread is not None
    return Posterior(mean, spread, made.inverse.condition, made.inverse.rank)


def kernel_ridge(
    kernel: Kernel,
    X: Any,
    y: Any,
    X_test: Any,
    *,
    noise_variance: float | None = None,
    relative_ridge: float | None = None,
    get: str = "ntk",
) -> Ridge:
    r"""Kernel ridge, :math:`f(x) = \Theta(x, X)\,(\Theta + \rho I)^{-1} y`, with the unit of the ridge in its name.

    With the tangent kernel it is where gradient flow from f = 0 ends on
    :math:`\frac1{2n}\sum_i (f_i - y_i)^2 + \frac{\rho}{2n} |\theta - \theta_0|^2`.

    Parameters
    ----------
    kernel : Kernel
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, k)
    X_test : array_like, shape (n', d)
    noise_variance : float, optional
        :math:`\rho` itself, in the units of the kernel.
    relative_ridge : float, optional
        :math:`\rho` as a multiple of the mean of the diagonal of :math:`\Theta`: the same for kernels of any scale. Give one of the two, or
        none for the interpolant of minimum norm.
    get : {"ntk", "nngp"}
        Which of the two kernels is taken.

    Raises
    ------
    TypeError
        Where the kernel is no Kernel.
    ValueError
        Where both ridges are given, one is negative, or the data do not fit.

    Examples
    --------
    >>> from infwidth.limits import kernels
    >>> k = kernels.Dense(W_std=2.0)
    >>> kernels.kernel_ridge(k, [[1.0]], [1.0], [[1.0]], noise_variance=1.0).outputs  # 4 / (4 + 1)
    array([[0.8]])
    >>> kernels.kernel_ridge(k, [[1.0]], [1.0], [[1.0]], relative_ridge=1.0).outputs  # 4 / (4 + 4)
    array([[0.5]])
    """
    needed_kernel(kernel)
    data = Data.check(X, y, "squared", X_test)
    assert data.X_test is not None
    choice("get", get, ("ntk", "nngp"))
    if noise_variance is not None and relative_ridge is not None:
        raise ValueError("relative_ridge: is given beside noise_variance; give one of them")
    refuse_above_available("X", f"the Gram matrix of {data.n} points and its factor", 24.0 * data.n**2, "give fewer points")
    train = data.X.astype(float)
    gram = kernel(train, get=get)
    if relative_ridge is not None:
        ridge = real("relative_ridge", relative_ridge, least=0) * float(np.trace(gram)) / data.n
    else:
        ridge = noise_of(0.0 if noise_variance is None else noise_variance)
    made = inverse(gram, ridge)
    coefficients = made.solve(data.y.astype(float))
    outputs = by_parts(lambda part: kernel(part, train, get=get) @ coefficients, data.X_test.astype(float), data.n, least=data.n)
    return Ridge(outputs, coefficients, ridge, made.condition, made.rank)
