r"""The initialization-corrected mean-field limit, the only one with finite logits, finite kernels and kernels that evolve.

.. math::
    f_t(x) = f_{MF}(x; \theta_t) - f_{MF}(x; \theta_0) + f_{q_\sigma = -1/2}(x; \theta_0), \qquad
    f_{MF} = \frac1d \sum_r a_r\,\phi(w_r \cdot x), \quad f_{-1/2} = \frac1{\sqrt d} \sum_r a_r\,\phi(w_r \cdot x),

trained through the first term alone [golikov2020dynamically]_. As the width grows the last term becomes a Gaussian process with the
covariance :math:`\sigma_a^2\,\mathbb E_w\,\phi(w \cdot x)\phi(w \cdot x')`, independent of the law of the particles, which is
deterministic: the limit is the mean-field flow with a random offset.

References
----------
.. [golikov2020dynamically] Golikov, arXiv:2006.06574.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.data import Data
from ...solvers.machine.memory import refuse_above_available
from .. import activations, gaussian
from ..activations import Activation
from .initial_laws import draw
from .problem import ParticleProblem

__all__ = ["InitCorrectedMeanField", "InitCorrectedNetwork"]

Array = np.ndarray

LARGEST = 1e50  # standard deviation


@dataclass(frozen=True)
class InitCorrectedMeanField:
    r"""The limit: a mean-field flow of N particles with a Gaussian process as offset. Each solve draws one path of the process.

    Time and learning rates are those of the mean-field limit. The law of the outputs is that over ``rng``: solve with several seeds.

    Parameters
    ----------
    activation : str or Activation
    particles : int
        N; the deterministic part is right to :math:`O(N^{-1/2})`.
    weight_std, output_std : float
        :math:`\sigma_w, \sigma_a` of the Gaussian start.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    Logits of order 1 at the start, which the mean-field limit has not:

    >>> import infwidth as iw
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> limit = iw.limits.InitCorrectedMeanField("relu", particles=2000)
    >>> runs = [iw.solve(limit, X, y, iw.GradientDescent(0.2, 0), rng=seed).outputs[0, 0, 0] for seed in range(200)]
    >>> bool(abs(np.var(runs) - 0.5) < 0.15)  # E relu(z)^2 = 1/2
    True
    """

    activation: str | Activation
    particles: int
    weight_std: float = 1.0
    output_std: float = 1.0

    def __post_init__(self) -> None:
        activations.get(self.activation)
        object.__setattr__(self, "particles", integer("particles", self.particles, least=1))
        object.__setattr__(self, "weight_std", real("weight_std", self.weight_std, least=0, most=LARGEST))
        object.__setattr__(self, "output_std", real("output_std", self.output_std, least=0, most=LARGEST))

    def bind(self, data: Data | None, rng: np.random.Generator) -> ParticleProblem:
        """Draw the particles, and independently the offset."""
        data = _given(data)
        W, a = _particles(rng, self.particles, data, self.weight_std, self.output_std)
        process = gaussian.ProcessPath(_covariance(self), data.outputs, rng.spawn(1)[0])
        return _corrected(data, self.activation, W, a, process)


@dataclass(frozen=True)
class InitCorrectedNetwork:
    r"""The finite network whose limit :class:`InitCorrectedMeanField` is: all three terms from the same weights.

    Parameters
    ----------
    width : int
        d.
    activation : str or Activation
    weight_std, output_std : float

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    >>> import infwidth as iw
    >>> network = iw.limits.InitCorrectedNetwork(256, "relu")
    >>> sol = iw.solve(network, np.eye(2), [1.0, -1.0], iw.GradientDescent(0.5, 100), rng=0)
    >>> bool(abs(sol.outputs[0]).max() > 0.1), bool(sol.loss[-1] < 1e-3)
    (True, True)
    """

    width: int
    activation: str | Activation
    weight_std: float = 1.0
    output_std: float = 1.0

    def __post_init__(self) -> None:
        activations.get(self.activation)
        object.__setattr__(self, "width", integer("width", self.width, least=1))
        object.__setattr__(self, "weight_std", real("weight_std", self.weight_std, least=0, most=LARGEST))
        object.__setattr__(self, "output_std", real("output_std", self.output_std, least=0, most=LARGEST))

    def bind(self, data: Data | None, rng: np.random.Generator) -> ParticleProblem:
        """Draw the weights."""
        data = _given(data)
        size = 8.0 * 4 * self.width * (data.X.shape[1] + data.outputs)
        refuse_above_available("width", f"{self.width:.3g} neurons of {data.X.shape[1]} inputs", size, "lower it")
        W, a = _particles(rng, self.width, data, self.weight_std, self.output_std)
        value = activations.get(self.activation).value
        return _corrected(data, self.activation, W, a, lambda X: value(X @ W.T.astype(X.dtype)) @ a.astype(X.dtype) / len(W) ** 0.5)


def _covariance(model: InitCorrectedMeanField) -> Callable[[Array, Array], Array]:
    def covariance(X: Array, Z: Array) -> Array:
        x, z = np.linalg.norm(X, axis=1), np.linalg.norm(Z, axis=1)
        c = np.divide(X @ Z.T, np.outer(x, z), out=np.zeros((len(X), len(Z))), where=np.outer(x, z) > 0)
        q = model.weight_std**2
        return model.output_std**2 * gaussian.dual(model.activation, q * x[:, None] ** 2, q * z**2, np.clip(c, -1, 1)).value

    return covariance


def _given(data: Data | None) -> Data:
    if data is None:
        raise ValueError("X: this model needs training data; give X and y")
    return data


def _particles(rng: np.random.Generator, size: int, data: Data, weight_std: float, output_std: float) -> tuple[Array, Array]:
    W, a = draw("gaussian", rng, size, data.X.shape[1], data.outputs)
    return (weight_std * W).astype(data.X.dtype), (output_std * a).astype(data.X.dtype)


def _corrected(data: Data, activation: str | Activation, W: Array, a: Array, process: Callable[[Array], Array]) -> ParticleProblem:
    phi = activations.get(activation)
    memory: dict[bytes, Array] = {}  # training and test points are asked for again and again

    def offset(X: Array) -> Array:
        key = X.tobytes()
        if key not in memory:
            memory[key] = process(X) - phi.value(X @ W.T.astype(X.dtype)) @ a.astype(X.dtype) / len(W)
        return memory[key]

    return ParticleProblem(data, phi, W.copy(), a.copy(), False, offset, 1, True)
