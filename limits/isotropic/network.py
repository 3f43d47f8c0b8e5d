r"""The finite network of the isotropic Gaussian model, trained on fresh samples.

.. math::
    f(x) = \frac1N \sum_{i=1}^N \sigma(w_i \cdot x), \qquad y = \pm1, \quad x \mid y \sim N(0, (1 + y\Delta)^2 I_d),

with one-pass SGD on :math:`(y - f)^2`: each step of length :math:`\eta` takes a batch of fresh samples and, with noise,

.. math::
    w_i \leftarrow w_i + \eta\left(2\,\overline{(y - f(x))\,\sigma'(w_i \cdot x)\,x} - \lambda w_i\right) + \sqrt{2\tau\eta}\,\xi_i .

Its radii follow :class:`~infwidth.limits.RadialMeanField` at time :math:`\eta\,` step, as N grows and :math:`\eta` over the batch size
falls [mei2018]_. The excess of its risk is :math:`a(t)/N` and a part from the noise of the batches, both measured by
``benchmarks/mean_field_sgd.py``; at the start :math:`a = \mathbb E_x \operatorname{Var}_w \sigma(w \cdot x)`.

References
----------
.. [mei2018] Mei, Montanari and Nguyen, arXiv:1804.06561, section 3 (centered isotropic Gaussians) and theorem 3 (the gap in N and in
   the step).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ...solvers.abilities import Fused, Population
from ...solvers.checks import array, integer, observed, real, settle
from ...solvers.data import Data, unwanted
from ...solvers.machine.memory import refuse_above_available
from ...solvers.problem import Coordinates, Evaluation
from .directions import MEI_MONOTONE, PiecewiseLinear
from .mean_field import RadialMeanField

__all__ = ["IsotropicNetwork", "weight_radii"]

Array = np.ndarray


@dataclass(frozen=True)
class IsotropicNetwork:
    r"""Finite two-layer network with unit output weights on two isotropic Gaussians; trained by ``GradientDescent`` with ``batch_size``.

    Parameters
    ----------
    dim : int
    delta : float
    width : int
        Number N of neurons.
    activation : PiecewiseLinear
    initial : float
        :math:`\kappa`: weights start as :math:`N(0, \kappa^2 I_d/d)`.
    temperature, weight_decay : float
        :math:`\tau` and :math:`\lambda` of noisy SGD.
    test_samples : int, default 10000
        Size of the fixed sample on which ``sol.loss``, the risk :math:`\mathbb E(y - f)^2`, is measured.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or no ``batch_size`` is given.

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits import IsotropicNetwork
    >>> network = IsotropicNetwork(dim=40, delta=0.8, width=400)
    >>> sol = iw.solve(network, method=iw.GradientDescent(2e-3, steps=1000, batch_size=50), rng=0, save_at=[0, 1000])
    >>> limit = iw.solve(iw.RadialMeanField(dim=40, delta=0.8), method=iw.GradientFlow(2.0), save_at=[0, 2])
    >>> bool(np.all(abs(sol.loss / limit.loss - 1) < 0.1))
    True
    """

    dim: int
    delta: float
    width: int
    activation: PiecewiseLinear = MEI_MONOTONE
    initial: float = 0.8
    temperature: float = 0.0
    weight_decay: float = 0.0
    test_samples: int = 10_000

    def __post_init__(self) -> None:
        checked = RadialMeanField(self.dim, self.delta, activation=self.activation)
        if math.isinf(checked.dim):
            raise ValueError("dim: a network has finitely many inputs; use RadialMeanField")
        settle(self, dim=int(checked.dim), delta=checked.delta, initial=real("initial", self.initial, above=0))
        settle(self, **{name: integer(name, getattr(self, name), least=1) for name in ("width", "test_samples")})
        settle(self, **{name: real(name, getattr(self, name), least=0) for name in ("temperature", "weight_decay")})

    def bind(self, data: Data | None, rng: np.random.Generator) -> IsotropicProblem:
        """Draw the weights and the test sample."""
        unwanted(data)
        weights, samples = float(self.width * self.dim), float(self.test_samples * self.dim)
        refuse_above_available("width", f"{self.width:.3g} neurons of {self.dim:.3g} weights", 8 * 4 * weights, "lower one of them")
        refuse_above_available("test_samples", f"{self.test_samples:.3g} inputs of {self.dim:.3g} entries", 8 * 3 * samples, "lower it")
        return IsotropicProblem(self, rng)


class Batch(NamedTuple):
    """Fresh samples, and the noise of the step."""

    X: Array
    y: Array
    noise: Array | None


class IsotropicProblem(Fused, Population):
    """Problem whose state is the weights (N, d) in one vector; ``outputs`` is empty, for there are no training data."""

    coordinates: ClassVar[Coordinates] = "parameters"
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"flow": "use GradientDescent with a batch_size"})

    data = None
    threads = "block"  # batches are too small to share among threads of BLAS

    def __init__(self, model: IsotropicNetwork, rng: np.random.Generator) -> None:
        self.model = model
        self.shape = (model.width, model.dim)
        self._start = rng.standard_normal(self.shape) * (model.initial / math.sqrt(model.dim))
        self.test = self.sample(rng, model.test_samples, noisy=False)

    @property
    def input_dim(self) -> int:
        return self.shape[1]

    def start(self) -> Array:
        return self._start.ravel().copy()

    def sample(self, rng: np.random.Generator, size: int, noisy: bool = True) -> Batch:
        """Fresh labels and inputs."""
        refuse_above_available(
            "batch_size", f"{size:.3g} inputs of {self.shape[1]:.3g} entries", 8.0 * 3 * size * self.shape[1], "lower it"
        )
        y = 2.0 * rng.integers(0, 2, size) - 1
        X = rng.standard_normal((size, self.shape[1])) * (1 + y * self.model.delta)[:, None]
        return Batch(X, y, rng.standard_normal(self.shape) if noisy and self.model.temperature else None)

    def predict(self, state: Array, X: Array) -> Array:
        X = array("X", X, columns=self.input_dim)
        W = state.reshape(self.shape)
        f = [self.model.activation.value(part @ W.T).mean(axis=1) for part in np.array_split(X, 1 + len(X) // 1000)]
        return np.concatenate(f)[:, None]

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Batch | None = None) -> Evaluation:
        if velocity is not None:
            raise ValueError("batch_size: this network trains on fresh samples; give GradientDescent a batch_size")
        f = self.predict(state, self.test.X)[:, 0]
        return Evaluation(float(np.mean((self.test.y - f) ** 2)), np.zeros((0, 1)))

    def descend(self, state: Array, *, step: int = 1, rows: Batch | None = None) -> tuple[Evaluation, Callable[[float], None]]:
        """Risk on the batch, and the step that it asks for."""
        if rows is None:
            raise ValueError("batch_size: this network trains on fresh samples; give GradientDescent a batch_size")
        model, W = self.model, state.reshape(self.shape)
        h = rows.X @ W.T
        residual = rows.y - model.activation.value(h).mean(axis=1)

        def update(rate: float) -> None:
            back = model.activation.derivative(h)
            back *= (2 * rate / len(residual)) * residual[:, None]
            W_step = back.T @ rows.X
            if model.weight_decay:
                W_step -= rate * model.weight_decay * W
            if rows.noise is not None:
                W_step += math.sqrt(2 * model.temperature * rate) * rows.noise
            np.add(W, W_step, out=W)

        return Evaluation(float(np.mean(residual**2)), np.zeros((0, 1))), update


def weight_radii(t: float, state: Array, problem: Any) -> Array:
    """Observable: :math:`|w_i|` of every neuron.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (N d,)
    problem : IsotropicProblem
        Of an :class:`IsotropicNetwork`.

    Returns
    -------
    ndarray, shape (N,)

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits.isotropic import weight_radii
    >>> network = iw.limits.IsotropicNetwork(40, 0.8, width=100, test_samples=100)
    >>> sol = iw.solve(network, method=iw.GradientDescent(0.01, 5, batch_size=10), rng=0, observables={"r": weight_radii})
    >>> sol.observables["r"].shape, float(sol.observables["r"][0].mean().round(1))  # near the 0.8 that they start around
    ((6, 100), 0.8)
    """
    state = observed(state, problem, IsotropicProblem, "IsotropicNetwork(40, 0.8, width=400)")
    return np.linalg.norm(state.reshape(problem.shape), axis=1)
