"""What flows of cell masses have in common: the problems that they take, and their way from one step that holds to the next."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..abilities import Transported, way_out
from ..problem import Evaluation, Point, Snapshot
from .clock import Flow
from .pace import Pace

__all__ = ["Arrival", "MassFlow"]

Array = np.ndarray


class Arrival(NamedTuple):
    """Where a step that holds has led.

    Attributes
    ----------
    t : float
    state : ndarray, shape (cells,)
    evaluation : Evaluation
        There.
    memory : callable
        As in :class:`~infwidth.solvers.Point`.
    at : callable or None
        Masses at the times since the arrival before.
    """

    t: float
    state: Array
    evaluation: Evaluation
    memory: Callable[[], Snapshot]
    at: Callable[[float], Array] | None


class MassFlow(Flow):
    """A flow of cell masses; a subclass says how it arrives.

    Attributes
    ----------
    needs : type
        Ability that a problem must have.
    member : str
        By which messages call it.
    longer : str
        What to change so that steps are longer.
    """

    needs: ClassVar[Any] = Transported
    member: ClassVar[str]
    longer: ClassVar[str]

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield t = 0 and every step, with dense output over it."""
        if not isinstance(problem, self.needs):
            instead = way_out(problem, "flow", "use GradientFlow for this model")
            raise ValueError(f"method: {type(self).__name__} moves densities (it needs {self.member}); {instead}")
        first, begin, start = (0, 0.0, problem.start()) if resume is None else (resume["step"], float(resume["t"]), resume["state"])
        pace = Pace(self.t_end, self.longer)
        for step, (t, state, (loss, outputs), memory, at) in enumerate(self._arrivals(problem, begin, start, resume), int(first)):
            pace.check(step, t)
            yield Point(step, t, state, loss, outputs, memory, at)
            if t >= self.t_end:
                return

    @abstractmethod
    def _arrivals(self, problem: Any, t: float, state: Array, resume: Snapshot | None) -> Iterator[Arrival]:
        """The start, and the end of every step; asked for no more once ``t_end`` is reached."""
