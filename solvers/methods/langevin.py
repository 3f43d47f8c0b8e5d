r"""Noisy gradient descent with weight decay."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..abilities import Noisy, Stir, has_first_step, way_out
from ..checks import integer, real, settle
from ..problem import Causal, Evaluation, Point, Problem, Snapshot
from .clock import Stepped

__all__ = ["Langevin"]

Array = np.ndarray

WAY_OUT = "use a finite Network, or for one hidden layer particles (TwoLayerMeanField)"


@dataclass(frozen=True)
class Langevin(Stepped):
    r"""Langevin dynamics :math:`d\theta = (v(\theta) - \lambda\theta)\,dt + \sqrt{2\tau}\,dW` in Euler-Maruyama steps of :math:`h`:

    .. math::
        \theta_{s+1} = \theta_s + h\,(v(\theta_s) - \lambda\theta_s) + \sqrt{2\tau h}\,\xi_s, \qquad \xi_s \sim N(0, I).

    On the particles of a mean-field limit this is the gradient flow of the free energy
    :math:`\mathrm{Loss} + \tfrac\lambda2\int|\theta|^2 d\rho + \tau\int\rho\log\rho`, which decreases [mei2018]_. A finite network whose
    velocity carries powers of its width gets the same noise per parameter.

    Parameters
    ----------
    step_size : float
        :math:`h > 0`. Time is ``step_size * step``.
    temperature : float
        :math:`\tau \ge 0`.
    weight_decay : float
        :math:`\lambda \ge 0` with :math:`\lambda h \le 1`.
    steps : int

    Raises
    ------
    ValueError
        Where an argument is out of its range, the problem has a special first step, or its state is something else than parameters (the
        history of a causal limit, masses of a density, reduced coordinates) and it does not know what noise does to it.

    References
    ----------
    .. [mei2018] Mei, Montanari and Nguyen, arXiv:1804.06561 (noisy SGD).

    Examples
    --------
    Without a force the particles reach the Gaussian of variance :math:`\tau/\lambda`:

    >>> import infwidth as iw
    >>> limit = iw.TwoLayerMeanField("relu", particles=20000)
    >>> method = iw.Langevin(step_size=0.05, temperature=0.1, weight_decay=0.5, steps=200)
    >>> sol = iw.solve(limit, [[0.0, 0.0]], [0.0], method, rng=0, save_at=[200])
    >>> float(sol.state.var())
    0.2
    """

    step_size: float
    temperature: float
    weight_decay: float
    steps: int

    def __post_init__(self) -> None:
        h, temperature = real("step_size", self.step_size, above=0), real("temperature", self.temperature, least=0)
        decay = real("weight_decay", self.weight_decay, least=0)
        if decay * h > 1:
            raise ValueError(f"weight_decay: weight_decay * step_size = {decay * h:g} exceeds 1; lower step_size to {1 / decay:g}")
        settle(self, step_size=h, temperature=temperature, weight_decay=decay, steps=integer("steps", self.steps, least=0))

    @property
    def draws(self) -> bool:
        return True

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """A step to try after a divergence."""
        return f"try step_size={self.step_size / 2:.2g}"

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield steps 0..steps."""
        moves = not isinstance(problem, Causal) and (problem.coordinates == "parameters" or isinstance(problem, Noisy))
        if not moves:
            raise ValueError(
                f"method: noise on the parameters of a network is not noise on {_what(problem)}; {way_out(problem, 'noise', WAY_OUT)}"
            )
        if has_first_step(problem):
            raise ValueError(
                "method: this parameterization starts with one large step, which Langevin dynamics has not; use GradientDescent"
            )
        h = self.step_size
        first, state = (0, problem.start()) if resume is None else (int(resume["step"]), resume["state"])
        if resume is not None:
            rng.bit_generator.state = resume["rng"]
        stir = problem.stir if isinstance(problem, Noisy) else partial(_stir, problem)
        for step in range(first, self.steps + 1):
            before = rng.bit_generator.state
            (loss, outputs), update = stir(state, step=step)
            yield Point(step, h * step, state, loss, outputs, lambda before=before: {"rng": before})  # type: ignore[misc]
            if step < self.steps:
                update(h, self.temperature, self.weight_decay, rng)


def _stir(problem: Problem, state: Array, *, step: int) -> tuple[Evaluation, Stir]:
    """The step of a problem whose state is the parameters themselves."""
    velocity = np.empty_like(state)
    evaluation = problem.evaluate(state, velocity, step=step)

    def update(h: float, temperature: float, decay: float, rng: np.random.Generator) -> None:
        np.multiply(state, 1 - decay * h, out=state)
        np.add(state, np.multiply(velocity, h, out=velocity), out=state)
        if temperature:
            np.add(state, math.sqrt(2 * temperature * h) * rng.standard_normal(state.shape, dtype=state.dtype), out=state)

    return evaluation, update


def _what(problem: Any) -> str:
    if isinstance(problem, Causal):
        return "the history that this limit keeps in their place"
    return {"masses": "masses, which it makes negative"}.get(problem.coordinates, "the reduced coordinates in which this limit is solved")
