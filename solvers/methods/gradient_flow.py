r"""Gradient flow by scipy's adaptive steppers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from ..abilities import Retractable, has_first_step
from ..checks import choice, flag, real, settle
from ..problem import Causal, MethodFailed, Point, Refining, Snapshot
from .causal_flow import CAUSAL_STEPPERS, causal_flow
from .gradient_descent import mover
from .pace import Pace

__all__ = ["GradientFlow"]

Array = np.ndarray

STEPPERS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")
RESUMABLE = ("RK23", "RK45", "DOP853")
INTERNALS = ("t", "y", "f", "h_abs")  # what an explicit Runge-Kutta stepper of scipy carries from one step to the next


@dataclass(frozen=True)
class GradientFlow(Refining):
    r"""The flow :math:`\dot\theta = v(\theta)`, the limit of gradient descent as the learning rate vanishes.

    Parameters
    ----------
    t_end : float
        Final time, in the unit in which gradient descent has ``t = learning_rate * step``.
    rtol, atol : float
        Tolerances of the local error of the stepper.
    stepper : {"RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"}
        The last three are for stiff problems with a small state. Limits whose state is their history (µP) take the first two; there the
        tolerances are those of the outputs.
    first_learning_rate : float, optional
        Needed where the problem has a special first step (IP-LLR): one gradient step at this base rate precedes the flow, and
        ``t = 0`` is just after it.
    estimate_error : bool, default True
        Solve a second time at 30 times the tolerances and report in ``sol.error`` how far the outputs differ. It costs about half of
        the first solve.

    Raises
    ------
    ValueError
        Where an argument is out of its range, the problem needs ``first_learning_rate``, or a limit whose state is its
        history cannot take back times of it, or needs another stepper.

    Examples
    --------
    The linear two-layer mean-field limit on one sample x = 1, y = 2 has the output :math:`\sinh 2s` in the time
    :math:`ds = (y - f)\,dt`:

    >>> import infwidth as iw
    >>> limit = iw.DeepLinearIntegrable(1, scheme="naive")
    >>> sol = iw.solve(limit, [[1.0]], [2.0], iw.GradientFlow(1.0), rng=0, save_at=[0, 0.1, 0.2, 0.5, 1])
    >>> sol.outputs.ravel().round(4)
    array([0.    , 0.3701, 0.7021, 1.4757, 1.9313])
    >>> bool(sol.error.max() < 1e-4)
    True
    """

    t_end: float
    rtol: float = 1e-6
    atol: float = 1e-9
    stepper: str = "RK45"
    first_learning_rate: float | None = None
    estimate_error: bool = True
    discrete: ClassVar[bool] = False

    def __post_init__(self) -> None:
        settle(
            self,
            t_end=real("t_end", self.t_end, above=0),
            rtol=real("rtol", self.rtol, above=0, below=1),
            atol=real("atol", self.atol, above=0),
            stepper=choice("stepper", self.stepper, STEPPERS),
            estimate_error=flag("estimate_error", self.estimate_error),
        )
        if self.rtol < 100 * np.finfo(float).eps:
            raise ValueError(f"rtol: {self.rtol:g} is below 100 times the rounding unit; give at least 2.3e-14")
        if self.first_learning_rate is not None:
            settle(self, first_learning_rate=real("first_learning_rate", self.first_learning_rate, above=0))

    @property
    def resumable(self) -> bool:
        """Whether a checkpoint can be resumed to the same bits: explicit steppers only."""
        return self.stepper in RESUMABLE

    def coarser(self) -> GradientFlow:
        """The same flow at looser tolerances, for the error estimate."""
        return replace(self, rtol=min(30 * self.rtol, 0.1), atol=30 * self.atol, estimate_error=False)

    @property
    def end(self) -> float:
        """The last time."""
        return self.t_end

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """What to try after a divergence."""
        return "lower rtol"

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield t = 0 and every accepted step, with dense output over it."""
        if isinstance(problem, Causal):
            yield from self._causal(problem, resume)
            return
        from scipy import integrate

        if resume is None:
            step, begin, state = 0, 0.0, self._after_first_step(problem)
        else:
            step, begin, state = int(resume["step"]), float(resume["t"]), resume["state"]
        dtype = state.dtype  # scipy's steppers work in float64; the problem sees its own precision

        def velocity(t: float, y: Array) -> Array:
            out = np.empty(y.shape, dtype)
            problem.evaluate(y.astype(dtype, copy=False), out)
            return out

        ode = getattr(integrate, self.stepper)(velocity, begin, state, self.t_end, rtol=self.rtol, atol=self.atol)

        def memory() -> Snapshot:
            return {"stepper": {name: getattr(ode, name) for name in INTERNALS}}

        dense = None
        if resume is not None:
            for name in INTERNALS:
                value = resume["stepper"][name]
                if np.shape(value) != np.shape(getattr(ode, name)):
                    raise ValueError(f"its stepper has an entry {name} of shape {np.shape(value)}")
                setattr(ode, name, value)
            ode.status = "running" if ode.t < self.t_end else "finished"
        pace = Pace(self.t_end, "use stepper='Radau', or raise rtol and atol")
        while True:
            state = ode.y.astype(dtype)
            loss, outputs = problem.evaluate(state)
            at = None if dense is None else lambda t, dense=dense: dense(t).astype(dtype)
            yield Point(step, float(ode.t), state, loss, outputs, memory, at)
            if ode.status != "running":
                return
            message = ode.step()
            if ode.status == "failed":
                raise MethodFailed(f"{self.stepper} stopped at t = {ode.t:g} ({message}); try stepper='Radau' or a larger atol")
            step += 1
            pace.check(step, ode.t)
            dense = ode.dense_output()

    def _causal(self, problem: Causal, resume: Snapshot | None) -> Iterator[Point]:
        if not isinstance(problem, Retractable):
            raise ValueError(
                "method: this limit cannot take back times of its history, so it has no flow; use GradientDescent at two small learning"
                " rates and extrapolate"
            )
        if self.stepper not in CAUSAL_STEPPERS:
            raise ValueError(
                f"stepper: {self.stepper!r} needs a state, and this limit has a history; use one of {', '.join(CAUSAL_STEPPERS)}"
            )
        return causal_flow(problem, self.stepper, self.t_end, self.rtol, self.atol, resume)

    def _after_first_step(self, problem: Any) -> Array:
        state = problem.start()
        if has_first_step(problem):
            if self.first_learning_rate is None:
                raise ValueError("first_learning_rate: this parameterization starts with one large step; give GradientFlow its base rate")
            mover(problem)(state, 0, None)[1](self.first_learning_rate)
        return state
