"""How a method counts time: in steps, or continuously up to an end."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

from ..problem import Method, Refining

__all__ = ["MOST_STEPS", "Control", "Flow", "Stepped"]


MOST_STEPS = 10**12  # weeks of the shortest ones


class Control(NamedTuple):
    """What decides the steps.

    Attributes
    ----------
    rtol, atol : float
    first : float
        Part of what a stepper other than LSODA chooses as its first step.
    longest : float
    growth : float
        Longest step after the first, as a part of the time that has passed.
    """

    rtol: float
    atol: float
    first: float = 1.0
    longest: float = math.inf
    growth: float = math.inf

    def most(self, t: float) -> float:
        """Longest step from that time on; of the first one the stepper decides."""
        return min(self.longest, self.growth * t) if t > 0 else self.longest


class Stepped(Method):
    """A method of a given number of steps.

    Attributes
    ----------
    steps : int
    """

    discrete: ClassVar[bool] = True
    steps: int

    @property
    def end(self) -> int:
        """The last step."""
        return self.steps


class Flow(Refining):
    """A method in continuous time.

    Attributes
    ----------
    t_end : float
    estimate_error : bool
    """

    discrete: ClassVar[bool] = False
    t_end: float

    @property
    def end(self) -> float:
        """The last time."""
        return self.t_end
