"""Many points: errors and Ctrl-C at one of them, here and on executors."""

import itertools
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.studies.points import _Point, _portable, compute

X, Y = np.eye(2), np.array([1.0, -1.0])
NET = iw.Network(2, 1, 8, "tanh", iw.Parameterization.mup(1))
POINTS = {i: {"x": i} for i in range(6)}


def run(function, executor=None, fail=None):
    kept = {}
    try:
        return kept, compute(function, POINTS, executor, kept.__setitem__, fail)
    except BaseException as error:
        return kept, error


def fragile(x):
    if x in (2, 4):
        raise RuntimeError(f"no {x}")
    return -x


def test_goes_on_after_errors_where_it_is_told_to():
    for executor in (None, ThreadPoolExecutor(2)):
        failures = {}
        kept, _ = run(fragile, executor, failures.__setitem__)
        assert kept == {0: 0, 1: -1, 3: -3, 5: -5}
        assert {i: str(error) for i, error in failures.items()} == {2: "no 2", 4: "no 4"}
        assert "{'x': 2}" in failures[2].__notes__[0]
    kept, error = run(fragile)
    assert kept == {0: 0, 1: -1} and str(error) == "no 2"


def test_ctrl_c_in_a_solve_is_not_taken_for_a_result():
    def press(x):
        def at_step_five(point):
            if x == 3 and point.step == 5:
                signal.raise_signal(signal.SIGINT)

        return iw.solve(NET, X, Y, iw.GradientDescent(0.1, 20), rng=x, callback=at_step_five).stats["steps"]

    kept, error = run(press)
    assert kept == {0: 20, 1: 20, 2: 20}
    assert type(error) is KeyboardInterrupt
    assert error.solution.stats["steps"] == 6 and not error.solution.success
    failures = {}
    kept, error = run(press, fail=failures.__setitem__)
    assert failures == {} and type(error) is KeyboardInterrupt
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_too_late_for_a_solve_keeps_its_result_and_stops():
    def press(x):
        return iw.solve(NET, X, Y, iw.GradientDescent(0.1, 5), rng=x, callback=lambda point: x == 1 and point.step == 5 and last()).success

    def last():  # the run has ended when it is noticed
        signal.raise_signal(signal.SIGINT)
        return False

    kept, error = run(press)
    assert kept == {0: True, 1: True} and type(error) is KeyboardInterrupt


def test_a_result_without_its_error_estimate_is_none(monkeypatch):
    """Ctrl-C in the second run of a flow: what the point would return without it is not kept as its result."""
    from infwidth.solvers import solving

    estimate = solving.refinement_error
    flow = lambda x: iw.solve(NET, X, Y, iw.GradientFlow(0.5), rng=x, save_at=[0.5]).error is None  # noqa: E731

    def press_at(seed):
        def pressed(*args):
            if seed == runs.pop(0):
                signal.raise_signal(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
            return estimate(*args)

        return pressed

    runs = list(range(6))
    monkeypatch.setattr(solving, "refinement_error", press_at(2))
    kept, error = run(flow)
    assert kept == {0: False, 1: False} and type(error) is KeyboardInterrupt
    assert error.solution.success and error.solution.error is None and error.solution.stats["interrupted"]
    runs = [0]
    monkeypatch.setattr(solving, "refinement_error", press_at(0))
    assert flow(0)  # by itself it returns what there is


class OfTwo(Exception):
    """Cannot be put together again from its message alone."""

    def __init__(self, one, two):
        super().__init__(one)


def of_two(x):
    raise OfTwo("one", "two")


def test_any_error_comes_back_from_another_process():
    """One that cannot would end the pool, and the points in it, and hide what happened."""
    script = Path(__file__).with_name("error_runs.py")
    path = os.pathsep.join([str(Path(iw.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, timeout=120)
    assert done.stdout.splitlines() == ["[0, 2, 3] RuntimeError: OfTwo: one", "[0, 2, 3] RuntimeError: mine"], done.stderr


def test_errors_are_left_as_they_are_where_they_can_travel():
    error = ValueError("x")
    error.add_note("a note")
    assert _portable(error) is error
    bad = OfTwo("one", "two")
    bad.add_note("a note")
    assert str(_portable(bad)) == "OfTwo: one" and _portable(bad).__notes__ == ["a note"]
    with pytest.raises(OfTwo):  # in this process
        _Point(of_two)(x=1)


def test_ctrl_c_while_a_result_is_kept_is_deferred():
    kept = {}

    def keep(i, value):
        if i == 1:
            signal.raise_signal(signal.SIGINT)
        kept[i] = value

    with pytest.raises(KeyboardInterrupt):
        compute(abs_of, POINTS, None, keep)
    assert kept == {0: 0, 1: 1}


def abs_of(x):
    return abs(x)


def test_ctrl_c_with_threads_waits_for_what_runs_and_cancels_the_rest():
    def slow(x):
        if x == 0:
            pressed.set()
            released.wait(20)
        time.sleep(0.2)
        return x

    pressed, released = threading.Event(), threading.Event()

    def press():
        pressed.wait(20)
        os.kill(os.getpid(), signal.SIGINT)
        released.set()

    threading.Thread(target=press).start()
    with ThreadPoolExecutor(1) as pool:
        kept, error = run(slow, pool)
    assert type(error) is KeyboardInterrupt
    assert kept[0] == 0 and 5 not in kept


@pytest.mark.parametrize("threads", [0, 1])
def test_points_that_take_days_are_told_of_once(threads, monkeypatch):
    times = itertools.count(0.0, 3e4)
    monkeypatch.setattr("infwidth.solvers.machine.work.time", SimpleNamespace(perf_counter=lambda: next(times)))
    found = {}
    with warnings.catch_warnings(record=True) as told, ThreadPoolExecutor(1) if threads else nullcontext() as pool:
        warnings.simplefilter("always")
        compute(lambda a: a, {i: {"a": i} for i in range(50)}, pool, found.__setitem__)
    assert found == {i: i for i in range(50)}
    (one,) = [str(line.message) for line in told]
    assert re.match(r"points: at the pace of the last 8.3 hours \(1 of them\) the rest takes 1[67] days; give fewer, or let them run", one)
