r"""Explicit time stepping of densities: strong-stability-preserving Runge-Kutta under a CFL bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..checks import flag, real, settle
from ..files.stored import number
from ..problem import MethodFailed, Snapshot
from .mass_flow import Arrival, MassFlow

__all__ = ["TransportFlow"]

Array = np.ndarray


TRIES = 60  # of one step, each at most half as long


@dataclass(frozen=True)
class TransportFlow(MassFlow):
    r"""Explicit flow of cell masses that stay non-negative; SSP Runge-Kutta of 4 stages and order 3 [gottlieb2001]_:

    .. math::
        m^{(1)} = m + \tfrac h2 v(m), \quad m^{(2)} = m^{(1)} + \tfrac h2 v(m^{(1)}), \quad
        m^{(3)} = \tfrac23 m + \tfrac13\left(m^{(2)} + \tfrac h2 v(m^{(2)})\right), \quad m' = m^{(3)} + \tfrac h2 v(m^{(3)}),

    written as m plus increments, so that rounding does not drift the mass. Every stage averages Euler steps of length h/2, so what Euler
    steps keep under the problem's ``max_step`` (sign, mass), this keeps for twice as long a step. The step is the smallest of
    ``2 * cfl * max_step`` and of what keeps the embedded second-order error (in total variation, per step) below ``tol``. A step that
    makes a mass negative is halved and repeated.

    Parameters
    ----------
    t_end : float
        Final time, in the unit of :class:`~infwidth.solvers.GradientFlow`.
    cfl : float, default 0.9
        Part of the largest stable step, :math:`0 < \mathrm{cfl} \le 1`.
    tol : float, default 1e-4
        Error of one step. Leave it: the error of the grid is larger nearly always, and ``cfl`` rules.
    estimate_error : bool, default True
        Solve again on grids of two and four times the width and report in ``sol.error`` how far the outputs of the first differ from
        those of the second, plus those of the second from the third's: 15 times the error where the order is 2; and half as much again
        where the two do not look like it, 4.5 times where the order is 1. It costs a third of the first solve (one axis), or a seventh.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or the problem has no ``max_step`` (is not a density).

    References
    ----------
    .. [gottlieb2001] Gottlieb, Shu and Tadmor, SIAM Review 43 (2001), 89-112.

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.solvers import TransportFlow
    >>> model = iw.RadialMeanField(dim=40, delta=0.8, discretisation="density", size=200)
    >>> sol = iw.solve(model, method=TransportFlow(4.0), save_at=[0, 4])
    >>> sol.loss.round(2), bool(abs(sol.state.sum() - 1) < 1e-14), bool(sol.state.min() >= 0)
    (array([1.7 , 0.86]), True, True)
    """

    t_end: float
    cfl: float = 0.9
    tol: float = 1e-4
    estimate_error: bool = True
    member: ClassVar[str] = "max_step"
    longer: ClassVar[str] = "use ImplicitTransport, coarsen the grid, or raise cfl and tol"

    def __post_init__(self) -> None:
        settle(
            self,
            t_end=real("t_end", self.t_end, above=0),
            cfl=real("cfl", self.cfl, least=1e-3, most=1, way_out="a longer step can make masses negative, for a shorter one lower tol"),
            tol=real("tol", self.tol, least=1e-12, way_out="below, rounding decides"),
            estimate_error=flag("estimate_error", self.estimate_error),
        )

    def second(self, steps: int) -> TransportFlow:
        """The method for the solutions on the coarser grids."""
        return self

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """What to try after a divergence."""
        return "lower cfl"

    def _arrivals(self, problem: Any, t: float, state: Array, resume: Snapshot | None) -> Iterator[Arrival]:
        longest = np.inf if resume is None else number("its step size", resume["longest"], above=0, most=np.inf)
        velocity = np.empty_like(state)
        evaluation = problem.evaluate(state, velocity)
        at: Callable[[float], Array] | None = None
        while True:
            yield Arrival(t, state, evaluation, partial(dict, longest=longest), at)
            h = min(2 * self.cfl * problem.max_step(state), longest, self.t_end - t)
            for _ in range(TRIES):
                new, error = _step(problem, state, velocity, h)
                if new.min() >= 0 and error <= self.tol:
                    break
                if not (h > 1e-14 * t and np.isfinite(error)):
                    raise MethodFailed(_failure(t))
                h *= 0.5 if new.min() < 0 else max(0.2, 0.9 * (self.tol / error) ** (1 / 3))
            else:
                raise MethodFailed(_failure(t))
            longest = h * min(2.0, 0.9 * (self.tol / max(error, 1e-300)) ** (1 / 3))
            before = (t, state, velocity)
            t, state, velocity = (self.t_end if t + h >= self.t_end * (1 - 1e-14) else t + h), new, np.empty_like(state)
            evaluation = problem.evaluate(state, velocity)
            at = _dense(*before, t, state, velocity)


def _failure(t: float) -> str:
    return f"no step from t = {t:g} keeps the masses non-negative within tol; raise tol or refine the grid"


def _step(problem: Any, m: Array, v: Array, h: float) -> tuple[Array, float]:
    """New masses and their distance to the embedded method of order 2 (the mean velocity); a stage below zero is given back at once."""
    v2, v3, v4 = np.empty_like(v), np.empty_like(v), np.empty_like(v)
    first = m + (h / 2) * v
    if first.min() < 0:
        return first, 0.0
    problem.evaluate(first, v2)
    second = m + (h / 2) * (v + v2)
    if second.min() < 0:
        return second, 0.0
    problem.evaluate(second, v3)
    third = m + (h / 6) * (v + v2 + v3)
    if third.min() < 0:
        return third, 0.0
    problem.evaluate(third, v4)
    return m + (h / 6) * (v + v2 + v3 + 3 * v4), float((h / 12) * np.abs(v + v2 + v3 - 3 * v4).sum())


def _dense(t0: float, m0: Array, v0: Array, t1: float, m1: Array, v1: Array) -> Callable[[float], Array]:
    """Cubic Hermite interpolation; what it makes negative (far tails) is set to zero, and the rest scaled to the same mass."""

    def at(t: float) -> Array:
        h = t1 - t0
        s = (t - t0) / h
        bend = s * (1 - s) * ((1 - s) * (h * v0 - (m1 - m0)) + s * ((m1 - m0) - h * v1))
        m = np.maximum((1 - s) * m0 + s * m1 + bend, 0.0)
        return m * (m1.sum() / m.sum())

    return at
