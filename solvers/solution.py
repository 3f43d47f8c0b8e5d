"""What a solve returns."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from . import checkpoint
from .checks import array, integer, shown
from .checks import path as checked_path
from .figures import draw
from .files.replacing import check_writable
from .problem import Causal, Problem
from .running.outlook import predict_in_time
from .running.saved_solution import check_solution, probe, take_up

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Solution"]

Array = np.ndarray


@dataclass
class Solution:
    """A trajectory of a model under a method.

    Attributes
    ----------
    t : ndarray, shape (T,)
        Saved times, in the method's unit.
    step : ndarray of int, shape (T,)
        Step of the method at, or just after, each saved time.
    loss : ndarray, shape (T,)
        Mean loss on all training data.
    outputs : ndarray, shape (T, n, k)
    test_outputs : ndarray, shape (T, n', k), or None
    observables : dict of ndarray, each of shape (T, ...)
    state : ndarray, shape (p,), or the causal problem itself, or None
        Where the run ended (the last step, saved or not). None where a diverging or interrupted step spoilt it.
    error : ndarray, shape (T,), or None
        Estimate of our own numerical error, of any entry of ``outputs`` and ``test_outputs`` (of the loss where there are neither): that
        of an adaptive flow up to each time, by a second run at other tolerances or by two on coarser grids; plus, for systems in replicas,
        the Monte-Carlo bound that holds at all training and test points at once with 95%. None where there is none beyond rounding or it
        cannot be told.
    covariance : ndarray, shape (T, n + n', k, n + n', k), or None
        Where the limit itself is random, the covariance of its outputs, at the training points and then at the test points, estimated from
        its replicas; ``outputs`` are then their mean over draws, and ``loss`` is the mean of their losses. None for one draw.
    covariance_error : ndarray, shape (T,), or None
        Statistical error of ``covariance`` at each time: a bound that holds in all its entries at once with 95%.
    success : bool
        Whether the run reached its end (or was stopped by the callback).
    message : str
        How it ended, and what to change if it failed.
    stats : dict
        ``steps``, ``seconds``, ``interrupted`` (by Ctrl-C); ``batch_loss`` (steps + 1,) for minibatches.
    problem : Problem, Causal or None
        None after :meth:`load` without a problem.

    Examples
    --------
    >>> import infwidth as iw
    >>> sol = iw.solve(iw.DeepLinearMuP(1), [[1.0]], [2.0], iw.GradientDescent(0.1, steps=3))
    >>> sol
    Solution(success=True, T=4, t=[0, 0.3], loss 2 -> 0.446419: finished)
    """

    t: Array
    step: Array
    loss: Array
    outputs: Array
    test_outputs: Array | None = None
    observables: dict[str, Array] = field(default_factory=dict)
    state: Any = None
    error: Array | None = None
    covariance: Array | None = None
    covariance_error: Array | None = None
    success: bool = True
    message: str = "finished"
    stats: dict[str, Any] = field(default_factory=dict)
    problem: Any = None

    def __repr__(self) -> str:
        span = f"t=[{self.t[0]:g}, {self.t[-1]:g}], loss {self.loss[0]:g} -> {self.loss[-1]:g}" if len(self.t) else "empty"
        return f"Solution(success={self.success}, T={len(self.t)}, {span}: {self.message})"

    def fingerprint_parts(self) -> Any:
        """What decides a Solution that a model or a function uses: not its seconds."""
        state = self.state.history() if isinstance(self.state, Causal) else self.state
        return self.t, self.loss, self.outputs, state, type(self.problem), None if self.problem is None else self.problem.data

    def predict(self, X: Any) -> Array:
        """Outputs at the end of the run, shape (n', k), at new inputs ``X`` of shape (n', d).

        ValueError where X does not fit, the run ended without a state, or the Solution was loaded without its problem.
        """
        if self.problem is None:
            raise ValueError(
                "problem: a loaded Solution cannot predict by itself; load it with "
                "problem=model.bind(infwidth.solvers.Data.check(X, y, loss), rng): model and data of the run, and a numpy Generator"
            )
        if self.state is None:
            raise ValueError(f"state: there is none at the end of this run ({self.message}); predict from a run that succeeds")
        data = self.problem.data
        X = array("X", X) if data is None else array("X", X, dtype=data.X.dtype, columns=data.X.shape[1])
        try:
            return predict_in_time(self.problem, self.state, X)
        except MemoryError as error:
            raise ValueError(f"X: {len(X)} points at once do not fit into memory ({error}); predict fewer of them at a time") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything but the problem to one .npz file (no pickle), atomically. The path is used as given."""
        check_writable("path", path)
        content = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in ("problem", "state")}
        content["history"] = self._history()
        content["state"] = None if content["history"] is not None else self.state
        content["probe"] = probe(self)
        checkpoint.write(path, {"kind": "solution", **content})

    def _history(self) -> Any:
        """The state where it is a history: of a causal problem, or as it was loaded without one."""
        if isinstance(self.state, Causal):
            return self.state.history()
        return self.state if isinstance(self.state, dict) else None

    @classmethod
    def load(cls, path: str | os.PathLike[str], problem: Any = None) -> Solution:
        """Read what :meth:`save` wrote.

        Parameters
        ----------
        path : path
        problem : Problem or Causal, optional
            ``model.bind(Data.check(X, y, loss), rng)`` of the same model and data, for :meth:`predict`. It is tried at inputs for which the
            file has outputs.

        Raises
        ------
        FileNotFoundError, ValueError
            Where there is no such file, it holds something else or contradicts itself, or the problem is of another model.
        """
        checked_path("path", path)
        if problem is not None and (isinstance(problem, type) or not isinstance(problem, Problem | Causal)):
            raise TypeError(
                f"problem: need a problem, got {shown(problem)}; for example model.bind(Data.check(X, y), numpy.random.default_rng(0))"
            )
        content = checkpoint.read(path, "solution")
        tried = content.pop("probe", None)
        history = content.get("history")
        try:
            check_solution(content)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise ValueError(f"path: {os.fspath(path)!r} is no whole Solution ({what:.120}); solve again and save anew") from error
        del content["history"]
        if history is not None:
            content["state"] = history
        if problem is not None:
            content["state"] = take_up(problem, content["state"], history, tried)
        return cls(**content, problem=problem)

    def plot(self, axes: Any = None, samples: int = 8) -> Figure:
        """Loss and outputs against time, and the density at the end where there is one.

        A colour is a sample, a line style an output; crosses are targets, grey lines are test points; bands are the standard deviation
        over draws where the limit is random, else the error.

        Parameters
        ----------
        axes : matplotlib Axes or sequence of them, optional
            One is for the loss alone; more for outputs and density.
        samples : int
            Number of samples whose outputs are drawn.

        Raises
        ------
        ValueError
            Where nothing was recorded, or ``samples`` is not a positive integer.
        """
        if not len(self.t):
            raise ValueError(f"t: nothing was recorded ({self.message}), so there is nothing to plot")
        samples = integer("samples", samples, least=1)
        return draw(self, axes, samples)
