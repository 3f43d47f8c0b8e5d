r"""The law of infinitely wide networks trained on a squared loss, over their initial weights: everything explicit.

With :math:`\Theta = \Theta(X, X) = V \Lambda V^\top`, the covariance K of :math:`f_0`, and the parts :math:`1 - r_t(\lambda)` of the
directions that are learned (flow, gradient descent or momentum),

.. math::
    A_t = \Theta(x, X)\, V \frac{1 - r_t(\Lambda)}{\Lambda} V^\top, \qquad
    \mathbb E f_t = A_t\, y, \qquad
    \operatorname{Cov} f_t = K(x, x') + A_t K(X, X) A_t^\top - A_t K(X, x') - (A_t K(X, x))^\top .

One eigendecomposition serves all times. With a ridge :math:`\rho`, training also decays to its start,
:math:`\mathrm{Loss} + \frac{\rho}{2n} |\theta - \theta_0|^2`, and :math:`\Lambda + \rho` stands for :math:`\Lambda` in the fraction.

References
----------
.. [lee2019] Lee et al., arXiv:1902.06720, equations 10 and 11: one network, whose mean and covariance over :math:`f_0` are above.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import choice, numbers, real, shown
from ...solvers.data import Data
from ...solvers.machine.memory import PART, by_parts, refuse_above_available
from .gains import learned, stable_rate
from .inverse import eigenbasis, noise_of
from .kernel import Kernel, needed_kernel

__all__ = ["Ensemble", "TrainedEnsemble", "ensemble"]

Array = np.ndarray

LARGEST = 1e100  # of what diverging steps have learned: sums and squares of it are finite


class Ensemble(NamedTuple):
    """Outputs of infinitely wide networks over their initial weights.

    Attributes
    ----------
    mean : ndarray, shape (T, n', k)
    covariance : ndarray, shape (T, n', n'), or (T, n') of variances, or None
        Of each output; outputs are independent.
    condition : float
        Ratio of the largest to the smallest eigenvalue of the tangent kernel on the training points that counts, the ridge added.
    rank : int
        How many of the n directions count; fewer than n where points are repeated.
    """

    mean: Array
    covariance: Array | None
    condition: float
    rank: int


class TrainedEnsemble:
    """Data taken in once, for predictions at any points and times.

    Parameters
    ----------
    kernel : Kernel
    data : Data
    noise_variance : float
        The ridge.
    """

    def __init__(self, kernel: Kernel, data: Data, noise_variance: float) -> None:
        self.kernel, self.X, self.n = kernel, data.X.astype(float), data.n
        refuse_above_available("X", f"Gram matrices of {data.n} points and their eigenvectors", 48.0 * data.n**2, "give fewer points")
        nngp, theta = kernel(self.X)
        values, self.vectors = eigenbasis(theta)
        self.values = values + noise_variance
        self.targets = self.vectors.T @ data.y.astype(float)
        self.prior = self.vectors.T @ nngp @ self.vectors

    @property
    def condition(self) -> float:
        return float(self.values[-1] / self.values[0]) if len(self.values) else np.inf

    def predict(
        self, X: Array, times: Array, covariance: str, learning_rate: float | None = None, momentum: float = 0.0
    ) -> tuple[Array, Array | None]:
        """Means (T, n', k) at times of flow or numbers of steps, and covariances (T, n', n') of ``"full"``, variances (T, n') of
        ``"diagonal"``, or None of ``"none"``."""
        refuse_above_available(
            "X_test", f"outputs at {len(times)} times with their {covariance} covariance", self._bytes(len(X), len(times), covariance),
            "ask for fewer points or times, or covariance='diagonal'",
        )  # fmt: skip
        gains = [self._gain(t, learning_rate, momentum) for t in times]
        if covariance == "full":
            return self._at(X, gains, covariance)

        def columns(part: Array) -> Array:
            mean, spread = self._at(part, gains, covariance)
            return (mean if spread is None else np.concatenate((mean, spread[:, :, None]), axis=2)).swapaxes(0, 1)

        found, k = by_parts(columns, X, 4 * self.n, least=self.n).swapaxes(0, 1), self.targets.shape[1]
        return found[:, :, :k], found[:, :, k] if covariance == "diagonal" else None

    def _at(self, X: Array, gains: list[Array], covariance: str) -> tuple[Array, Array | None]:
        """All points at once."""
        if covariance == "none":
            basis = self.kernel.ntk(X, self.X) @ self.vectors
            return np.array([(basis * gain) @ self.targets for gain in gains]), None
        cross, tangent = self.kernel(X, self.X)
        basis, cross = tangent @ self.vectors, cross @ self.vectors
        means, spreads = [], []
        own = self.kernel.nngp(X) if covariance == "full" else self.kernel.diagonal(X, get="nngp")
        for gain in gains:
            A = basis * gain
            means.append(A @ self.targets)
            half = A @ self.prior
            if covariance == "full":
                mixed = A @ cross.T
                spreads.append(own + half @ A.T - mixed - mixed.T)
            else:
                spreads.append(np.maximum(own + np.einsum("ir,ir->i", half - 2 * cross, A), 0.0))
        return np.array(means), np.array(spreads)

    def _bytes(self, points: int, times: int, covariance: str) -> float:
        spread = {"full": points, "diagonal": 1, "none": 0}[covariance]
        at_once = points if covariance == "full" else min(points, self.n + PART // (4 * self.n))
        return 8.0 * (4.0 * self.n * at_once + points * times * (spread + self.targets.shape[1]))

    def _gain(self, t: float, learning_rate: float | None, momentum: float) -> Array:
        if not len(self.values):
            return self.values
        part = learned(self.values / self.n, t, learning_rate, momentum)
        if not (np.abs(part) < LARGEST).all():
            largest = stable_rate(self.values[-1] / self.n, momentum)
            raise ValueError(f"learning_rate: {learning_rate:g} diverges; take less than {largest:.3g}")
        gain: Array = part / self.values
        return gain


def ensemble(
    kernel: Kernel,
    X: Any,
    y: Any,
    X_test: Any,
    t: Any,
    *,
    learning_rate: float | None = None,
    momentum: float = 0.0,
    noise_variance: float = 0.0,
    covariance: str = "full",
) -> Ensemble:
    r"""Mean and covariance of trained networks on the mean squared loss, from one eigendecomposition for all times.

    Parameters
    ----------
    kernel : Kernel
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, k)
    X_test : array_like, shape (n', d)
    t : array_like, shape (T,)
        Times >= 0: learning rate times steps, as in ``sol.t`` of a network's run; inf included: there it is the interpolant of minimum
        norm, with repeated points too.
    learning_rate : float, optional
        :math:`\eta > 0` of gradient descent, whose times are multiples of it; gradient flow by default.
    momentum : float, default 0
        :math:`0 \le \beta < 1`. ``HeavyBall(h, friction)`` has :math:`\eta = h^2` and :math:`\beta = 1 - \mathrm{friction} \cdot h`.
    noise_variance : float, default 0
        The ridge :math:`\rho`, added to the diagonal of the tangent kernel.
    covariance : {"full", "diagonal", "none"}
        All pairs, variances alone, or nothing.

    Raises
    ------
    TypeError
        Where the kernel is no Kernel.
    ValueError
        Where a time is negative, not a number or between two steps, steps diverge, or the data do not fit.

    Examples
    --------
    >>> from infwidth.limits import kernels
    >>> k = kernels.serial(kernels.Dense(1.4, 0.1), kernels.Relu(), kernels.Dense(1.0, 0.0))
    >>> X, y = [[1.0, 0.0], [0.0, 1.0]], [1.0, -1.0]
    >>> found = kernels.ensemble(k, X, y, X, [0.0, np.inf])
    >>> found.mean[:, :, 0].round(6) + 0.0, found.covariance[1].round(6) + 0.0  # interpolated, with certainty
    (array([[ 0.,  0.],
           [ 1., -1.]]), array([[0., 0.],
           [0., 0.]]))
    >>> kernels.ensemble(k, X, y, X, [500.0], learning_rate=0.5).mean[0, :, 0].round(6)  # 1000 steps
    array([ 1., -1.])
    """
    needed_kernel(kernel)
    data = Data.check(X, y, "squared", X_test)
    assert data.X_test is not None
    times = _times(t)
    if learning_rate is not None:
        learning_rate = real("learning_rate", learning_rate, above=0)
        times = _steps(times, learning_rate)
    momentum = real("momentum", momentum, least=0, below=1)
    if momentum and learning_rate is None:
        raise ValueError("momentum: needs a learning_rate; gradient flow has no momentum")
    choice("covariance", covariance, ("full", "diagonal", "none"))
    made = TrainedEnsemble(kernel, data, noise_of(noise_variance))
    mean, spread = made.predict(data.X_test.astype(float), times, covariance, learning_rate, momentum)
    return Ensemble(mean, spread, made.condition, len(made.values))


def _times(t: Any) -> Array:
    times = np.atleast_1d(numbers("t", t)).astype(float)
    if times.ndim != 1 or not len(times) or not (times >= 0).all():
        raise ValueError(f"t: need a vector of times >= 0, got {shown(t)}")
    return times


def _steps(times: Array, learning_rate: float) -> Array:
    """How many steps of that rate take so long."""
    steps = np.rint(times / learning_rate)
    counted = np.isfinite(times)
    if (np.abs(times[counted] - learning_rate * steps[counted]) > 1e-6 * learning_rate).any():
        raise ValueError(f"t: whole steps end at multiples of learning_rate={learning_rate:g}, got {shown(times)}")
    if (steps[counted] > 2**53).any():
        raise ValueError(f"t: {times[counted].max():g} are more steps than floats can count; ask for inf")
    return steps
