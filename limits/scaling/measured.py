r"""The same exponents measured: slopes of finite networks in the logarithm of the width.

Networks of several widths and seeds make a few steps of full-batch gradient descent with squared loss. Every quantity of
:class:`~infwidth.limits.scaling.Exponents` is measured as a root mean square over neurons and samples, its logarithm averaged over the
seeds and fitted by a line in :math:`\log m`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...solvers.checks import instance, integer, integers, real
from ...solvers.data import Data
from ...solvers.machine.work import watched
from ..activations import Activation
from ..networks.network import Network
from ..networks.parameterization import Parameterization
from ..networks.problem import NetworkProblem

__all__ = ["Slopes", "slopes"]

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Slopes:
    """Measured sizes and their slopes, row by row as in ``Exponents.rows()``.

    Not finite where a run diverged, or where a quantity was exactly zero (all relus of a layer dead).

    Attributes
    ----------
    names : tuple of str, length q
    widths : tuple of int, length k
    log_sizes : ndarray, shape (k, seeds, q, steps + 1)
        Natural logarithms of the root mean squares.
    residual : ndarray, shape (k, seeds, steps + 1)
        Root mean square residual at the start of each step.
    """

    names: tuple[str, ...]
    widths: tuple[int, ...]
    log_sizes: Array
    residual: Array

    @property
    def slope(self) -> Array:
        """Least-squares slopes of the mean logarithms, shape (q, steps + 1)."""
        with np.errstate(invalid="ignore"):
            return np.tensordot(self._weights, self.log_sizes.mean(axis=1), axes=1)

    @property
    def standard_error(self) -> Array:
        """Standard errors of the slopes from the spread over the seeds, shape (q, steps + 1)."""
        with np.errstate(invalid="ignore"):
            variance = self.log_sizes.var(axis=1, ddof=1) / self.log_sizes.shape[1]
            return np.sqrt(np.tensordot(self._weights**2, variance, axes=1))

    @property
    def last_slope(self) -> Array:
        """Slope between the two largest widths, shape (q, steps + 1): nearer to the limit, and noisier."""
        mean = self.log_sizes[-2:].mean(axis=1)
        with np.errstate(invalid="ignore"):
            difference = mean[1] - mean[0]
        return difference / np.log(self.widths[-1] / self.widths[-2])

    @property
    def _weights(self) -> Array:
        x = np.log(self.widths)
        x -= x.mean()
        return x / (x @ x)


def slopes(
    parameterization: Parameterization,
    activation: str | Activation,
    X: Array,
    y: Array,
    *,
    learning_rate: float = 1.0,
    first_learning_rate: float | None = None,
    widths: Sequence[int] = (64, 128, 256, 512, 1024),
    seeds: Sequence[int] = (0, 1, 2, 3),
    steps: int = 2,
) -> Slopes:
    """Train finite networks for a few steps and measure how everything scales with the width.

    Parameters
    ----------
    parameterization : Parameterization
    activation : str or Activation
    X : array_like, shape (n, d)
    y : array_like, shape (n,) or (n, k)
        Of order 1; keep the residuals away from zero, whose vanishing is no power of the width.
    learning_rate : float, default 1
    first_learning_rate : float, optional
        Base rate of step 0. Default: ``learning_rate``.
    widths, seeds : sequence of int
        At least two of each.
    steps : int, default 2
        Last step measured.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    >>> from infwidth.limits import Parameterization, scaling
    >>> measured = scaling.slopes(Parameterization.ntk(1), "tanh", np.eye(2), [2.0, -1.0], widths=(32, 128, 512), seeds=range(8), steps=0)
    >>> at = measured.names.index("m df/dh1")
    >>> round(float(measured.slope[at, 0]), 1), scaling.exponents(Parameterization.ntk(1), "tanh", 0).gradient
    (0.5, array([[0.5]]))
    """
    rate = real("learning_rate", learning_rate, above=0)
    first = rate if first_learning_rate is None else real("first_learning_rate", first_learning_rate, above=0)
    steps = integer("steps", steps, least=0, most=10_000)
    instance("parameterization", parameterization, Parameterization, "Parameterization.mup(2)")
    ms, labels = integers("widths", widths, least=1, least_length=2), integers("seeds", seeds, least=0, least_length=2)
    if len(set(ms)) < 2 or len(set(labels)) < 2:
        raise ValueError(f"widths, seeds: need at least two of each for slopes and their errors, got {ms} and {labels}")
    data = Data.check(X, y)
    sizes, residuals = [], []
    for m in watched("widths", ms):
        network = Network(data.X.shape[1], parameterization.hidden_layers, m, activation, parameterization, data.outputs)
        for seed in watched("seeds", labels):
            rng = np.random.default_rng([seed, m])  # both, so that the widths are independent
            with np.errstate(over="ignore", invalid="ignore"):  # a diverged run shows in the numbers
                run = _measure(network.bind(data, rng), m, [first] + [rate] * steps)
            sizes.append(run[0])
            residuals.append(run[1])
    shape = (len(ms), len(labels))
    with np.errstate(divide="ignore"):
        logs = np.log(np.array(sizes))
    L = parameterization.hidden_layers
    names = [f"h{l + 1}" for l in range(L)] + ["f"] + [f"m df/dh{l + 1}" for l in range(L)]
    names += [f"update of layer {l + 1}" for l in range(L)] + ["update of output"]
    if parameterization.bias_std is not None:
        names += [f"update of bias {l + 1}" for l in range(L)] + ["update of output bias"]
    names += [f"change of h{l + 1}" for l in range(L)] + ["change of f"]
    return Slopes(tuple(names), ms, logs.reshape(*shape, *logs.shape[1:]), np.array(residuals).reshape(*shape, -1))


def _measure(problem: NetworkProblem, m: int, rates: list[float]) -> tuple[Array, Array]:
    """Root mean squares (q, T + 1) along one run of T + 1 steps, and of its residuals (T + 1,)."""
    X, y = problem.data.X, problem.data.y
    state = problem.start()
    x, h = problem.forward(state, X)
    table, residuals = [], []
    for step, rate in enumerate(rates):
        gradient = [m * _rms(g) for g in _output_gradients(problem, state, h)]
        new = state.copy()
        problem.descend(new, step=step)[1](rate)
        own = [_rms(update) for update in _own_updates(problem, state, new, x)]
        own += [_rms(b - a) for a, b in zip(problem.layers(state)[1], problem.layers(new)[1], strict=True)]
        new_x, new_h = problem.forward(new, X)
        change = [_rms(b - a) for a, b in zip(h, new_h, strict=True)]
        table.append([*map(_rms, h), *gradient, *own, *change])
        residuals.append(_rms(h[-1] - y))
        state, x, h = new, new_x, new_h
    return np.array(table).T, np.array(residuals)


def _rms(a: Array) -> float:
    return float(np.sqrt(np.mean(a * a)))


def _output_gradients(problem: NetworkProblem, state: Array, h: list[Array]) -> list[Array]:
    """Gradients of the first output with respect to ``h^1 .. h^L``, each (n, m)."""
    weights, _ = problem.layers(state)
    back = np.repeat(problem.scales[-1] * weights[-1][:1], len(h[0]), axis=0)
    gradients = []
    for l in range(len(weights) - 2, -1, -1):
        gradients.append(back * problem.activation.derivative(h[l]))
        if l:
            back = problem.scales[l] * gradients[-1] @ weights[l]
    return gradients[::-1]


def _own_updates(problem: NetworkProblem, old: Array, new: Array, x: list[Array]) -> list[Array]:
    """What each layer's own update adds to its pre-activations at fixed input, output layer last."""
    (weights, biases), (new_weights, new_biases) = problem.layers(old), problem.layers(new)
    out = [s * below @ (b - a).T for s, a, b, below in zip(problem.scales, weights, new_weights, x, strict=True)]
    return [u + (b - a) for u, a, b in zip(out, biases, new_biases, strict=True)] if biases else out
