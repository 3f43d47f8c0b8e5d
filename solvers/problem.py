"""The contract between models and methods.

A model, bound to data, is a :class:`Problem` (its state is a flat vector) or a :class:`Causal` problem (its state is its history).
A :class:`Method` sees nothing but the problem and yields a :class:`Point` per step; :func:`infwidth.solve` alone consumes them.

What only some problems can do is an ability, a protocol of its own in :mod:`.abilities`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np

from .data import Data

__all__ = [
    "Causal",
    "Coordinates",
    "Evaluation",
    "Method",
    "MethodFailed",
    "Model",
    "Point",
    "Problem",
    "Refining",
    "Rescaled",
    "Snapshot",
    "Update",
]

Array = np.ndarray
Snapshot = dict[str, Any]  # arrays, numbers, strings and dicts of them: what a checkpoint can hold
Update = Callable[[float], None]
Coordinates = Literal["parameters", "reduced", "invariants", "masses"]


class MethodFailed(RuntimeError):
    """A method cannot go on: ``solve`` returns what there is, with this message."""


class Evaluation(NamedTuple):
    """Loss and outputs at one state; of the rows asked for.

    Attributes
    ----------
    loss : float
    outputs : ndarray, shape (n, k)
        In memory that is not used again.
    """

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


# Problems


@runtime_checkable
class Problem(Protocol):
    r"""A model bound to its data: an ODE :math:`\dot\theta = v(\theta)` in a flat vector of shape (p,), with a loss.

    Attributes
    ----------
    data : Data or None
        None where the problem has a population of its own.
    coordinates : {"parameters", "reduced", "invariants", "masses"}
        What the entries of the state are. ``"parameters"`` of a network or of particles: every method means there what it means for the
        network. ``"reduced"``: coordinates in which the gradient and momentum of the network's parameters are those of the state, but
        noise on the parameters is not noise on the state. ``"invariants"``: functions of the parameters on which gradient steps close, and
        neither momentum nor noise. ``"masses"`` of a measure, which must not become negative: no momentum, no
        noise.
    frozen : tuple of slice
        Where the state has parameters that do not learn: their velocity is 0, and noise and decay leave them alone.
    threads : {"gemm", "block"}
        ``"block"`` limits BLAS to one thread for the whole solve: for parallel loops of its own, or for matrices too small for threads.

    Examples
    --------
    A model of one's own, linear regression, with its problem:

    >>> import infwidth as iw
    >>> from infwidth.solvers import Evaluation, Problem
    >>> class Line(Problem):
    ...     coordinates = "parameters"
    ...
    ...     def __init__(self, data):
    ...         self.data = data
    ...
    ...     def start(self):
    ...         return np.zeros(self.data.X.shape[1])
    ...
    ...     def evaluate(self, state, velocity=None, *, step=1, rows=None):
    ...         X, _ = self.data.rows(rows)
    ...         outputs = self.predict(state, X)
    ...         loss, gradient = self.data.judge(outputs, rows)
    ...         if velocity is not None:
    ...             velocity[:] = -X.T @ gradient[:, 0]
    ...         return Evaluation(loss, outputs)
    ...
    ...     def predict(self, state, X):
    ...         return (X @ state)[:, None]
    >>> class Regression:
    ...     def bind(self, data, rng):
    ...         return Line(data)
    >>> X, y = np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([1.0, 3.0])
    >>> for method in (iw.HeavyBall(0.5, 1.0, 100), iw.GradientFlow(50.0)):  # minibatches and noise too
    ...     iw.solve(Regression(), X, y, method).state.round(3)
    array([1., 2.])
    array([1., 2.])
    """

    data: Data | None
    coordinates: ClassVar[Coordinates]
    frozen: tuple[slice, ...] = ()
    threads: ClassVar[Literal["gemm", "block"]] = "gemm"

    def start(self) -> Array:
        """A fresh copy of the initial state, shape (p,)."""
        ...

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        """Loss and outputs at ``state`` (p,); writes the velocity (p,) if one is given.

        ``step`` is the number of the step, for a special first one; ``rows`` a minibatch: indices of samples, or what
        :meth:`~infwidth.solvers.Population.sample` gave. ValueError where the problem has none.
        """
        ...

    def predict(self, state: Array, X: Array) -> Array:
        """Outputs (n', k) of a ``state`` (p,) at inputs ``X`` (n', d)."""
        ...


@runtime_checkable
class Causal(Protocol):
    """A limit whose state is its own history: one call of ``extend`` per step.

    Attributes
    ----------
    data : Data or None
    threads : {"gemm", "block"}
    """

    data: Data | None
    threads: ClassVar[Literal["gemm", "block"]] = "gemm"

    def extend(self, weights: Array) -> Evaluation:
        """Append one time. ``weights`` (s,): coefficient of the gradient of each past step in today's parameters."""
        ...

    def predict(self, state: Any, X: Array) -> Array:
        """Outputs (n', k) of the newest time at inputs ``X`` (n', d); ``state`` is the problem itself."""
        ...

    def history(self, times: int | None = None) -> Snapshot:
        """What ``restore`` needs to go on after the first ``times`` times, or after all."""
        ...

    def restore(self, history: Snapshot) -> None:
        """Take over a history."""
        ...


@runtime_checkable
class Model(Protocol):
    """A specification that data can be bound to."""

    def bind(self, data: Data | None, rng: np.random.Generator) -> Problem | Causal:
        """The problem of this model on those data; on its own population where ``data`` is None.

        ``rng`` draws what is random in the start. ValueError or TypeError where model and data do not fit.
        """
        ...


# Methods


@runtime_checkable
class Method(Protocol):
    """A way to follow a problem through time.

    Attributes
    ----------
    discrete : bool
        Whether ``save_at`` counts steps or times.
    end : int or float
        Last step of a discrete method, last time of a flow.
    resumable : bool
        Whether a checkpoint can be resumed to the same bits.
    draws : bool
        Whether its steps draw samples or noise.
    """

    discrete: ClassVar[bool]

    @property
    def end(self) -> float: ...

    @property
    def resumable(self) -> bool:
        return True

    @property
    def draws(self) -> bool:
        return False

    def trajectory(self, problem: Any, rng: np.random.Generator, resume: Snapshot | None = None) -> Iterator[Point]:
        """Yield every step of the problem, the start included.

        ``rng`` draws minibatches and noise. ``resume`` is ``{"step", "t", "state", **memory}`` of an earlier point. ValueError where the
        problem lacks an ability that the method needs.
        """
        ...

    def gentler(self, sharpness: Callable[[], float] | None) -> str:
        """What to change so that a run that diverged does not; ``sharpness()`` measures the largest curvature at the start, where it can
        be measured."""
        ...


@runtime_checkable
class Refining(Method, Protocol):
    """A flow that estimates its error by a second run.

    Attributes
    ----------
    estimate_error : bool
    """

    estimate_error: bool

    def second(self, steps: int) -> Method:
        """The flow of the second run, where the first took that many steps; on a coarser grid where the problem is :class:`Refinable`."""
        ...

    @property
    def unseen(self) -> float:
        """Difference to the second run below which that says nothing of the error."""
        return 0.0


@runtime_checkable
class Rescaled(Method, Protocol):
    """A method whose steps carry other powers of the width than the gradient: the limit that networks know of themselves is not theirs.

    Attributes
    ----------
    other_limit : str
        Why, and what to give instead.
    """

    other_limit: ClassVar[str]
