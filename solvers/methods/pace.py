"""Whether a flow gets to its end: its own steps say how many more it needs."""

from __future__ import annotations

from ..problem import MethodFailed

__all__ = ["Pace"]

WINDOW = 250  # steps over which the pace is measured
MOST_STEPS = 10_000_000  # to come: hours of most problems


class Pace:
    """Ends a flow whose steps are so short, against the time that is left, that it would never end.

    Parameters
    ----------
    t_end : float
    way_out : str
        What to change so that steps are longer.

    Examples
    --------
    >>> pace = Pace(1e9, "raise rtol")
    >>> for step in range(501):
    ...     pace.check(step, 1e-3 * step)
    Traceback (most recent call last):
    ...
    infwidth.solvers.problem.MethodFailed: t_end: the steps around t = 0.5 are 0.001 long, so that t_end=1e+09 needs 1e+12 more of them; ...
    """

    def __init__(self, t_end: float, way_out: str) -> None:
        self.t_end, self.way_out = t_end, way_out
        self.marked: float | None = None

    def check(self, step: int, t: float) -> None:
        """To be called with every step; raises MethodFailed where there is no getting there."""
        if step % WINDOW:
            return
        before, self.marked = self.marked, t
        if before is None or step < 2 * WINDOW:
            return
        length = (t - before) / WINDOW
        if self.t_end - t > MOST_STEPS * length:
            more = (self.t_end - t) / length if length else float("inf")
            raise MethodFailed(
                f"t_end: the steps around t = {t:.6g} are {length:.3g} long, so that t_end={self.t_end:g} needs {more:.1g} more of them; "
                f"lower t_end, or {self.way_out}"
            )
