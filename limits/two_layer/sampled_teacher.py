r"""One-pass SGD on a population of one's own: any teacher function, any law of the inputs, label noise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ...solvers.abilities import Population
from ...solvers.checks import array, asked, function, instance, integer, real, returned, squarable
from ...solvers.losses import get as get_loss
from ...solvers.problem import Evaluation
from .problem import ParticleProblem

__all__ = ["SampledProblem", "SampledTeacher"]

Array = np.ndarray


class SampledTeacher:
    r"""A teacher :math:`y = f^*(x) + s\,\xi` given by a function, on fresh inputs: for one-pass SGD.

    Parameters
    ----------
    function : callable
        :math:`f^*`: inputs (n, d) to targets (n, k); (n,) for one output.
    input_dim : int
        d.
    outputs : int, default 1
        k.
    noise : float, default 0
        Standard deviation s of the noise :math:`\xi \sim N(0, I_k)` of each label.
    inputs : callable, optional
        Law of the inputs, ``f(rng, n) -> (n, d)``. Default: :math:`N(0, I_d)`.
    test_samples : int, default 4096
        Size of the fixed sample on which ``sol.loss`` is measured: :math:`\tfrac12\mathbb E|f - f^*|^2 + \tfrac k2 s^2` to a relative
        :math:`O(\text{test samples}^{-1/2})`, which nothing states.

    Notes
    -----
    The gradient of the population has no closed form here: the method needs a ``batch_size``. Students may have any activation, biases,
    replicas and an offset. Where teacher and students share an activation with closed-form expectations, :class:`GaussianTeacher` has
    the exact loss.

    Raises
    ------
    ValueError, TypeError
        Where an argument is out of its range, a function is none, or gives something else than finite numbers of that shape.

    Examples
    --------
    relu students learn the second Hermite polynomial of one direction:

    >>> import infwidth as iw
    >>> teacher = iw.limits.SampledTeacher(lambda X: (X[:, 0] ** 2 - 1) / 2**0.5, input_dim=3, noise=0.1)
    >>> limit = iw.TwoLayerMeanField("relu", particles=400, bias=True, output_bias=True, population=teacher)
    >>> method = iw.GradientDescent(0.2, steps=800, batch_size=100)
    >>> sol = iw.solve(limit, method=method, rng=0, save_at=[0, 800])
    >>> bool(sol.loss[-1] < 0.5 * sol.loss[0])
    True
    """

    def __init__(
        self,
        function: Callable[[Array], Array],
        input_dim: int,
        outputs: int = 1,
        noise: float = 0.0,
        inputs: Callable[[np.random.Generator, int], Array] | None = None,
        test_samples: int = 4096,
    ) -> None:
        self.function = _function("function", function, TARGETS)
        self.dim = integer("input_dim", input_dim, least=1, most=1_000_000)
        self.outputs = integer("outputs", outputs, least=1, most=1_000_000)
        self.noise = squarable("noise", np.array(real("noise", noise, least=0))).item()
        self.inputs = None if inputs is None else _function("inputs", inputs, INPUTS)
        self.test_samples = integer("test_samples", test_samples, least=1, most=10_000_000)
        self(self._draw(np.random.default_rng(0), 2))

    def __call__(self, X: Array) -> Array:
        """Targets without noise, shape (n, k), at inputs (n, d). ValueError where they or the targets do not fit."""
        X = array("X", X, columns=self.dim)
        y = asked("function", self.function, X, signature=TARGETS)
        if self.outputs == 1 and np.shape(y) == (len(X),):
            y = np.asarray(y)[:, None]
        return returned("function", y, (len(X), self.outputs), f"{len(X)} inputs").astype(np.float64)

    def _draw(self, rng: np.random.Generator, size: int) -> Array:
        """Fresh inputs (size, d)."""
        if self.inputs is None:
            return rng.standard_normal((size, self.dim))
        X = asked("inputs", self.inputs, rng, size, signature=INPUTS)
        return returned("inputs", X, (size, self.dim), f"n = {size}").astype(np.float64)

    def sample(self, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Fresh inputs (size, d) and noisy labels (size, k), drawn by ``rng``. ValueError or TypeError where an argument is none."""
        instance("rng", rng, np.random.Generator, "numpy.random.default_rng(0)")
        size = integer("size", size, least=1, most=100_000_000)
        X = self._draw(rng, size)
        y = self(X)
        return X, y + self.noise * rng.standard_normal(y.shape) if self.noise else y


TARGETS, INPUTS = "inputs (n, d) to targets (n, k)", "f(rng, n) to inputs (n, d)"
_function = function  # its name is that of an argument above


class SampledProblem(ParticleProblem, Population):
    """Particles on the population of a :class:`SampledTeacher`; rows of a minibatch are fresh inputs and labels themselves."""

    def __init__(self, teacher: SampledTeacher, *system: Any) -> None:
        super().__init__(None, *system)
        self.teacher = teacher
        self._squared = get_loss("squared")
        X = teacher._draw(np.random.default_rng(0), teacher.test_samples)
        self._test = self._prepare(X), self._offset(X), teacher(X)

    @property
    def input_dim(self) -> int:
        return self.teacher.dim

    def sample(self, rng: np.random.Generator, size: int) -> tuple[Array, Array]:
        """Fresh inputs (size, d) and labels (size, k)."""
        return self.teacher.sample(rng, size)

    def replica_losses(self, state: Array) -> Array:
        X, offsets, y = self._test
        return np.array([self._judge(f, y)[0] for f in self._forward(state, X, offsets)[0]]) + self._floor

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        if rows is not None:
            return super().evaluate(state, velocity, step=step, rows=rows)
        if velocity is not None:
            raise ValueError(NEEDS_BATCHES)
        loss, _ = super().evaluate(state)
        return Evaluation(loss + self._floor, np.empty((0, self.teacher.outputs)))

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Any]:
        if rows is None:
            raise ValueError(NEEDS_BATCHES)
        return super().descend(state, step=step, rows=rows)

    @property
    def _floor(self) -> float:
        """Loss of the teacher itself."""
        return 0.5 * self.teacher.outputs * self.teacher.noise**2

    def _rows(self, rows: Any) -> tuple[Any, Array | None, Array]:
        if rows is None:
            return self._test
        X, y = rows
        return self._prepare(X), self._offset(X), y

    def _judge(self, f: Array, y: Array) -> tuple[float, Array]:
        return self._squared.judge(f, y)


NEEDS_BATCHES = (
    "method: the gradient of this population has no closed form, only samples; take GradientDescent(..., batch_size=...), or a "
    "GaussianTeacher"
)
