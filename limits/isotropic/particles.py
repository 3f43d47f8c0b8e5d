r"""The isotropic Gaussian model as N radial particles.

With nodes :math:`R_k`, labels :math:`y_k` and weights :math:`w_k` of the population and :math:`f_k = \frac1N \sum_i q_d(r_i R_k)`,

.. math::
    \mathrm{Risk} = \sum_k w_k (y_k - f_k)^2, \qquad \dot r_i = 2 \sum_k w_k (y_k - f_k)\, R_k\, q_d'(r_i R_k).

The closed form of :math:`q_d` costs .4 microseconds, so it is tabulated once in the variable :math:`s / (s + \sqrt d)`, in which it is
smooth from :math:`s = 0+` to :math:`s = \infty`, and read by cubic Hermite interpolation. (A knot of the activation at 0 makes a slope at
:math:`s = 0+`, so a kink at the origin in d dimensions; a particle that sits there exactly stays.) The slope that moves the particles
is the derivative of the interpolant itself: the tabulated risk and its gradient are consistent to rounding.
:attr:`RadialParticles.table_error` states the error.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ...solvers.machine.compilation import jit
from ...solvers.noise_abilities import Noisy, Stir
from ...solvers.problem import Coordinates, Evaluation
from .density import input_radii
from .directions import PiecewiseLinear
from .population import RadialPopulation

__all__ = ["RadialParticles", "RadialTable", "reference_evaluate"]

Array = np.ndarray

TABLE_CELLS = 8192
BLOCK = 256


class RadialTable:
    """Cubic Hermite table of :math:`q_d`.

    Attributes
    ----------
    nodes : ndarray, shape (cells + 1, 2)
        Value, and cell width times derivative, both against ``s / (s + scale)`` on a uniform grid of [0, 1].
    scale : float
    error : float
        Largest error, measured in every cell: of q, and of q' times the scale.
    """

    def __init__(self, activation: PiecewiseLinear, dim: float, cells: int = TABLE_CELLS) -> None:
        self.scale = 1.0 if math.isinf(dim) else math.sqrt(dim)
        x = np.linspace(0, 1, cells + 1)
        q, slope = self._exact(activation, dim, x[:-1])
        slope[0] = self._exact(activation, dim, np.array([1e-9]))[1][0]  # one-sided: the closed form has 0 at s = 0
        # At s = infinity half of the directions see each end of the activation; a large finite s has the slope as well.
        far, far_slope = self._exact(activation, dim, np.array([1 - 1e-9]))
        self.nodes = np.stack((np.append(q, far), np.append(slope, far_slope) / cells), axis=1)
        self.error = max(self._error(activation, dim, 0.5)[0], self._error(activation, dim, 0.5 - 12**-0.5)[1])

    def _error(self, activation: PiecewiseLinear, dim: float, u: float) -> tuple[float, float]:
        """Errors of value and slope at the fraction ``u`` of every cell; Hermite cubics are worst at 1/2 and at 1/2 - 12**-.5."""
        cells = len(self.nodes) - 1
        x = (np.arange(cells - 1) + u) / cells
        exact, exact_slope = self._exact(activation, dim, x)
        value, slope = self.read(self.scale * x / (1 - x))
        ds = self.scale / (1 - x) ** 2
        return float(np.abs(value - exact).max()), float(np.abs(slope - exact_slope / ds).max() * self.scale)

    def _exact(self, activation: PiecewiseLinear, dim: float, x: Array) -> tuple[Array, Array]:
        s = self.scale * x / (1 - x)
        return activation.radial_mean(s, dim), activation.radial_slope(s, dim) * self.scale / (1 - x) ** 2

    def read(self, s: Array) -> tuple[Array, Array]:
        """Value and slope at ``s >= 0``, elementwise."""
        value, slope = _read(self.nodes, self.scale, np.ascontiguousarray(s, float).ravel())
        return value.reshape(np.shape(s)), slope.reshape(np.shape(s))


@jit
def _hermite(nodes: Array, scale: float, s: float) -> tuple[float, float]:  # pragma: no cover - compiled
    cells = nodes.shape[0] - 1
    width = 1.0 / (s + scale)
    position = s * width * cells
    i = min(int(position), cells - 1)
    u = position - i
    a, da, b, db = nodes[i, 0], nodes[i, 1], nodes[i + 1, 0], nodes[i + 1, 1]
    c2 = 3 * (b - a) - 2 * da - db
    c3 = 2 * (a - b) + da + db
    value = a + u * (da + u * (c2 + u * c3))
    slope = (da + u * (2 * c2 + 3 * u * c3)) * cells * scale * width * width
    return value, slope


@jit
def _read(nodes: Array, scale: float, s: Array) -> tuple[Array, Array]:  # pragma: no cover - compiled
    value, slope = np.empty_like(s), np.empty_like(s)
    for i in range(s.size):
        value[i], slope[i] = _hermite(nodes, scale, s[i])
    return value, slope


@jit
def _outputs(nodes: Array, scale: float, r: Array, radii: Array, f: Array) -> None:  # pragma: no cover - compiled
    # Sums over blocks of fixed size first: rounding grows like the number of blocks, not of particles.
    f[:] = 0
    partial = np.empty_like(f)
    for begin in range(0, r.size, BLOCK):
        partial[:] = 0
        for i in range(begin, min(begin + BLOCK, r.size)):
            for k in range(radii.size):
                partial[k] += _hermite(nodes, scale, abs(r[i]) * radii[k])[0]
        for k in range(radii.size):
            f[k] += partial[k]
    for k in range(radii.size):
        f[k] /= r.size


@jit
def _velocities(nodes: Array, scale: float, r: Array, radii: Array, pull: Array, velocity: Array) -> None:  # pragma: no cover - compiled
    for i in range(r.size):
        sign = 1.0 if r[i] > 0 else -1.0 if r[i] < 0 else 0.0
        v = 0.0
        for k in range(radii.size):
            v += pull[k] * _hermite(nodes, scale, abs(r[i]) * radii[k])[1]
        velocity[i] = sign * v


def reference_evaluate(r: Array, population: RadialPopulation, activation: PiecewiseLinear, dim: float) -> tuple[float, Array]:
    """Risk and velocities (N,) from the closed form; the readable twin of the compiled loops.

    Examples
    --------
    Weights at the origin output -2.5 everywhere, so the risk is (3.5**2 + 1.5**2) / 2, and nothing moves:

    >>> from infwidth.limits import RadialMeanField
    >>> model = RadialMeanField(dim=40, delta=0.8)
    >>> population = model.bind(None, np.random.default_rng(0)).population
    >>> reference_evaluate(np.zeros(2), population, model.activation, 40)
    (7.25, array([0., 0.]))
    """
    radii, labels, weights, _ = population
    s = np.outer(np.abs(r), radii)
    f = activation.radial_mean(s, dim).mean(axis=0)
    risk = float(weights @ (labels - f) ** 2)
    return risk, np.where(r >= 0, 2, -2) * (activation.radial_slope(s, dim) @ (weights * (labels - f) * radii))


class RadialParticles(Noisy):
    r"""Problem whose state is the radii of the particles, shape (N,); ``outputs`` are the outputs at the radii of the population.

    Langevin noise on a weight :math:`w \in \mathbb R^d` is seen in its radius alone, and exactly: by the rotation invariance of the noise
    the Euler-Maruyama step of length h is, with :math:`u = (1 - \lambda h)\, r + h\, v(r) + \sqrt{2\tau h}\,\xi`,

    .. math:: r' = \sqrt{u^2 + 2\tau h\, \chi^2_{d-1}},

    which has the drift :math:`(d - 1)\,\tau / r` as :math:`h \to 0`, and no negative radii.

    Parameters
    ----------
    population : RadialPopulation
    activation : PiecewiseLinear
    dim : float
    start : ndarray, shape (N,)
    """

    coordinates: ClassVar[Coordinates] = "reduced"

    data = None

    def __init__(self, population: RadialPopulation, activation: PiecewiseLinear, dim: float, start: Array) -> None:
        self.population, self.activation, self.dim = population, activation, dim
        self.table = RadialTable(activation, dim)
        self._start = start

    @property
    def table_error(self) -> float:
        return self.table.error

    def start(self) -> Array:
        return self._start.copy()

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        radii, labels, weights, _ = self.population
        f = np.empty(len(radii))
        _outputs(self.table.nodes, self.table.scale, state, radii, f)
        residual = labels - f
        if velocity is not None:
            _velocities(self.table.nodes, self.table.scale, state, radii, 2 * weights * residual * radii, velocity)
        return Evaluation(float(weights @ residual**2), f[:, None])

    def stir(self, state: Array, *, step: int = 1) -> tuple[Evaluation, Stir]:
        """Evaluation, and the Langevin step of weights in d dimensions."""
        velocity = np.empty_like(state)
        evaluation = self.evaluate(state, velocity)

        def update(h: float, temperature: float, decay: float, rng: np.random.Generator) -> None:
            if temperature and math.isinf(self.dim):
                raise ValueError("temperature: noise in infinite dimension moves a radius at once to infinity; give the model a finite dim")
            np.multiply(state, 1 - decay * h, out=state)
            np.add(state, h * velocity, out=state)
            if temperature:
                along, across = rng.standard_normal(state.shape), rng.chisquare(self.dim - 1, state.shape)
                np.add(state, math.sqrt(2 * temperature * h) * along, out=state)
                np.sqrt(state**2 + 2 * temperature * h * across, out=state)

        return evaluation, update

    def predict(self, state: Array, X: Array) -> Array:
        radii = input_radii(X, self.dim)
        f = np.empty(len(radii))
        _outputs(self.table.nodes, self.table.scale, state, radii, f)
        return f[:, None]
