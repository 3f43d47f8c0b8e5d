"""One function for every model and method."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from .abilities import NormalisedOnly, Population, Replicated
from .checks import array, flag, function, real, shown
from .data import Data
from .losses import Loss
from .machine.blas_threads import one_blas_thread
from .problem import Causal, Method, MethodFailed, Model, Point, Problem, Refining, Rescaled
from .running.checkpoint_file import CheckpointFile
from .running.error_estimate import refinement_error
from .running.given_start import begin_at
from .running.interrupt import DeferredInterrupt, current_study
from .running.loop import Run
from .running.outlook import refuse_endless
from .running.progress import progress_bar
from .running.recorder import NeedsMemory, Observable, Recorder, check_save_at
from .running.streams import identity, streams
from .solution import Solution

__all__ = ["solve"]


ONE_SYSTEM = "; sol.error is that of the steps in time: the Monte-Carlo error, which replicas tell, is not in it"

Seed = int | np.random.Generator | np.random.SeedSequence


def solve(
    model: Any,
    X: Any = None,
    y: Any = None,
    method: Any = None,
    *,
    loss: str | Loss = "squared",
    X_test: Any = None,
    rng: Seed | tuple[Seed, Seed] | None = None,
    start: Any = None,
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
    rng : int, Generator, SeedSequence, or a pair of them, optional
        The model and the method draw from two independent streams of it. The same seed gives the same run. A pair of seeds gives each its
        own: models of equal second seed see the same minibatches.
    start : ndarray, shape (p,), optional
        State to begin at, such as ``sol.state``, in place of the model's own start; time, momentum and the draws of the method begin anew.
        Give the ``rng`` of that run: what a model draws beside its state stays the same. Limits that follow their history, densities and
        models with one large first step refuse it. To follow a finished run for longer, bits and all, give it a ``checkpoint``, and then
        more steps.
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
        bits as an undisturbed run; a finished one is returned at once, or followed on where ``steps`` or ``t_end`` have grown (a flow
        within its tolerances, since it had cut its last step to end at the old ``t_end``).
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
    else:
        if not isinstance(loss, str) or loss != "squared":
            raise ValueError("loss: that of a model with a population of its own is the model's; leave loss out, or give X and y")
        if X_test is not None:
            X_test = array("X_test", X_test)
    saved = check_save_at(save_at, method)
    checkpoint_seconds = real("checkpoint_seconds", checkpoint_seconds, least=0)
    progress = flag("progress", progress)
    observables = _check_observers(observables, callback)
    file = None if checkpoint is None else CheckpointFile(checkpoint, checkpoint_seconds, method, rng)
    if file is not None:
        file.identify(saved, model=model, data=X_test if data is None else data, rng=identity(rng), observables=observables, start=start)
    model_rng, method_rng = streams(rng)
    problem = model.bind(data, model_rng)
    if not isinstance(problem, Problem | Causal):
        raise TypeError(f"model: bind must return a Problem, got {type(problem).__name__}; derive it from infwidth.solvers.Problem")
    if not isinstance(problem, Causal):
        _check_state(problem.start())
    if isinstance(problem, NormalisedOnly) and not isinstance(method, Rescaled):
        raise ValueError(f"method: {problem.no_gradients}")
    if start is not None:
        begin_at(problem, start)
    if data is None and X_test is not None:
        array("X_test", X_test, columns=problem.input_dim if isinstance(problem, Population) else None)
    refuse_endless(problem, method, saved, X_test, callback is not None)
    recorder = Recorder(
        problem,
        saved,
        discrete=method.discrete,
        steps=method.end if method.discrete else None,
        X_test=X_test,
        observables=observables,
    )
    run = Run(problem, method, recorder, file, callback)
    pool = one_blas_thread() if problem.threads == "block" else contextlib.nullcontext()
    whole = True
    with DeferredInterrupt() as interrupt:
        with pool, np.errstate(over="ignore", under="ignore", invalid="ignore"), progress_bar(progress, method) as bar:
            run.go(method_rng, bar, interrupt)
            solution = run.solution()
            if solution.success and isinstance(method, Refining) and method.estimate_error:
                whole = _add_error(solution, run, method, method_rng, X_test, interrupt)
    solution.stats["interrupted"] |= interrupt.requested
    point = current_study()
    if solution.stats["interrupted"] and point is not None:
        point.interrupted = True
        if not (solution.success and whole):  # not a result of the study
            error = KeyboardInterrupt(solution.message)
            error.solution = solution  # type: ignore[attr-defined]
            raise error
    return solution


def _check_state(state: Any) -> None:
    if not (isinstance(state, np.ndarray) and state.ndim == 1 and state.dtype.kind == "f"):
        raise TypeError(f"model: start() of its problem must return a vector of floats, got {shown(state)}")


def _add_error(solution: Solution, run: Run, method: Refining, rng: np.random.Generator, X_test: Any, interrupt: DeferredInterrupt) -> bool:
    """Estimate the error of a finished run; false where Ctrl-C cut that short."""
    alone = ONE_SYSTEM if solution.error is None and isinstance(run.problem, Replicated) else ""
    if run.stored_error is not None:
        solution.error = run.stored_error
        solution.message += alone
        return True
    of_stepper = None
    try:
        if interrupt.requested:
            raise KeyboardInterrupt
        with interrupt.breakable():
            of_stepper = refinement_error(run.problem, method, rng, solution, X_test, interrupt)
    except (KeyboardInterrupt, MethodFailed) as error:
        solution.message += f"; the error estimate was not finished ({str(error) or 'interrupted by Ctrl-C'})"
        solution.stats["interrupted"] = isinstance(error, KeyboardInterrupt)
    if of_stepper is not None:
        solution.error = of_stepper if solution.error is None else solution.error + of_stepper
        solution.message += alone
        run.keep_error(solution.error)
    return not solution.stats["interrupted"]


def _check_observers(observables: Any, callback: Any) -> dict[str, Any]:
    """The functions of the user, where they can be called with what they will be given."""
    if observables is not None and not isinstance(observables, Mapping):
        raise TypeError(f"observables: need a dict of functions by name, got {shown(observables)}")
    if callback is not None:
        function("callback", callback, "f(point), true to stop", arguments=1)
    for name, value in (observables or {}).items():
        needs_memory = isinstance(value, NeedsMemory) and value.needs_memory
        function(f"observables[{name!r}]", value, "f(t, state, problem)", arguments=None if needs_memory else 3)
    return dict(observables or {})


def _check_parts(model: Any, method: Any) -> None:
    if not isinstance(model, Model) or isinstance(model, type):
        raise TypeError(f"model: need a network or a limit, got {type(model).__name__}; for example DeepLinearMuP(hidden_layers=2)")
    if not isinstance(method, Method) or isinstance(method, type):
        raise TypeError(f"method: need a method, got {method!r}; for example GradientDescent(learning_rate=0.1, steps=100)")


def _check_data(X: Any, y: Any, loss: str | Loss, X_test: Any) -> Data:
    if X is None:
        raise ValueError("X: is missing although y was given; give the training inputs")
    return Data.check(X, y, loss, X_test)
