r"""A linear teacher with Gaussian inputs and noisy labels: a population on which a linear network is trained exactly.

For :math:`x \sim N(0, \Sigma)` and :math:`y = W x + \text{noise}`, a linear predictor P has

.. math:: \mathrm{Loss}(P) = \tfrac12\, \mathbb E\,|Px - y|^2 = \tfrac12 \operatorname{tr} (P - W)\, \Sigma\, (P - W)^\top + \tfrac k2 s^2,
          \qquad \frac{\partial\mathrm{Loss}}{\partial P} = (P - W)\,\Sigma .

The loss depends on the inputs through their covariance only, so that this is exact for any law of x with that covariance.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import array, instance, integer, numbers, real, squarable
from ...solvers.machine.memory import refuse_above_available

__all__ = ["LinearTeacher"]

Array = np.ndarray


class Judged(NamedTuple):
    """Loss and gradient of one predictor."""

    loss: float
    gradient: Array


class LinearTeacher:
    r"""A linear teacher :math:`y = W x + s\,\xi` on inputs :math:`x \sim N(0, \Sigma)`, with standard Gaussian noise :math:`\xi`.

    Parameters
    ----------
    weights : array_like, shape (k, d)
        W.
    covariance : array_like, shape (d, d), optional
        :math:`\Sigma`. Default: the identity.
    noise : float, default 0
        Standard deviation s of the label noise. It is in the loss, and in the samples of minibatches.

    Raises
    ------
    ValueError
        Where a shape does not fit, the covariance is not symmetric or has a negative eigenvalue, or the noise is negative.

    Examples
    --------
    >>> import infwidth as iw
    >>> teacher = iw.limits.LinearTeacher([[1.0, -0.5]], covariance=[[1.0, 0.0], [0.0, 0.2]], noise=0.1)
    >>> limit = iw.DeepLinearMuP(2, population=teacher)
    >>> sol = iw.solve(limit, method=iw.GradientDescent(0.2, steps=100), X_test=np.eye(2))
    >>> sol.loss[[0, -1]].round(4), sol.test_outputs[-1].T.round(3)  # the noise alone is left
    (array([0.53 , 0.005]), array([[ 1. , -0.5]]))
    """

    def __init__(self, weights: Any, covariance: Any = None, noise: float = 0.0) -> None:
        self.weights = np.atleast_2d(array("weights", np.atleast_2d(numbers("weights", weights)), dtype=np.dtype(np.float64)))
        d = self.weights.shape[1]
        refuse_above_available("weights", f"the covariance of {d:.3g} inputs and its root", 8.0 * 5 * d**2, "take fewer")
        self.covariance = np.eye(d) if covariance is None else array("covariance", covariance, dtype=np.dtype(np.float64), columns=d)
        if self.covariance.shape != (d, d) or not np.allclose(self.covariance, self.covariance.T):
            raise ValueError(f"covariance: need a symmetric matrix of shape {(d, d)}, got shape {self.covariance.shape}")
        values, vectors = np.linalg.eigh(self.covariance)
        if values[0] < -1e-10 * max(values[-1], 0):
            raise ValueError(f"covariance: has the negative eigenvalue {values[0]:.3g}; give the covariance of some random vector")
        self.noise = real("noise", noise, least=0, most=1e100)
        self.root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T

    @property
    def dim(self) -> int:
        """Input dimension d."""
        return self.weights.shape[1]

    def __call__(self, X: Array) -> Array:
        """Labels without noise, shape (n, k), at inputs (n, d). ValueError where these do not fit."""
        return array("X", X, dtype=self.weights.dtype, columns=self.dim) @ self.weights.T

    def risk(self, P: Array) -> float:
        """Loss of a linear predictor ``P`` (k, d). ValueError where it does not fit."""
        return self.judge(self._predictor(P)).loss

    def gradient(self, P: Array) -> Array:
        """Gradient of :meth:`risk` at ``P`` (k, d), of that shape. ValueError where it does not fit."""
        return self.judge(self._predictor(P)).gradient

    def _predictor(self, P: Any) -> Array:
        P = squarable("P", array("P", P, dtype=self.weights.dtype, columns=self.dim))
        if P.shape != self.weights.shape:
            raise ValueError(f"P: need a predictor of shape {self.weights.shape}, got {P.shape}")
        return P

    def judge(self, P: Array) -> Judged:
        """Loss and gradient of a predictor ``P`` (k, d) that may have diverged, unchecked: what a run asks for at every step."""
        excess = P - self.weights
        loss = 0.5 * float(np.sum((excess @ self.root) ** 2) + len(P) * self.noise**2)
        return Judged(loss, excess @ self.covariance)

    def sample(self, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Fresh inputs (size, d) and noisy labels (size, k), drawn by ``rng``. ValueError or TypeError where an argument is none."""
        instance("rng", rng, np.random.Generator, "numpy.random.default_rng(0)")
        size = integer("size", size, least=1, most=100_000_000)
        X = rng.standard_normal((size, self.dim)) @ self.root
        return X, self(X) + self.noise * rng.standard_normal((size, len(self.weights)))

    def as_data(self) -> tuple[Array, Array]:
        r"""d inputs and labels with the covariance of the population: a data set on which every linear network has the same gradients,
        and the same loss but for the noise. For finite networks.

        >>> X, y = LinearTeacher([[1.0, 2.0]], [[2.0, 0.0], [0.0, 1.0]]).as_data()
        >>> (X.T @ X / len(X)).round(12)
        array([[2., 0.],
               [0., 1.]])
        """
        X = np.sqrt(self.dim) * self.root
        return X, self(X)
