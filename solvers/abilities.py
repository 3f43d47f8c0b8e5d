"""Abilities: what only some problems can do, one protocol each with every member written down.

A problem has an ability by naming it among its bases (or by having its members); a method asks for one by ``isinstance``, and refuses
naming the way out where it is missing. Those that noise asks for are in :mod:`.noise_abilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np

from .grids.grid import Grid
from .problem import Causal, Evaluation, Problem, Update

__all__ = [
    "Batched",
    "FirstStep",
    "Foreseen",
    "Fused",
    "ImplicitSteps",
    "NormalisedOnly",
    "OnGrid",
    "Population",
    "RandomLimit",
    "Rated",
    "Refinable",
    "Replicated",
    "Retractable",
    "Settling",
    "Stepwise",
    "Transported",
    "WithError",
    "WithRemark",
    "WithWaysOut",
    "has_first_step",
    "way_out",
]

Array = np.ndarray


@runtime_checkable
class Fused(Problem, Protocol):
    """Moves its state faster than through a velocity vector."""

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Update]:
        """Evaluation at ``state``, and ``update(rate)``, which moves ``state`` in place by ``rate * velocity``; ``step`` and ``rows`` as in
        :meth:`Problem.evaluate`."""
        ...


@runtime_checkable
class Rated(Problem, Protocol):
    """Its state is parameters of a network, each with a gradient and a learning rate of its own: what :class:`~infwidth.solvers.RMSProp`
    needs."""

    def rates_of_parameters(self) -> Array:
        """Learning rates (p,) as multiples of the base rate: the velocity is minus the gradient, entry by entry times this."""
        ...


@runtime_checkable
class NormalisedOnly(Problem, Protocol):
    """Is the limit of networks under methods of other powers of the width than the gradient's (:class:`~infwidth.solvers.Rescaled`) alone.

    Attributes
    ----------
    no_gradients : str
        Why, and what to do instead: what ``solve`` says to any other method.
    """

    no_gradients: ClassVar[str]


@runtime_checkable
class WithWaysOut(Protocol):
    """Knows what to do instead, where a method that it cannot take is asked for.

    Attributes
    ----------
    ways_out : mapping
        From ``"noise"``, ``"momentum"``, ``"rates"``, ``"flow"`` to the end of the message.
    """

    ways_out: Mapping[str, str]


def way_out(problem: Any, what: str, otherwise: str) -> str:
    """What the problem says about noise, momentum, rates of its own or a flow; ``otherwise`` where it says nothing."""
    return problem.ways_out.get(what, otherwise) if isinstance(problem, WithWaysOut) else otherwise


@runtime_checkable
class FirstStep(Protocol):
    """May have learning rates of its own at step 0 (one large first step).

    Attributes
    ----------
    first_step : bool
        Whether it has.
    """

    first_step: bool


def has_first_step(problem: Problem | Causal) -> bool:
    """Whether step 0 has learning rates of its own."""
    return isinstance(problem, FirstStep) and problem.first_step


@runtime_checkable
class Foreseen(Causal, Protocol):
    """Wants to know beforehand how long its history will be."""

    def reserve(self, times: int) -> None:
        """Make room for that many times; ValueError, with the number and the way out, where they do not fit."""
        ...


@runtime_checkable
class Population(Protocol):
    """Draws fresh samples, in place of subsets of the data.

    Attributes
    ----------
    input_dim : int
        Number of columns of inputs, which no data tell.
    """

    @property
    def input_dim(self) -> int: ...

    def sample(self, rng: np.random.Generator, size: int) -> Any:
        """A minibatch of that size, drawn by ``rng``: the ``rows`` of :meth:`Problem.evaluate` and :meth:`Fused.descend`."""
        ...


@runtime_checkable
class WithError(Protocol):
    """States an error of its outputs by its own account (Monte-Carlo)."""

    def output_error(self, X_test: Array | None) -> Callable[[Array], float] | None:
        """Error of the outputs at a state, at the training points and at the points ``X_test`` (n', d) or None, which ``sol.error``
        records; None in place of the function where it cannot tell."""
        ...


@runtime_checkable
class Replicated(WithError, Protocol):
    """Is a sample, of which one system or more are solved, whose scatter tells a Monte-Carlo error."""

    def replica_outputs(self, state: Any, X: Array | None = None) -> Array:
        """Outputs of each system at a ``state``, shape (R, n, k), at the training inputs or at others ``X`` (n, d)."""
        ...


@runtime_checkable
class RandomLimit(Replicated, Protocol):
    """Is random in the limit itself: its systems are draws, their scatter is its law, the loss the mean of theirs."""

    def output_covariance(self, X_test: Array | None) -> Callable[[Array], tuple[Array, float]] | None:
        """Function of a state to ``sol.covariance``, at training points and ``X_test``, and its error; None for one draw."""
        ...


@runtime_checkable
class WithRemark(Protocol):
    """Has something to say that belongs to the result."""

    def remark(self, state: Any) -> str:
        """A sentence on a last state, which ``solve`` adds to the message of the solution; empty where there is none."""
        ...


@runtime_checkable
class Stepwise(Protocol):
    """May have steps only, however small the learning rate: no flow.

    Attributes
    ----------
    no_flow : str
        Why, and what to do instead; empty where there is a flow.
    """

    no_flow: str


@runtime_checkable
class Refinable(Protocol):
    """Has a coarser discretisation, for the error estimate of methods that make one; a history has itself, from its start."""

    def coarser(self) -> Problem | Causal:
        """The same problem, fresh, on a coarser grid; MethodFailed where there is none."""
        ...


@runtime_checkable
class Transported(Refinable, Problem, Protocol):
    """A density whose mass only moves: what :class:`~infwidth.solvers.TransportFlow` needs."""

    def max_step(self, state: Array) -> float:
        """Largest time step at a ``state`` with which the spatial discretisation keeps every mass non-negative (CFL)."""
        ...


@runtime_checkable
class OnGrid(Protocol):
    """A measure on a grid, whose density can be drawn.

    Attributes
    ----------
    grid : Grid
    """

    grid: Grid

    def density(self, state: Array) -> Array:
        """Mass per unit of volume at a ``state``, in the grid's shape; of both signs, shape (2, cells), where the measure is signed."""
        ...


@runtime_checkable
class ImplicitSteps(Transported, Protocol):
    """A density that can be moved implicitly: what :class:`~infwidth.solvers.ImplicitTransport` needs."""

    def implicit_step(self, state: Array, h: float) -> Array:
        """A backward Euler step of length ``h`` in the potential of ``state``."""
        ...

    def free_energy(self, state: Array) -> float:
        """What no exact flow lets rise, at a ``state``."""
        ...

    def energy_scale(self, state: Array) -> float:
        """Sum of the moduli of the terms of the free energy of a ``state``: its rounding is some units of the last place of that."""
        ...


@runtime_checkable
class Batched(Causal, Protocol):
    """A causal limit that learns from minibatches.

    Attributes
    ----------
    minibatches : bool
        That it does: its methods have the names that every :class:`Retractable` one has.
    """

    minibatches: ClassVar[bool] = True

    def extend(self, weights: Array, rows: Any = None) -> Evaluation:
        """As in :class:`Causal`; the time that is appended sees those rows only: its gradient, and the loss that is returned."""
        ...

    def evaluate(self, state: Any) -> Evaluation:
        """Loss and outputs of the newest time on the full data."""
        ...


@runtime_checkable
class Settling(Causal, Protocol):
    """A causal limit that forgets the gradients whose coefficients will not change any more.

    Attributes
    ----------
    settled : int
        Number of first times whose gradients are settled: :meth:`extend` is given the coefficients of the later ones alone.
    """

    settled: int

    def settle(self, times: int) -> None:
        """The coefficients of the first ``times`` gradients stay what they were in the last call of ``extend``."""
        ...


@runtime_checkable
class Retractable(Causal, Protocol):
    """A causal limit that can take back its newest times: what the stages of an adaptive step need.

    Attributes
    ----------
    times : int
        Number of times of its history.
    """

    @property
    def times(self) -> int: ...

    def retract(self, times: int, weights: Array) -> None:
        """Forget all but the first ``times`` times, of which the newest was extended with ``weights``."""
        ...

    def evaluate(self, state: Any) -> Evaluation:
        """Loss and outputs of the newest time."""
        ...
