"""From an architecture to a program: each layer follows the scales of the points, and writes down its step for their pairs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ...solvers.gram.program import Program, Step

__all__ = ["Branch", "Trace", "ratio"]

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Branch:
    r"""Where the points are in one branch of the architecture.

    Attributes
    ----------
    register : int
        Of the program.
    std, tangent : ndarray, shape (n,)
        :math:`K_{ii}^{1/2}` and :math:`\Theta_{ii}^{1/2}`.
    gaussian : bool
        Whether the values are Gaussian, so that an activation can follow.
    fresh : bool
        Whether they come from weights of their own, so that they are uncorrelated with every other branch.
    dim : int, optional
        Their number of columns while they are still the inputs.
    """

    register: int
    std: Array
    tangent: Array
    gaussian: bool = False
    fresh: bool = False
    dim: int | None = None


@dataclass
class Trace:
    """The steps so far, and the registers that are free again."""

    steps: list[Step] = field(default_factory=list)
    registers: int = 1
    free: list[int] = field(default_factory=list)

    def step(self, code: str, branch: Branch, factors: Array, constant: float = 0.0) -> None:
        """A step in place."""
        self.steps.append(Step(code, branch.register, branch.register, factors, constant))

    def copy(self, branch: Branch) -> Branch:
        """The same values in a register of their own."""
        if self.free:
            register = self.free.pop()
        else:
            register, self.registers = self.registers, self.registers + 1
        self.steps.append(Step("COPY", branch.register, register, np.zeros((0, len(branch.std)))))
        return replace(branch, register=register)

    def program(self, directions: Array, branch: Branch) -> Program:
        return Program(directions, tuple(self.steps), self.registers, branch.register, branch.std, branch.tangent)


def ratio(a: Array, b: Array) -> Array:
    """a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros_like(b), where=b > 0)
