"""One function at many points, here or on an executor: what Ctrl-C, errors and lost workers do to the others."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from ..machine.blas_threads import one_blas_thread
from ..machine.executors import submit
from ..machine.work import Watch
from ..running.interrupt import DeferredInterrupt, study

__all__ = ["Keep", "compute"]

Parameters = dict[str, Any]
Keep = Callable[[int, Any], None]


def compute(
    function: Callable[..., Any], points: Mapping[int, Parameters], executor: Executor | None, keep: Keep, fail: Keep | None = None
) -> None:
    """Call ``keep(i, function(**points[i]))`` for every i.

    Where the function raises, ``fail(i, error)`` is called, if there is one; otherwise the first error is raised once the points that are
    running have ended, and those that have not started are cancelled. So it is with Ctrl-C: a point that it cuts short is not kept, those
    in other threads or processes may end, and pressed again it stops at once.
    """
    if executor is None:
        _here(function, points, keep, fail)
    else:
        _elsewhere(function, points, executor, keep, fail)


def _watch(points: Mapping[int, Parameters]) -> Watch:
    return Watch("points", len(points), "of them", "give fewer, or let them run: what has ended by Ctrl-C is kept, by resume= on the disk")


def _here(function: Callable[..., Any], points: Mapping[int, Parameters], keep: Keep, fail: Keep | None) -> None:
    watch = _watch(points)
    for done, (i, point) in enumerate(points.items()):
        watch.look(done)
        try:
            with study() as run:
                value = function(**point)
        except BaseException as error:
            error.add_note(_where(point))
            if fail is None or not isinstance(error, Exception):
                raise
            fail(i, error)
            continue
        with DeferredInterrupt() as interrupt:
            keep(i, value)
        if run.interrupted or interrupt.requested:
            raise KeyboardInterrupt(f"after the point {point}")


@dataclass(frozen=True)
class _Point:
    """The function, on its way to a worker."""

    function: Callable[..., Any]

    def __call__(self, **point: Any) -> Any:
        with study():
            try:
                return self.function(**point)
            except Exception as error:
                if multiprocessing.parent_process() is None:
                    raise
                raise _portable(error) from None


def _portable(error: Exception) -> Exception:
    """The error as another process can take it: one that cannot be put together again there would end the pool, and all that runs in it."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        other = error if vars(error).pop("solution", None) is not None else RuntimeError(f"{type(error).__name__}: {error}")
    for note in () if other is error else getattr(error, "__notes__", ()):
        other.add_note(note)
    return _portable(other)


def _elsewhere(function: Callable[..., Any], points: Mapping[int, Parameters], executor: Executor, keep: Keep, fail: Keep | None) -> None:
    futures: dict[Future[Any], int] = {}
    stop: BaseException | None = None
    done: SimpleQueue[Future[Any] | None] = SimpleQueue()  # as_completed would wait for ever for futures that a shutdown has cancelled
    with DeferredInterrupt(wake=lambda: done.put(None)) as interrupt, one_blas_thread():
        try:
            with interrupt.breakable():
                for i, point in points.items():
                    futures[future := submit(executor, _Point(function), **point)] = i
                    future.add_done_callback(done.put)
                left, watch = len(futures), _watch(points)
                while left:
                    watch.look(len(futures) - left)
                    if interrupt.requested and stop is None:
                        stop = KeyboardInterrupt("the points that were running have ended, the others were not started")
                        _cancel(futures)
                    if (ended := done.get()) is None:  # Ctrl-C
                        continue
                    left -= 1
                    if ended.cancelled():
                        continue
                    error = ended.exception()
                    if error is None:
                        keep(futures[ended], ended.result())
                        continue
                    error.add_note(_where(points[futures[ended]]))
                    if fail is not None and isinstance(error, Exception) and not isinstance(error, BrokenExecutor):
                        fail(futures[ended], error)
                    elif stop is None:
                        stop = error
                        _cancel(futures)
        except BaseException as error:  # the pool broke while points were handed to it, a result cannot be stored, Ctrl-C again
            _cancel(futures)
            stop = stop or error
    if isinstance(stop, BrokenExecutor):
        stop.add_note(
            "infwidth: a worker died; if they were forked from a process that had run parallel loops, give the pool "
            'mp_context=multiprocessing.get_context("spawn")'
        )
    if stop is not None:
        raise stop
    if lost := [points[i] for future, i in futures.items() if future.cancelled()]:
        raise CancelledError(f"executor: cancelled {len(lost)} points of the sweep, the first {lost[0]}; keep it open, and resume")


def _cancel(futures: Iterable[Future[Any]]) -> None:
    for future in futures:
        future.cancel()


def _where(point: Parameters) -> str:
    return f"infwidth: at the point {point} of the sweep"
