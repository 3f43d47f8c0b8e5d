r"""Gradient descent with momentum, scaled so that it has the damped oscillator as its limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..abilities import has_first_step, way_out
from ..checks import integer, real, settle
from ..files.stored import floats
from ..problem import Causal, Point, Snapshot
from .causal import causal_trajectory
from .clock import MOST_STEPS, Stepped
from .gradient_descent import mover

__all__ = ["HeavyBall"]

Array = np.ndarray


LONGEST = 1e150  # step, whose square is the rate


@dataclass(frozen=True)
class HeavyBall(Stepped):
    r"""Heavy ball, :math:`\ddot\theta + \gamma\dot\theta = v(\theta)`, in steps of :math:`h`:

    .. math::
        q_{s+1} = (1 - \gamma h)\, q_s + h\, v(\theta_s), \qquad \theta_{s+1} = \theta_s + h\, q_{s+1},

    that is gradient descent at the rate :math:`h^2` with momentum :math:`\beta = 1 - \gamma h` [wu2022]_.

    Parameters
    ----------
    step_size : float
        :math:`h > 0`. Time is ``step_size * step``.
    friction : float
        :math:`\gamma \ge 0` with :math:`\gamma h \le 1`.
    steps : int
    first_learning_rate : float, optional
        Needed where the problem has a special first step (IP-LLR): step 0 is then one plain gradient step at this base rate, and the
        momentum starts from zero after it. Time counts it like any other step.

    Raises
    ------
    ValueError
        Where an argument is out of its range, the problem needs ``first_learning_rate`` and it is missing, or it is a density.

    References
    ----------
    .. [wu2022] Wu, Kungurtsev and Mondelli, arXiv:2210.06819.

    Examples
    --------
    >>> import infwidth as iw
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> net = iw.Network(2, 1, 64, "linear", iw.Parameterization.mup(1))
    >>> sol = iw.solve(net, X, y, iw.HeavyBall(step_size=0.2, friction=1.0, steps=200), rng=0)
    >>> float(sol.t[-1]), bool(sol.loss[-1] < 1e-6)
    (40.0, True)
    """

    step_size: float
    friction: float
    steps: int
    first_learning_rate: float | None = None

    def __post_init__(self) -> None:
        h, friction = real("step_size", self.step_size, above=0, most=LONGEST), real("friction", self.friction, least=0)
        if friction * h > 1:
            raise ValueError(f"friction: friction * step_size = {friction * h:g} exceeds 1; lower step_size to {1 / friction:g}")
        settle(self, step_size=h, friction=friction, steps=integer("steps", self.steps, least=0, most=MOST_STEPS))
        if self.first_learning_rate is not None:
            settle(self, first_learning_rate=real("first_learning_rate", self.first_learning_rate, above=0))

    def weights(self, step: int, since: int = 0) -> Array:
        r"""Coefficients of the gradients of steps ``since`` to before ``step`` in the parameters of ``step``, shape (step - since,):
        :math:`h^2 \sum_{j < t - s} \beta^j` of step s."""
        beta = 1 - self.friction * self.step_size
        partial_sums = np.cumsum(beta ** np.arange(step - since))[::-1]
        weights = self.step_size**2 * partial_sums
        if since == 0 and step and self.first_learning_rate is not None:
            weights[0] = self.first_learning_rate
        return weights

    def settled(self, step: int) -> int:
        """Number of first steps whose coefficients do not change after ``step``, to rounding: the momentum has forgotten them."""
        beta = 1 - self.friction * self.step_size
        if beta == 1:
            return 0
        memory = 1 if beta == 0 else max(1, math.ceil(math.log(np.finfo(float).eps / 4) / math.log(beta)))
        return max(step + 1 - memory, 0)

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """A step to try after a divergence."""
        return f"try step_size={self.step_size / 2:.2g}"

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield steps 0..steps."""
        if has_first_step(problem) and self.first_learning_rate is None:
            raise ValueError("first_learning_rate: this parameterization starts with one large step; give HeavyBall its base rate")
        if isinstance(problem, Causal):
            yield from causal_trajectory(problem, self, self.step_size, rng, resume)
            return
        if problem.coordinates == "invariants":
            instead = way_out(problem, "momentum", "use GradientDescent, or a finite Network")
            raise ValueError(f"method: momentum does not close on the variables of this model; {instead}")
        if problem.coordinates == "masses":
            instead = way_out(problem, "momentum", "use TransportFlow or ImplicitTransport")
            raise ValueError(f"method: momentum makes masses of a density negative; {instead}")
        h, beta = self.step_size, 1 - self.friction * self.step_size
        first, state = (0, problem.start()) if resume is None else (int(resume["step"]), resume["state"])
        velocity = np.empty_like(state)
        move = np.zeros_like(state)
        if resume is not None:
            move[:] = floats("its momentum", resume["momentum"], state.shape)

        def memory() -> Snapshot:
            return {"momentum": move}

        for step in range(first, self.steps + 1):
            if step == 0 and step < self.steps and self.first_learning_rate is not None:
                (loss, outputs), update = mover(problem)(state, 0, None)
                yield Point(0, 0.0, state, loss, outputs, memory)
                update(self.first_learning_rate)
                continue
            loss, outputs = problem.evaluate(state, velocity if step < self.steps else None, step=step)
            yield Point(step, h * step, state, loss, outputs, memory)
            if step == self.steps:
                return
            move *= beta
            velocity *= h * h
            move += velocity
            state += move
