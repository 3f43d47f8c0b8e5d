r"""RMSProp: steps that each parameter measures in units of its own recent gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ..abilities import Rated, has_first_step, way_out
from ..checks import integer, real, settle
from ..files.stored import floats
from ..problem import Causal, Point, Rescaled, Snapshot
from .clock import MOST_STEPS, Stepped
from .gradient_descent import batches

__all__ = ["RMSProp"]

Array = np.ndarray

WAY_OUT = "use GradientDescent, RMSProp on a finite Network, or for one hidden layer particles (TwoLayerMeanField)"


@dataclass(frozen=True)
class RMSProp(Stepped, Rescaled):
    r"""RMSProp [tieleman2012]_, parameter by parameter with the gradient g of the loss:

    .. math::
        v_{s+1} = \alpha\, v_s + (1 - \alpha)\, g_s^2, \qquad
        \theta_{s+1} = \theta_s - \eta\, q\, \frac{g_s}{\sqrt{v_{s+1}} + \varepsilon}, \qquad v_0 = 0,

    with the factor q that the layer's learning rate has, as ``torch.optim.RMSprop`` has it.

    A step has the size of the rate whatever the gradient's: the exponents c of a
    :class:`~infwidth.limits.Parameterization` are those of the moves themselves, and those of gradient descent do not fit. For one hidden
    layer with output weights in front of :math:`\frac1m\sum` moves of order 1 take :math:`c = 0`. The limit
    [golikov2020towards]_ is then that of particles :math:`(\theta, v)` with the gradient
    :math:`\nabla\Psi(\theta; \rho) = m\,\partial\mathrm{Loss}/\partial\theta` in the place of g: ``TwoLayerMeanField``. In the form
    :math:`a = (-1, 0),\ b = (1, 1),\ c = (1, 1)` of the same network its gradients are of order 1 and :math:`\varepsilon` is that of the
    particles; in others only :math:`\varepsilon = 0` is. Other multipliers: ``scaling.plane_limit(..., method="rmsprop")``.

    Parameters
    ----------
    learning_rate : float
        Base rate :math:`\eta > 0`. Time is ``learning_rate * step``.
    steps : int
    decay : float
        :math:`0 \le \alpha < 1`. The first step is by :math:`(1 - \alpha)^{-1/2}` times the rate, in every parameter.
    epsilon : float
        :math:`\varepsilon \ge 0`, in the unit of the gradients. With 0 a parameter that has never had a gradient does not move.
    batch_size : int, optional
        As in :class:`GradientDescent`.

    Notes
    -----
    Limits whose state is not the parameters of a network refuse it. The division by :math:`\sqrt v`, parameter by parameter, is no function
    of the tangent kernel, and no function of the products of matrices on which linear networks close: other limits than theirs.

    Raises
    ------
    ValueError
        Where an argument is out of its range, the problem has a special first step (IP-LLR), or its state is something else than
        parameters of a network or particles.

    References
    ----------
    .. [golikov2020towards] Golikov, arXiv:2003.05884.
    .. [tieleman2012] Tieleman and Hinton, "Lecture 6.5 - RMSProp", Coursera, 2012.

    Examples
    --------
    Four hidden layers in the integrable parameterization stand still under gradient descent, and learn under RMSProp:

    >>> import infwidth as iw
    >>> X, y, ip = np.eye(2), np.array([1.0, -1.0]), iw.Parameterization.integrable(4)
    >>> def loss(c, method):
    ...     network = iw.Network(2, 4, 200, "tanh", iw.Parameterization(ip.a, ip.b, c))
    ...     return iw.solve(network, X, y, method, rng=0).loss[-1]
    >>> bool(loss(ip.c, iw.GradientDescent(0.3, steps=50)) > 0.49)  # the loss of f = 0 is 1/2
    True
    >>> bool(loss((0.0,) * 5, iw.RMSProp(0.01, steps=50, epsilon=0)) < 0.01)
    True
    """

    learning_rate: float
    steps: int
    decay: float = 0.99
    epsilon: float = 1e-8
    batch_size: int | None = None

    other_limit: ClassVar[str] = (
        "the one that networks name is that of gradients, and steps of RMSProp are larger by other powers of the width; "
        "give the limit model, for example TwoLayerMeanField"
    )

    def __post_init__(self) -> None:
        settle(
            self,
            learning_rate=real("learning_rate", self.learning_rate, above=0),
            steps=integer("steps", self.steps, least=0, most=MOST_STEPS),
        )
        settle(self, decay=real("decay", self.decay, least=0, below=1), epsilon=real("epsilon", self.epsilon, least=0))
        if self.batch_size is not None:
            settle(self, batch_size=integer("batch_size", self.batch_size, least=1))

    @property
    def draws(self) -> bool:
        return self.batch_size is not None

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """A learning rate to try after a divergence."""
        return f"try learning_rate={self.learning_rate / 2:.2g}"

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield steps 0..steps."""
        if not isinstance(problem, Rated) or problem.coordinates != "parameters":
            raise ValueError(
                f"method: RMSProp divides the gradient of each parameter of a network by its own size, and here are {_what(problem)}; "
                f"{way_out(problem, 'rates', WAY_OUT)}"
            )
        if has_first_step(problem):
            raise ValueError(
                "method: this parameterization starts with one large step, and the steps of RMSProp are as large as their rates say, "
                "whatever the gradient; use GradientDescent, or a parameterization without first_c"
            )
        first, state = (0, problem.start()) if resume is None else (int(resume["step"]), resume["state"])
        if resume is not None and self.batch_size is not None:
            rng.bit_generator.state = resume["rng"]
        rates, draw = problem.rates_of_parameters(), None if self.batch_size is None else batches(problem, rng, self.batch_size)
        squares = np.zeros_like(state)
        if resume is not None:
            squares[:] = floats("its mean squares", resume["squares"], state.shape, least=0)
        velocity = np.zeros_like(state)
        for step in range(first, self.steps + 1):
            before = rng.bit_generator.state
            rows = None if draw is None else draw()
            last = step == self.steps
            loss, outputs = problem.evaluate(state, None if last else velocity, step=step, rows=rows)
            memory = {"squares": squares} | ({} if draw is None else {"rng": before})
            yield Point(step, self.learning_rate * step, state, loss, outputs if draw is None else None, lambda memory=memory: memory)  # type: ignore[misc]
            if not last:
                state += self._move(velocity, rates, squares)

    def _move(self, velocity: Array, rates: Array, squares: Array) -> Array:
        """The step; adds the gradient's squares to the mean ``squares``."""
        gradient = np.divide(velocity, rates, out=np.zeros_like(velocity), where=rates > 0)
        squares *= self.decay
        squares += (1 - self.decay) * gradient**2
        sizes = np.sqrt(squares)
        sizes += self.epsilon
        move = np.divide(gradient, sizes, out=gradient, where=sizes > 0)
        move *= self.learning_rate
        move *= rates
        return move


def _what(problem: Any) -> str:
    if isinstance(problem, Causal):
        return "only the fields that they pass on, in a history"
    if problem.coordinates == "parameters":
        return "parameters whose rates and gradients are not known apart"
    return {"masses": "masses of a density"}.get(problem.coordinates, "coordinates that stand for many parameters")
