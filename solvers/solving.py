"""One loop for every model and method: record, report, checkpoint, stop."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import checkpoint as checkpoints
from .checks import array, real
from .data import Data
from .losses import Loss
from .machine.blas_threads import one_blas_thread
from .problem import Causal, MethodFailed, Point
from .running.interrupt import DeferredInterrupt
from .running.recorder import Observable, Recorder, RecordFull, check_save_at
from .running.stability import gentler_rate
from .solution import Solution

__all__ = ["solve"]

DIVERGED = 1e6  # times max(1, first loss)


def solve(
    model: Any,
    X: Any = None,
    y: Any = None,
    method: Any = None,
    *,
    loss: str | Loss = "squared",
    X_test: Any = None,
    rng: int | np.random.Generator | np.random.SeedSequence | None = None,
    save_at: Any = None,
    observables: Mapping[str, Observable] | None = None,
    callback: Callable[[Point], Any] | None = None,
    progress: bool = False,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 30.0,
) -> Solution:
    r"""Follow a model through training.

    Parameters
    ----------
    model : Model
        A finite :class:`~infwidth.limits.Network` or a limit.
    X : array_like, shape (n, d), optional
        Training inputs, one row per sample. float32 is kept, everything else becomes float64. None for a model that has a population of
        its own.
    y : array_like, shape (n,) or (n, k)
        Targets, see :mod:`infwidth.solvers.losses`.
    method : Method
        For example ``GradientDescent(learning_rate=0.1, steps=100)``.
    loss : {"squared", "logistic", "cross_entropy"} or Loss
        Mean over samples; the squared loss is :math:`\tfrac12\|f - y\|^2`.
    X_test : array_like, shape (n', d), optional
        Inputs at which the outputs are recorded too, in ``sol.test_outputs``; ``sol.error`` then covers them.
    rng : int, Generator or SeedSequence, optional
        The model and the method draw from two independent streams of it. The same seed gives the same run.
    save_at : sequence, optional
        Steps (discrete methods) or times (flows) to record. Default: every step, refused above 256 MB.
    observables : dict of callables, optional
        ``name: f(t, state, problem)``, recorded in ``sol.observables[name]``. They must not change the state. One with a true attribute
        ``needs_memory`` is also given ``memory=``, what the method carries beside the state (the momentum of heavy ball).
    callback : callable, optional
        Called with every :class:`~infwidth.solvers.Point`; a true return value stops the run.
    progress : bool
        Show a progress bar.
    checkpoint : path, optional
        Written every ``checkpoint_seconds``, on Ctrl-C and at the end. If the file is there, the run goes on from it, to the same
        bits as an undisturbed run; a finished one is returned at once.
    checkpoint_seconds : float
        0 writes at every step.

    Returns
    -------
    Solution
        Partial, with ``success=False`` and what to do in ``message``, where the run diverged or was interrupted by Ctrl-C.

    Raises
    ------
    ValueError
        Where an argument is not valid, or ``checkpoint`` belongs to another run. An error raised by a callback or an observable carries the
        partial Solution in its attribute ``solution``.

    Examples
    --------
    >>> import infwidth as iw
    >>> limit = iw.DeepLinearMuP(hidden_layers=2)
    >>> sol = iw.solve(limit, [[1.0]], [2.0], iw.GradientDescent(learning_rate=0.05, steps=40), save_at=[0, 40])
    >>> sol.t, sol.outputs.ravel().round(2)
    (array([0., 2.]), array([0., 2.]))
    """
    _check_parts(model, method)
    data = None if X is None and y is None else _check_data(X, y, loss, X_test)
    if data is not None:
        X_test = data.X_test
    elif X_test is not None:
        X_test = array("X_test", X_test)
    saved = check_save_at(save_at, method)
    checkpoint_seconds = real("checkpoint_seconds", checkpoint_seconds, least=0)
    observables = dict(observables or {})
    for name, value in (("callback", callback), *((f"observables[{k!r}]", v) for k, v in observables.items())):
        if value is not None and not callable(value):
            raise TypeError(f"{name}: need a function, got {type(value).__name__}")
    file = None if checkpoint is None else _CheckpointFile(checkpoint, checkpoint_seconds, method, rng)
    if file is not None:
        file.identify(
            model=model, method=method, data=X_test if data is None else data, rng=_identity(rng), save_at=saved, observables=observables
        )
    model_rng, method_rng = _streams(rng)
    problem = model.bind(data, model_rng)
    if data is None and X_test is not None:
        array("X_test", X_test, columns=getattr(problem, "input_dim", None))
    recorder = Recorder(
        problem,
        saved,
        discrete=method.discrete,
        steps=getattr(method, "steps", None),
        X_test=X_test,
        observables=observables,
    )
    run = _Run(problem, method, recorder, file, callback)
    pool = one_blas_thread() if getattr(problem, "threads", None) == "block" else contextlib.nullcontext()
    with pool, np.errstate(over="ignore", under="ignore", invalid="ignore"), _bar(progress, method) as bar:
        run.go(method_rng, bar)
        solution = run.solution()
        if solution.success and getattr(method, "estimate_error", False):
            try:
                of_stepper = _refinement_error(problem, method, method_rng, solution, X_test)
            except (KeyboardInterrupt, MethodFailed) as error:
                of_stepper = None
                solution.message += f"; the error estimate was not finished ({str(error) or 'interrupted by Ctrl-C'})"
                solution.stats["interrupted"] = isinstance(error, KeyboardInterrupt)
            if of_stepper is not None:
                solution.error = of_stepper if solution.error is None else solution.error + of_stepper
    return solution


class _Run:
    """State of one solve while it goes."""

    def __init__(
        self,
        problem: Any,
        method: Any,
        recorder: Recorder,
        file: _CheckpointFile | None,
        callback: Callable[[Point], Any] | None,
    ) -> None:
        self.problem, self.method, self.recorder, self.file, self.callback = problem, method, recorder, file, callback
        self.point: Point | None = None
        self.state: Any = None
        self.steps = 0
        self.ceiling: float | None = None
        self.success, self.message = True, "finished"
        self.stopped = self.interrupted = False
        self.began = time.perf_counter()

    def go(self, rng: np.random.Generator, bar: Any) -> None:
        resume = None
        if self.file is not None and (stored := self.file.load()) is not None:
            self.recorder.restore(stored["record"])
            if stored["finished"]:
                self._take_over(stored)
                return
            resume, self.ceiling = stored["resume"], stored["ceiling"]
        with DeferredInterrupt() as interrupt:
            try:
                self._follow(self.method.trajectory(self.problem, rng, resume), interrupt, bar)
            except KeyboardInterrupt:
                self.state = None
                self._stop(f"interrupted inside the step after step {self.steps}: the record is whole, there is no state", interrupted=True)
            except (MethodFailed, RecordFull) as error:
                if self.point is None:
                    raise
                self._stop(str(error))
            except Exception as error:
                if self.point is not None:
                    error.solution = self.solution()  # type: ignore[attr-defined]
                    error.add_note(f"infwidth: what was computed until step {self.steps} is in the attribute `solution` of this error")
                raise
        if not self.stopped and self.file is not None and self.point is not None:
            self.file.finish(self.recorder, self.problem, self.point)

    def _take_over(self, stored: dict[str, Any]) -> None:
        """The end of a finished run."""
        self.steps = int(stored["steps"])
        if "history" in stored:
            self.problem.restore(stored["history"])
            self.state = self.problem
        else:
            self.state = stored["state"]

    def _stop(self, message: str, success: bool = False, interrupted: bool = False) -> None:
        self.stopped, self.success, self.message, self.interrupted = True, success, message, interrupted

    def _follow(self, trajectory: Iterator[Point], interrupt: DeferredInterrupt, bar: Any) -> None:
        record, file, callback = self.recorder.record, self.file, self.callback
        for point in trajectory:
            if self.ceiling is None:
                self.ceiling = DIVERGED * max(1.0, point.loss)
            if not point.loss < self.ceiling:
                self._diverged(point)
                return
            record(point)
            self.point, self.state, self.steps = point, point.state, point.step
            if bar is not None:
                bar(point)
            if interrupt.requested:
                self._stop(f"interrupted by Ctrl-C at step {point.step}", interrupted=True)
            elif callback is not None and callback(point):
                self._stop(f"stopped by the callback at step {point.step}", success=True)
            if file is not None and (self.stopped or file.due()):
                file.save(self.recorder, point, self.ceiling)
            if self.stopped:
                return

    def _diverged(self, point: Point) -> None:
        if point.state is self.state:  # moved in place: the last good one is gone
            self.state = None
        what = f"loss = {point.loss:g}" if math.isfinite(point.loss) else "the loss is not finite"
        if self.point is None:
            way_out = "this is the start, so rescale X, y or the initial weights"
        else:
            way_out = gentler_rate(self.problem, self.method)
        self._stop(f"diverged at step {point.step} (t = {point.t:g}): {what}; {way_out}")

    def solution(self) -> Solution:
        arrays = self.recorder.arrays()
        batch_loss = arrays.pop("batch_loss")
        stats: dict[str, Any] = {
            "steps": self.steps,
            "seconds": time.perf_counter() - self.began,
            "interrupted": self.interrupted,
        }
        if batch_loss.size:
            stats["batch_loss"] = batch_loss
        return Solution(**arrays, state=self.state, success=self.success, message=self.message, stats=stats, problem=self.problem)


class _CheckpointFile:
    """The checkpoint of one run: whose it is, when it is due, what is in it."""

    def __init__(self, path: str | os.PathLike[str], seconds: float, method: Any, rng: Any) -> None:
        if rng is None:
            raise ValueError("rng: a run that can be resumed needs a seed; give rng an integer")
        if not getattr(method, "resumable", True):
            raise ValueError(f"checkpoint: {method!r} cannot be resumed to the same bits; use an explicit stepper such as RK45")
        self.path, self.seconds = Path(path), seconds
        self.last = time.monotonic()
        self.prints: dict[str, str] = {}

    def identify(self, **parts: Any) -> None:
        self.prints = {name: checkpoints.fingerprint(part) for name, part in parts.items()}

    def load(self) -> dict[str, Any] | None:
        if not self.path.exists():
            return None
        stored = checkpoints.read(self.path)
        if stored.get("kind") != "checkpoint":
            raise ValueError(f"checkpoint: {str(self.path)!r} is not a checkpoint; give another path")
        other = [name for name, digest in self.prints.items() if stored["prints"].get(name) != digest]
        if other:
            raise ValueError(
                f"checkpoint: {str(self.path)!r} belongs to a run with another {', '.join(other)}; give another path or delete the file"
            )
        return stored

    def due(self) -> bool:
        return time.monotonic() - self.last >= self.seconds

    def save(self, recorder: Recorder, point: Point, ceiling: float) -> None:
        resume = {"step": point.step, "t": point.t, **point.memory()}
        if not isinstance(point.state, Causal):
            resume["state"] = point.state
        self._write(recorder, finished=False, resume=resume, ceiling=ceiling)

    def finish(self, recorder: Recorder, problem: Any, point: Point) -> None:
        end = {"history": problem.history(point.step + 1), "state": None} if isinstance(problem, Causal) else {"state": point.state}
        self._write(recorder, finished=True, steps=point.step, **end)

    def _write(self, recorder: Recorder, **content: Any) -> None:
        checkpoints.write(self.path, {"kind": "checkpoint", "prints": self.prints, "record": recorder.snapshot(), **content})
        self.last = time.monotonic()


def _check_parts(model: Any, method: Any) -> None:
    if not hasattr(model, "bind"):
        raise TypeError(f"model: need a network or a limit, got {type(model).__name__}; for example DeepLinearMuP(hidden_layers=2)")
    if not hasattr(method, "trajectory") or isinstance(method, type):
        raise TypeError(f"method: need a method, got {method!r}; for example GradientDescent(learning_rate=0.1, steps=100)")


def _check_data(X: Any, y: Any, loss: str | Loss, X_test: Any) -> Data:
    if X is None:
        raise ValueError("X: is missing although y was given; give the training inputs")
    return Data.check(X, y, loss, X_test)


def _streams(rng: Any) -> tuple[np.random.Generator, np.random.Generator]:
    """Independent generators for the model and for the method."""
    if isinstance(rng, np.random.Generator):
        return tuple(rng.spawn(2))  # type: ignore[return-value]
    if isinstance(rng, np.random.SeedSequence):
        rng = np.random.SeedSequence(rng.entropy, spawn_key=rng.spawn_key)  # spawning counts: leave the caller's sequence as it was
    elif rng is not None:
        if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
            raise ValueError(f"rng: need a non-negative integer, a Generator or a SeedSequence, got {rng!r}")
        rng = np.random.SeedSequence(int(rng))
    else:
        rng = np.random.SeedSequence()
    return tuple(np.random.default_rng(child) for child in rng.spawn(2))  # type: ignore[return-value]


def _identity(rng: Any) -> tuple[Any, ...]:
    """What decides the two streams: equal for an integer and the SeedSequence of it."""
    if isinstance(rng, np.random.Generator):
        seeds = rng.bit_generator.seed_seq
        return "generator", str(seeds.entropy), str(seeds.spawn_key), seeds.n_children_spawned  # type: ignore[attr-defined]
    if isinstance(rng, np.random.SeedSequence):
        return "seed", str(rng.entropy), str(rng.spawn_key)
    return "seed", str(rng), str(())


@contextlib.contextmanager
def _bar(progress: bool, method: Any) -> Iterator[Callable[[Point], None] | None]:
    if not progress:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=method.steps if method.discrete else method.t_end, unit="step" if method.discrete else "t") as bar:

        def show(point: Point) -> None:
            bar.update((point.step if method.discrete else point.t) - bar.n)
            bar.set_postfix_str(f"loss {point.loss:.3g}", refresh=False)

        yield show


def _refinement_error(problem: Any, method: Any, rng: np.random.Generator, fine: Solution, X_test: np.ndarray | None) -> np.ndarray | None:
    """Largest difference of the outputs, at training and test points and up to each saved time, from the same flow at looser tolerances
    or on a coarser grid; of the loss where there are no outputs.

    Up to: the difference of two runs passes through zero now and then, and would claim too much there.
    """
    if not len(fine.t):
        return None
    if hasattr(problem, "coarser"):  # a grid
        problem = problem.coarser()
    coarse = Recorder(problem, list(dict.fromkeys(fine.t.tolist())), discrete=False, X_test=X_test)
    for point in method.coarser().trajectory(problem, rng):
        coarse.record(point)
        if coarse.complete:
            break
    rough = coarse.arrays()
    pairs = [(rough["outputs"], fine.outputs)] + ([] if fine.test_outputs is None else [(rough["test_outputs"], fine.test_outputs)])
    gaps = [np.abs(coarser - finer).max(axis=(1, 2)) for coarser, finer in pairs if finer.size]
    difference = np.max(gaps or [np.abs(rough["loss"] - fine.loss)], axis=0)
    return np.maximum.accumulate(difference)
