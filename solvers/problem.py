"""The contract between models and methods.

A model, bound to data, is a :class:`Problem` (its state is a flat vector) or a :class:`Causal` problem (its state is its history).
A :class:`Method` sees nothing but the problem and yields a :class:`Point` per step; :func:`infwidth.solve` alone consumes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from .data import Data

__all__ = ["Causal", "Evaluation", "Method", "MethodFailed", "Model", "Point", "Problem", "Snapshot"]

Array = np.ndarray
Snapshot = dict[str, Any]  # arrays, numbers, strings and dicts of them: what a checkpoint can hold


class MethodFailed(RuntimeError):
    """A method cannot go on: ``solve`` returns what there is, with this message."""


class Evaluation(NamedTuple):
    """Loss and outputs at one state; of the rows asked for."""

    loss: float
    outputs: Array  # (n, k), in memory that is not used again


class Point(NamedTuple):
    """One step of a method.

    Attributes
    ----------
    step : int
    t : float
        In the method's unit of time.
    state : ndarray or Causal
        Live: copy it to keep it.
    loss : float
        On the full data, or on the minibatch where ``outputs`` is None.
    outputs : ndarray, shape (n, k), or None
        None for minibatches: the full data are evaluated only where they are recorded.
    memory : callable
        What the method must know beside the state to go on from here to the same bits.
    at : callable or None
        Dense output of a flow: the state at a time between the previous point and this one.
    """

    step: int
    t: float
    state: Any
    loss: float
    outputs: Array | None
    memory: Callable[[], Snapshot]
    at: Callable[[float], Array] | None = None


@runtime_checkable
class Problem(Protocol):
    r"""A model bound to its data: an ODE :math:`\dot\theta = v(\theta)` in a flat vector of shape (p,), with a loss.

    Optional members, used where present:

    ``descend(state, *, step, rows) -> (Evaluation, update)``
        ``update(rate)`` moves ``state`` in place by ``rate * velocity``, faster than through a velocity vector.
    ``first_step : bool``
        Step 0 has learning rates of its own (one large first step).
    ``sample(rng, size) -> rows``
        A minibatch, where it is not a subset of the data (fresh samples of a population).
    ``max_step(state) -> float``
        Largest stable time step of the spatial discretisation (CFL).
    ``coarser() -> Problem``
        The same problem on a coarser grid, for the error estimate of methods that make one.
    ``output_error(X_test) -> f(state) -> float``
        Error of the outputs at a state, at the training points and at these test points (or None), by the problem's own account
        (Monte-Carlo), recorded in ``sol.error``. None in place of the function where it cannot tell.
    ``input_dim : int``
        Number of columns of inputs, where there are no data that tell.
    ``threads : "block"``
        BLAS is limited to one thread for the whole solve: for parallel loops of its own, or for matrices too small for threads.
    """

    data: Data | None

    def start(self) -> Array:
        """A fresh copy of the initial state, shape (p,)."""

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        """Loss and outputs at ``state``; writes the velocity (p,) if one is given."""

    def predict(self, state: Array, X: Array) -> Array:
        """Outputs (n', k) at inputs (n', d)."""


@runtime_checkable
class Causal(Protocol):
    """A limit whose state is its own history: one call of ``extend`` per step."""

    data: Data | None

    def extend(self, weights: Array) -> Evaluation:
        """Append one time. ``weights`` (s,): coefficient of the gradient of each past step in today's parameters."""

    def predict(self, state: Any, X: Array) -> Array:
        """Outputs (n', k) of the newest time at inputs (n', d)."""

    def history(self, times: int) -> Snapshot:
        """What ``restore`` needs to go on after the first ``times`` times."""

    def restore(self, history: Snapshot) -> None:
        """Take over a history."""


class Model(Protocol):
    """A specification that data can be bound to."""

    def bind(self, data: Data | None, rng: np.random.Generator) -> Problem | Causal:
        """The problem of this model on those data; on its own population where ``data`` is None."""


class Method(Protocol):
    """A way to follow a problem through time.

    ``discrete`` says whether ``save_at`` counts steps or times; discrete methods have ``steps``, flows ``t_end``.
    """

    discrete: ClassVar[bool]

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield every step, the start included. ``resume`` is ``{"step", "t", "state", **memory}`` of an earlier point."""
