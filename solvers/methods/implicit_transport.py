r"""Implicit time stepping of densities, for noise on fine grids where explicit steps are too small to be useful."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..abilities import ImplicitSteps
from ..checks import flag, real, settle
from ..files.stored import number
from ..problem import MethodFailed, Snapshot
from .mass_flow import Arrival, MassFlow

__all__ = ["ImplicitTransport"]

Array = np.ndarray

TRIES = 40  # of one step
SHORTEST = 1e-6  # step, in units of the first try (at most ten explicit steps), at which it gives up
ROUNDING = 1e-13  # rise of the free energy that is no rise, in units of the sum of its terms' moduli


@dataclass(frozen=True)
class ImplicitTransport(MassFlow):
    r"""Flow of cell masses by extrapolated backward Euler steps, adaptive; each lowers the free energy.

    An explicit step on cells of width :math:`\Delta x` is bounded by :math:`\Delta x^2/2\tau`; here drift in the present potential and
    diffusion are implicit (:mod:`.implicit_fluxes`), so accuracy alone bounds the step. One step of length h and two of
    h/2, between which the potential is renewed, are combined to :math:`m' = 2 m_{h/2, h/2} - m_h`, of second order and L-stable; what that
    makes negative (far tails) is set to zero, and the rest scaled to the same mass. A step is repeated with a smaller h where
    :math:`\|m_{h/2,h/2} - m_h\|_1` exceeds ``tol`` or the free energy would rise by more than the rounding of its terms.

    Parameters
    ----------
    t_end : float
        Final time, in the unit of :class:`~infwidth.solvers.GradientFlow`.
    tol : float, default 1e-3
        Bound on the difference of the two solutions over a step; the error of what is kept is much smaller.
    estimate_error : bool, default True
        Solve again on grids of two and four times the width at ten times ``tol`` and report in ``sol.error`` how far the outputs of the
        first differ from those of the second, plus those of the second from the third's. It costs a quarter of the first solve.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or the problem has no ``implicit_step`` (is not a density).
    MethodFailed
        Where 40 shorter and shorter tries of one step, or a step of a millionth of the first, still raise the free energy or exceed
        ``tol``: the potential is then not the first variation of the energy, or not smooth.

    Notes
    -----
    The fluxes in space are of second order where noise is resolved (a change of the potential below about :math:`\tau` per cell) and
    first-order upwind without noise: then use :class:`~infwidth.solvers.TransportFlow`.

    Examples
    --------
    Noisy training on 400 cells, to a time that would take an explicit method 400 times as many steps:

    >>> import infwidth as iw
    >>> from infwidth.solvers import ImplicitTransport
    >>> model = iw.RadialMeanField(dim=20, delta=0.8, discretisation="density", temperature=0.05, weight_decay=0.2)
    >>> sol = iw.solve(model, method=ImplicitTransport(50.0, estimate_error=False), save_at=[50])
    >>> sol.stats["steps"] < 2000, bool(abs(sol.state.sum() - 1) < 1e-13)
    (True, True)
    """

    t_end: float
    tol: float = 1e-3
    estimate_error: bool = True
    needs: ClassVar[Any] = ImplicitSteps
    member: ClassVar[str] = "implicit_step"
    longer: ClassVar[str] = "raise tol"

    def __post_init__(self) -> None:
        settle(
            self,
            t_end=real("t_end", self.t_end, above=0),
            tol=real("tol", self.tol, least=1e-12, way_out="below, rounding decides"),
            estimate_error=flag("estimate_error", self.estimate_error),
        )

    def second(self, steps: int) -> ImplicitTransport:
        """The method for the solutions on the coarser grids."""
        return replace(self, tol=10 * self.tol)

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """What to try after a divergence."""
        return "lower tol"

    def _arrivals(self, problem: Any, t: float, state: Array, resume: Snapshot | None) -> Iterator[Arrival]:
        first = min(1e-3 * self.t_end, 10 * problem.max_step(problem.start()))
        h = first if resume is None else number("its step size", resume["h"], above=0)
        energy, evaluation = problem.free_energy(state), problem.evaluate(state)
        at: Callable[[float], Array] | None = None
        while True:
            yield Arrival(t, state, evaluation, partial(dict, h=h), at)
            for _ in range(TRIES):
                ends = t + h >= self.t_end * (1 - 1e-14)
                length = self.t_end - t if ends else h
                new, error = _step(problem, state, length)
                new_energy = problem.free_energy(new)
                if new_energy <= energy + ROUNDING * problem.energy_scale(new) and error <= self.tol:
                    break
                h = length * (max(0.2, 0.9 * (self.tol / error) ** 0.5) if error > self.tol else 0.5)
                if not h > SHORTEST * first:
                    raise MethodFailed(_failure(t, h))
            else:
                raise MethodFailed(_failure(t, h))
            h = length * min(2.0, 0.9 * (self.tol / max(error, 1e-300)) ** 0.5)
            before = (t, state)
            t, state, energy = (self.t_end if ends else t + length), new, new_energy
            evaluation = problem.evaluate(state)
            at = partial(_line, *before, t, state)


def _step(problem: Any, m: Array, h: float) -> tuple[Array, float]:
    """The extrapolated step, and the difference of its two parts in total variation."""
    whole = problem.implicit_step(m, h)
    halves = problem.implicit_step(problem.implicit_step(m, h / 2), h / 2)
    difference = halves - whole
    new = np.maximum(halves + difference, 0.0)
    return new * (m.sum() / new.sum()), float(np.abs(difference).sum())


def _failure(t: float, h: float) -> str:
    return (
        f"no step from t = {t:g} down to {h:.1e} lowers the free energy within tol; see that the potential is the first variation of "
        "the energy (a symmetric interaction), raise tol or refine the grid"
    )


def _line(t0: float, m0: Array, t1: float, m1: Array, t: float) -> Array:
    s = (t - t0) / (t1 - t0)
    return (1 - s) * m0 + s * m1
