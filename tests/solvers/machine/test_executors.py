"""Executors that take no more tasks, in every place that hands them some."""

from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import kernels
from infwidth.solvers.machine.executors import submit

X, Y = np.eye(2), np.array([1.0, -1.0])
LIMIT = iw.DeepLinearMuP(1)
NETS = [iw.Network(2, 1, width, "linear", iw.Parameterization.mup(1)) for width in (4, 8)]
KERNEL = kernels.serial(kernels.Dense(1.0), kernels.Elementwise("relu"), kernels.Dense(1.0))


def closed(kind):
    pool = kind(1)
    pool.shutdown()
    return pool


class Raising(Executor):
    def __init__(self, error):
        self.error = error

    def submit(self, function, /, *args, **kwargs):
        raise self.error


def test_a_task_of_an_open_one_is_run():
    with ThreadPoolExecutor(1) as pool:
        assert submit(pool, divmod, 7, 2).result() == (3, 1)
        assert submit(pool, dict, executor=1, function=2).result() == {"executor": 1, "function": 2}


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
@pytest.mark.parametrize(
    "call",
    [
        lambda pool: submit(pool, abs, 1),
        lambda pool: iw.sweep(abs, {"x": [1, 2]}, pool),
        lambda pool: iw.compare(LIMIT, NETS, X, Y, iw.GradientDescent(0.1, 2), seeds=2, executor=pool),
        lambda pool: KERNEL(X, executor=pool),
    ],
    ids=["submit", "sweep", "compare", "kernel"],
)
def test_one_that_was_shut_down_is_refused_with_the_way_out(kind, call):
    with pytest.raises(ValueError, match=r"^executor: has been shut down .*; give one that is open, inside its with block"):
        call(closed(kind))


@pytest.mark.parametrize("error", [BrokenExecutor("after shutdown of a worker"), RuntimeError("can't start new thread")])
def test_other_errors_stay_what_they_are(error):
    with pytest.raises(RuntimeError) as caught:
        submit(Raising(error), abs, 1)
    assert caught.value is error
