r"""Gradient flow by scipy's adaptive steppers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ..abilities import Retractable, Stepwise, has_first_step
from ..checks import choice, flag, real, settle
from ..files.stored import floats, number
from ..machine.memory import refuse_above_available
from ..problem import Causal, MethodFailed, Point, Snapshot
from .causal_flow import CAUSAL_STEPPERS, causal_flow
from .clock import Control, Flow
from .gradient_descent import mover
from .pace import Pace

__all__ = ["GradientFlow"]

Array = np.ndarray

STEPPERS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")
RESUMABLE = ("RK23", "RK45", "DOP853")
EVALUATIONS = 10_000  # of the velocity in one step, with room for Jacobians of small states
ROUNDINGS = 100  # rounding units below which a relative tolerance means nothing
FIRST_RATE = "first_learning_rate: this parameterization starts with one large step; give GradientFlow its base rate"
INTERNALS = ("t", "y", "f", "h_abs")  # what an explicit Runge-Kutta stepper of scipy carries from one step to the next
SAME = 1e-3  # of a velocity computed twice
TIGHTER, LOOSEST = 0.1, 1e-4  # factor of the tolerances of the second run, and where its relative one begins at the latest
VECTORS = {"RK23": 14, "RK45": 20, "DOP853": 34}  # of the length of the state that an explicit stepper holds, dense output included
MATRICES = {"Radau": 6, "BDF": 4, "LSODA": 1}  # of that length squared
FEW = 10  # steps, which the second run must not repeat
FIRST, GROWTH = 0.5, 0.5  # of the second run's steps: part of the first one as chosen, and of the time passed, that the next ones may take


@dataclass(frozen=True)
class GradientFlow(Flow):
    r"""The flow :math:`\dot\theta = v(\theta)`, the limit of gradient descent as the learning rate vanishes.

    Parameters
    ----------
    t_end : float
        Final time, in the unit in which gradient descent has ``t = learning_rate * step``.
    rtol, atol : float
        Tolerances of the local error of the stepper; for data in float32, ``rtol`` is at least 1.2e-5, 100 times their rounding unit.
    stepper : {"RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"}
        The last three are for stiff problems with a small state. Limits whose state is their history (µP) take the first two; there the
        tolerances are those of the outputs.
    first_learning_rate : float, optional
        Needed where the problem has a special first step (IP-LLR): one gradient step at this base rate precedes the flow, and
        ``t = 0`` is just after it.
    estimate_error : bool, default True
        Solve a second time at a tenth of the tolerances (``rtol`` at most 1e-4), in steps that begin at half the length and grow with the
        time passed. ``sol.error`` is three times how far the outputs differ, plus the ``atol`` of that run: about three times the error.
        It costs about twice the first solve, at ``rtol`` above 1e-3 more. Where rounding leaves no room for smaller tolerances, the
        second run has ten times larger ones.

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

    def __post_init__(self) -> None:
        settle(
            self,
            t_end=real("t_end", self.t_end, above=0),
            rtol=real("rtol", self.rtol, above=0, below=1),
            atol=real("atol", self.atol, above=0),
            stepper=choice("stepper", self.stepper, STEPPERS),
            estimate_error=flag("estimate_error", self.estimate_error),
        )
        if self.rtol < ROUNDINGS * np.finfo(float).eps:
            raise ValueError(f"rtol: {self.rtol:g} is below 100 times the rounding unit; give at least 2.3e-14")
        if self.first_learning_rate is not None:
            settle(self, first_learning_rate=real("first_learning_rate", self.first_learning_rate, above=0))

    @property
    def resumable(self) -> bool:
        """Whether a checkpoint can be resumed to the same bits: explicit steppers only."""
        return self.stepper in RESUMABLE

    def second(self, steps: int) -> GradientFlow:
        """The same flow at tighter tolerances and in other steps, for the error estimate of a run of that many steps."""
        own = {entry.name: getattr(self, entry.name) for entry in fields(GradientFlow)}
        longest = self.t_end / (2 * steps) if 0 < steps < FEW else np.inf
        return _Closer(**{**own, "estimate_error": False}, longest=longest)

    @property
    def unseen(self) -> float:
        """The absolute tolerance of the second run: a kink or a first step that errs by less, it may not see either."""
        return min(TIGHTER, LOOSEST / self.rtol) * self.atol

    def _control(self, dtype: np.dtype) -> Control:
        return Control(max(self.rtol, _least(dtype)), self.atol)

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """What to try after a divergence."""
        return "lower rtol"

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield t = 0 and every accepted step, with dense output over it."""
        if isinstance(problem, Stepwise) and problem.no_flow:
            raise ValueError(f"method: {problem.no_flow}")
        if isinstance(problem, Causal):
            yield from self._causal(problem, resume)
            return
        if resume is None:
            step, begin, state = 0, 0.0, self._after_first_step(problem)
        else:
            step, begin, state = int(resume["step"]), float(resume["t"]), resume["state"]
        dtype = state.dtype  # scipy's steppers work in float64; the problem sees its own precision
        flow = _Flow(problem, dtype, EVALUATIONS + 100 * state.size)
        loss, outputs = problem.evaluate(state)
        if resume is None and not np.isfinite(loss):  # before a stepper fails on it
            yield Point(step, begin, state, loss, outputs, dict)
            return
        control = self._control(dtype)
        ode = self._stepper(flow, begin, state, control)
        if isinstance(ode, MethodFailed):
            yield Point(step, begin, state, loss, outputs, dict)
            raise ode

        def memory() -> Snapshot:
            return {"stepper": {name: getattr(ode, name) for name in INTERNALS}}

        dense = None
        if resume is not None:
            _restore(ode, resume["stepper"], state)
            ode.status = "running" if ode.t < self.t_end else "finished"
        pace = Pace(self.t_end, "use stepper='Radau', or raise rtol and atol")
        while True:
            state = ode.y.astype(dtype)
            loss, outputs = problem.evaluate(state)
            at = None if dense is None else lambda t, dense=dense: dense(t).astype(dtype)
            yield Point(step, float(ode.t), state, loss, outputs, memory, at)
            if ode.status != "running":
                return
            if control.growth < np.inf:  # LSODA does not look at it
                ode.max_step = control.most(float(ode.t))
            with flow.guarded(self.stepper, ode.t):
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
        first = self.first_learning_rate if has_first_step(problem) else None
        if has_first_step(problem) and first is None:
            raise ValueError(FIRST_RATE)
        return causal_flow(problem, self.stepper, self.t_end, self._control(np.dtype(float)), resume, first)

    def _stepper(self, flow: _Flow, begin: float, state: Array, control: Control) -> Any:
        """scipy's stepper; or the error, where it fails before its first step."""
        from scipy import integrate

        p, stepper = len(state), self.stepper
        what, needs = (f"{VECTORS[stepper]} vectors", VECTORS[stepper]) if stepper in VECTORS else ("Jacobians", MATRICES[stepper] * p + 20)
        way_out = "take RK23, or GradientDescent at a small rate" if stepper in VECTORS else "take RK45"
        refuse_above_available("stepper", f"{what} of {stepper} on a state of {p:.3g} numbers", 8.0 * p * needs, way_out)
        more: dict[str, Any] = {"rtol": control.rtol, "atol": control.atol, "max_step": control.longest}
        if state.dtype != np.float64 and self.stepper not in RESUMABLE:
            more["jac"] = flow.jacobian  # scipy's own moves the state by less than single precision can tell
        try:
            with flow.guarded(self.stepper, begin):
                ode = getattr(integrate, self.stepper)(flow, begin, state, self.t_end, **more)
        except MethodFailed as error:
            return error
        if self.stepper != "LSODA":
            ode.h_abs *= control.first
        if self.stepper == "BDF":
            ode.D[1] *= control.first  # the step times the velocity
        return ode

    def _after_first_step(self, problem: Any) -> Array:
        state = problem.start()
        if has_first_step(problem):
            if self.first_learning_rate is None:
                raise ValueError(FIRST_RATE)
            mover(problem)(state, 0, None)[1](self.first_learning_rate)
        return state


@dataclass(frozen=True)
class _Closer(GradientFlow):
    """The second run of an error estimate. It must not take the steps of the first again, which a run of few steps does at any tolerance:
    their number, and how the first of them is chosen, do not depend on it there. Nor may its first steps be those of the first: they begin
    short and become ten times longer from one to the next, and until the tolerance decides both runs would err alike."""

    longest: float = field(default=np.inf, kw_only=True)

    def _control(self, dtype: np.dtype) -> Control:
        first = super()._control(dtype)
        factor = min(TIGHTER, LOOSEST / first.rtol)
        if factor * first.rtol < _least(dtype):
            return Control(first.rtol / TIGHTER, first.atol / TIGHTER, 1 / FIRST)
        return Control(factor * first.rtol, factor * first.atol, FIRST, self.longest, GROWTH)


def _restore(ode: Any, stored: Any, state: Array) -> None:
    """Put what a file holds into a stepper that stands at the same time and state; ValueError where it does not fit there."""
    y, f = (floats(f"{name} of its stepper", stored[name], ode.y.shape) for name in ("y", "f"))
    t, h_abs = number("t of its stepper", stored["t"]), number("h_abs of its stepper", stored["h_abs"], above=0)
    near = np.abs(f - ode.f).max(initial=0.0) <= SAME * (1 + np.abs(ode.f).max(initial=0.0))
    if t != ode.t or not near or not np.array_equal(y.astype(state.dtype), state):
        raise ValueError("its stepper stands at another time or state than the run")
    for name, value in zip(INTERNALS, (t, y, f, h_abs), strict=True):
        setattr(ode, name, value)


def _least(dtype: np.dtype) -> float:
    """The least relative tolerance that means something in that precision."""
    return ROUNDINGS * float(np.finfo(dtype).eps)


class _Flow:
    """The velocity as scipy's steppers want it, in float64, with a bound on the work of one step."""

    def __init__(self, problem: Any, dtype: np.dtype, most: int) -> None:
        self.problem, self.dtype, self.most = problem, dtype, most
        self.evaluations = 0
        self.inside = False

    def __call__(self, t: float, y: Array) -> Array:
        self.evaluations += 1
        if self.evaluations > self.most:
            raise MethodFailed(f"no step succeeds at t = {t:g} ({self.most} evaluations); the flow may be singular there")
        out = np.empty(y.shape, self.dtype)
        self.inside = True
        self.problem.evaluate(y.astype(self.dtype, copy=False), out)
        self.inside = False
        return out

    def jacobian(self, t: float, y: Array) -> Array:
        """Forward differences that the precision of the problem can tell, (p, p)."""
        base = self(t, y).astype(np.float64)
        steps = np.sqrt(np.finfo(self.dtype).eps) * np.maximum(np.abs(y), np.abs(y).mean() or 1.0)
        columns = np.empty((len(y), len(y)))
        for i, h in enumerate(steps):
            moved = y.copy()
            moved[i] += h
            columns[:, i] = (self(t, moved) - base) / float(moved.astype(self.dtype)[i] - y.astype(self.dtype)[i])
        return columns

    @contextlib.contextmanager
    def guarded(self, stepper: str, t: float) -> Iterator[None]:
        """Turn what a stepper raises over numbers that overflow into the end of the run; errors of the problem pass."""
        self.evaluations = 0
        try:
            with np.errstate(divide="ignore"):  # of a step that has become 0
                yield
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            if self.inside:
                raise
            raise MethodFailed(
                f"{stepper} stopped at t = {t:g}: the flow diverges or overflows ({error}); rescale X and y, or try a smaller rtol"
            ) from error
