r"""Noisy gradient descent with weight decay."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..abilities import has_first_step, way_out
from ..checks import choice, integer, real, settle
from ..noise_abilities import CommonParameters, NoiseUnits, Noisy, Stir
from ..problem import Causal, Evaluation, Point, Problem, Snapshot
from .clock import MOST_STEPS, Stepped

__all__ = ["Langevin"]

Array = np.ndarray

STEPPERS = ("euler", "leimkuhler_matthews")
WAY_OUT = "use a finite Network, or for one hidden layer particles (TwoLayerMeanField)"


@dataclass(frozen=True)
class Langevin(Stepped):
    r"""Langevin dynamics :math:`d\theta = (v(\theta) - \lambda\theta)\,dt + \sqrt{2\tau}\,dW` in Euler-Maruyama steps of :math:`h`:

    .. math::
        \theta_{s+1} = \theta_s + h\,(v(\theta_s) - \lambda\theta_s) + \sqrt{2\tau h}\,\xi_s, \qquad \xi_s \sim N(0, I).

    On the particles of a mean-field limit this is the gradient flow of the free energy
    :math:`\mathrm{Loss} + \tfrac\lambda2\int|\theta|^2 d\rho + \tau\int\rho\log\rho`, which decreases [mei2018]_. A finite network whose
    velocity carries powers of its width gets the same noise per parameter.

    Euler's stationary law is off by :math:`O(h)`; that of Leimkuhler and Matthews [leimkuhler2012]_ by :math:`O(h^2)`, at the same cost,
    with noise that two steps share:

    .. math:: \theta_{s+1} = \theta_s + h\,(v(\theta_s) - \lambda\theta_s) + \sqrt{2\tau h}\;\tfrac12(\xi_s + \xi_{s+1}),

    which is exact for a quadratic potential. On the way there both are of order 1. Parameters that do not learn (rate 0,
    ``train_output=False``) have neither noise nor decay.

    An output bias is one parameter whatever the width, so its noise does not average out: the limit is random, given that noise. Networks
    and limits of one seed share it (see ``rng`` of :func:`infwidth.solve`), and replicas too.

    Parameters
    ----------
    step_size : float
        :math:`h > 0`. Time is ``step_size * step``.
    temperature : float
        :math:`\tau \ge 0`.
    weight_decay : float
        :math:`\lambda \ge 0` with :math:`\lambda h \le 1`.
    steps : int
    stepper : {"euler", "leimkuhler_matthews"}
        The second for particles and finite networks.

    Raises
    ------
    ValueError
        Where an argument is out of its range, the problem has a special first step, or its state is something else than parameters (the
        history of a causal limit, masses of a density, reduced coordinates) and it does not know what noise does to it.

    References
    ----------
    .. [leimkuhler2012] Leimkuhler and Matthews, arXiv:1203.5428.
    .. [mei2018] Mei, Montanari and Nguyen, arXiv:1804.06561, theorem 5 (noisy SGD comes near to the smallest risk).

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
    stepper: str = "euler"

    def __post_init__(self) -> None:
        h, temperature = real("step_size", self.step_size, above=0), real("temperature", self.temperature, least=0)
        choice("stepper", self.stepper, STEPPERS)
        decay = real("weight_decay", self.weight_decay, least=0)
        if decay * h > 1:
            raise ValueError(f"weight_decay: weight_decay * step_size = {decay * h:g} exceeds 1; lower step_size to {1 / decay:g}")
        settle(self, step_size=h, temperature=temperature, weight_decay=decay, steps=integer("steps", self.steps, least=0, most=MOST_STEPS))

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
        if self.stepper == "leimkuhler_matthews" and isinstance(problem, Noisy):
            raise ValueError("stepper: 'leimkuhler_matthews' is for particles and finite networks; this limit takes 'euler' steps alone")
        if has_first_step(problem):
            raise ValueError(
                "method: this parameterization starts with one large step, which Langevin dynamics has not; use GradientDescent"
            )
        if self.temperature and isinstance(problem, NoiseUnits) and not problem.takes_noise:
            raise ValueError(
                "temperature: noise has the unit of the parameters, and those of this network have b != 0: it grows or vanishes with the "
                "width; take the equivalent parameterization (a + b, 0, c - 2b), or temperature=0"
            )
        h = self.step_size
        first, state = (0, problem.start()) if resume is None else (int(resume["step"]), resume["state"])
        noise = _Noise(problem, state, rng, self.stepper == "leimkuhler_matthews")
        if resume is not None:
            noise.resume(resume)
        stir = problem.stir if isinstance(problem, Noisy) else partial(_stir, problem, noise)
        for step in range(first, self.steps + 1):
            before = noise.memory()
            (loss, outputs), update = stir(state, step=step)
            yield Point(step, h * step, state, loss, outputs, lambda before=before: before)  # type: ignore[misc]
            if step < self.steps:
                update(h, self.temperature, self.weight_decay, rng)


class _Noise:
    """Standard normal numbers for all parameters, step by step.

    Those of parameters which networks of all widths have in common come from a stream of their own, so that the same seed moves them alike
    in a network and in its limit. With ``halves`` each step has one half in common with the step before and the other with the next.
    """

    def __init__(self, problem: Any, state: Array, rng: np.random.Generator, halves: bool) -> None:
        shared = isinstance(problem, CommonParameters)
        self._common: slice | Array = problem.common if shared else slice(0)
        self._replicas: int = problem.replicas if shared else 1
        self._streams = {"rng": rng, "common": rng.spawn(1)[0]} if len(state[self._common]) else {"rng": rng}
        self._halves = halves
        self._last: Array | None = None
        self._before: Snapshot | None = None  # the streams before the last half: a resumed run draws it again

    def memory(self) -> Snapshot:
        """Where the streams are."""
        return {name: stream.bit_generator.state for name, stream in self._streams.items()} if self._before is None else self._before

    def resume(self, memory: Snapshot) -> None:
        """Go on from there."""
        for name, stream in self._streams.items():
            stream.bit_generator.state = memory[name]

    def draw(self, like: Array) -> Array:
        if not self._halves:
            return self._normal(like)
        old = self._normal(like) if self._last is None else self._last
        self._before = None
        self._before = self.memory()
        self._last = self._normal(like)
        return (old + self._last) / 2

    def _normal(self, like: Array) -> Array:
        xi = self._streams["rng"].standard_normal(like.shape, dtype=like.dtype)
        if "common" in self._streams:
            size = len(like[self._common]) // self._replicas
            xi[self._common] = np.tile(self._streams["common"].standard_normal(size, dtype=like.dtype), self._replicas)
        return xi


def _stir(problem: Problem, noise: _Noise, state: Array, *, step: int) -> tuple[Evaluation, Stir]:
    """The step of a problem whose state is the parameters themselves."""
    velocity = np.empty_like(state)
    evaluation = problem.evaluate(state, velocity, step=step)

    def update(h: float, temperature: float, decay: float, rng: np.random.Generator) -> None:
        kept = [state[part].copy() for part in problem.frozen]
        np.multiply(state, 1 - decay * h, out=state)
        np.add(state, np.multiply(velocity, h, out=velocity), out=state)
        if temperature:
            np.add(state, math.sqrt(2 * temperature * h) * noise.draw(state), out=state)
        for part, values in zip(problem.frozen, kept, strict=True):
            state[part] = values

    return evaluation, update


def _what(problem: Any) -> str:
    if isinstance(problem, Causal):
        return "the history that this limit keeps in their place"
    return {"masses": "masses, which it makes negative"}.get(problem.coordinates, "the reduced coordinates in which this limit is solved")
