"""Sweeps: order, executors, resuming after an interruption, errors."""

import functools
import json
import os
import subprocess
import sys
import threading
import warnings
from concurrent.futures import CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import sweep

CALLS = []


def train(particles, seed):
    """Importable, for processes."""
    CALLS.append((particles, seed))
    sol = iw.solve(iw.TwoLayerMeanField("sin", particles), np.eye(2), [1.0, -1.0], iw.GradientDescent(0.5, 3), rng=seed)
    return {"loss": sol.loss[-1], "outputs": sol.outputs[-1], "label": f"{particles}"}


GRID = {"particles": [2, 3], "seed": [0, 1, 2]}


def test_what_is_shown_is_short():
    assert repr(sweep(lambda rate, seed: {"a": np.zeros(1000), 1: seed}, {"rate": range(50), "seed": [0, 1]})) == (
        "Sweep(50 x 2 points of rate, seed; results a, 1)"
    )


def test_grid_order_and_shapes():
    runs = sweep(train, GRID)
    assert runs.points[:4] == [
        {"particles": 2, "seed": 0},
        {"particles": 2, "seed": 1},
        {"particles": 2, "seed": 2},
        {"particles": 3, "seed": 0},
    ]
    assert runs["loss"].shape == (2, 3) and runs["outputs"].shape == (2, 3, 2, 1) and len(runs) == 6
    assert runs["loss"][1, 2] == train(3, 2)["loss"]
    assert [result["label"] for _, result in runs] == ["2"] * 3 + ["3"] * 3


def test_points_given_one_by_one():
    runs = sweep(lambda x, y=0: x + y, [{"x": 1}, {"x": 2, "y": 5}])
    np.testing.assert_array_equal(runs["value"], [1, 7])


def test_executors_give_the_same():
    here = sweep(train, GRID)
    with ThreadPoolExecutor(2) as pool:
        threads = sweep(train, GRID, pool)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        processes = sweep(json.loads, [{"s": "1"}, {"s": "[2, 3]"}], pool)
    np.testing.assert_array_equal(threads["outputs"], here["outputs"])
    assert [result["value"] for _, result in processes] == [1, [2, 3]]


@pytest.mark.parametrize("compiled", ["before", pytest.param("here", marks=pytest.mark.slow)])
def test_compiled_systems_on_executors_give_the_same_bits(compiled, tmp_path):
    """With two threads inside each point and four points at once, which have one BLAS thread each; the others are given back. Also where
    this process compiles and the other one finds it on disk."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    if compiled == "here":
        environment["NUMBA_CACHE_DIR"] = str(tmp_path)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(iw.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    script = Path(__file__).with_name("executor_runs.py")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=environment, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split("\n")[:3] == [
        "SortedAngles ThinEngine BlockEngine",
        "BLAS threads meanwhile: 1 and given back: True",
        "the same",
    ]


def abs_of(x):
    return abs(x)


def test_resumes_after_a_failure(tmp_path):
    """Finished points are read, not computed again; the failing point is named."""
    healthy, results = tmp_path / "healthy", tmp_path / "results"  # a captured flag would make it another function

    def fragile(particles, seed):
        if seed == 2 and not healthy.exists():
            raise RuntimeError("out of luck")
        return train(particles, seed)

    CALLS.clear()
    with pytest.raises(RuntimeError, match="out of luck") as failure:
        sweep(fragile, GRID, resume=results)
    assert "{'particles': 2, 'seed': 2}" in failure.value.__notes__[0]
    assert CALLS == [(2, 0), (2, 1)]
    healthy.touch()
    runs = sweep(fragile, GRID, resume=results)
    assert CALLS == [(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)]
    again = sweep(fragile, GRID, resume=results)
    assert len(CALLS) == 6
    np.testing.assert_array_equal(again["outputs"], runs["outputs"])
    np.testing.assert_array_equal(again["outputs"], sweep(train, GRID)["outputs"])


def test_failure_on_an_executor_keeps_what_finished(tmp_path):
    def fragile(x):
        if x == 0:
            raise RuntimeError("zero")
        return x

    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="zero"):
        sweep(fragile, {"x": [1, 2, 0, 3, 4]}, pool, resume=tmp_path)
    assert len(list(tmp_path.iterdir())) >= 2


def test_another_function_has_other_files(tmp_path):
    assert sweep(abs_of, {"x": [-3]}, resume=tmp_path)["value"].tolist() == [3]
    assert sweep(lambda x: 2 * x, {"x": [-3]}, resume=tmp_path)["value"].tolist() == [-6]
    assert len(list(tmp_path.iterdir())) == 2


def doubled(x, factor=2):
    return factor * x


class Scaled:
    def __init__(self, factor):
        self.factor = factor

    def times(self, x):
        return self.factor * x

    def __call__(self, x):
        return self.factor * x


def test_functions_of_one_name_have_other_files(tmp_path):
    """Lambdas by their code and what they captured, partials and bound methods by what is bound; each is found again."""

    def scale(factor):
        return lambda x: factor * x

    functions = {
        30: lambda x: 10 * x,
        -3: lambda x: -x,
        12: scale(4),
        15: scale(5),
        18: functools.partial(doubled, factor=6),
        21: functools.partial(doubled, factor=7),
        24: Scaled(8).times,
        27: Scaled(9).times,
        33: Scaled(11),
        36: Scaled(12),
    }
    for _ in range(2):
        for expected, function in functions.items():
            assert sweep(function, {"x": [3]}, resume=tmp_path)["value"].tolist() == [expected]
        assert len(list(tmp_path.iterdir())) == len(functions)


class Scripted(Executor):
    """Calls at once, but cancels the point 1."""

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        if kwargs == {"x": 1}:
            future.cancel()  # without notice, as the shutdown of a pool does
        else:
            future.set_result(function(*args, **kwargs))
        return future


class Failing(Executor):
    """Fails at the point 0, has the point 1 at once, and the others a second later."""

    def __init__(self):
        self.futures = []

    def submit(self, function, /, *args, **kwargs):
        self.futures.append(future := Future())
        if kwargs["x"] == 0:
            future.set_exception(RuntimeError("zero"))
        elif kwargs["x"] == 1:
            future.set_result(function(**kwargs))
        else:
            late = threading.Timer(1.0, lambda: future.set_running_or_notify_cancel() and future.set_result(0))
            late.daemon = True
            late.start()
        return future


def test_points_that_have_not_started_are_cancelled():
    pool = Failing()
    with pytest.raises(RuntimeError, match="zero"):
        sweep(abs_of, {"x": [0, 1, 2, 3]}, pool)
    assert [future.cancelled() for future in pool.futures] == [False, False, True, True]


def test_the_first_failure_is_raised(tmp_path):
    """Not that of storing a result that came after it."""
    with pytest.raises(RuntimeError, match="zero"):
        sweep(lambda x: object(), {"x": [0, 1]}, Failing(), resume=tmp_path)


def test_a_file_of_another_function_is_refused(tmp_path):
    for name, function in (("ours", abs_of), ("theirs", doubled)):
        sweep(function, {"x": [3]}, resume=tmp_path / name)
    ours, theirs = (next((tmp_path / name).iterdir()) for name in ("ours", "theirs"))
    ours.write_bytes(theirs.read_bytes())
    with pytest.raises(ValueError, match=r"^resume: .* is not a result of .*abs_of; delete it"):
        sweep(abs_of, {"x": [3]}, resume=tmp_path / "ours")


def test_cancelled_points_are_no_results(tmp_path):
    with pytest.raises(CancelledError, match="cancelled 1 points of the sweep, the first"):
        sweep(abs_of, {"x": [0, 1, 2]}, Scripted(), resume=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_what_is_no_exception_is_raised_too(error):
    def fragile(x):
        if x == 1:
            raise error("stop")
        return x

    with ThreadPoolExecutor(1) as pool, pytest.raises(error) as failure:
        sweep(fragile, {"x": [0, 1, 2]}, pool)
    assert "{'x': 1}" in failure.value.__notes__[0]


def test_results_that_cannot_be_stored_stop_the_sweep(tmp_path):
    with ThreadPoolExecutor(1) as pool, pytest.raises(TypeError, match="cannot store"):
        sweep(lambda x: object(), {"x": [0, 1]}, pool, resume=tmp_path)


def test_broken_pool_says_what_to_do():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool, pytest.raises(BrokenProcessPool) as failure:
        sweep(os._exit, [{"status": 1}], pool)
    assert any('get_context("spawn")' in note for note in failure.value.__notes__)


def test_spoiled_file(tmp_path):
    sweep(abs_of, {"x": [-3]}, resume=tmp_path)
    next(tmp_path.iterdir()).write_bytes(b"spoiled")
    with pytest.raises(ValueError, match="is not a file that infwidth wrote"):
        sweep(abs_of, {"x": [-3]}, resume=tmp_path)


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({}, "grid: is empty"),
        ({"x": []}, "grid: is empty"),
        ([], "grid: is empty"),
        ({"x": [1, 1]}, "{'x': 1} occurs twice"),
    ],
)
def test_errors_name_the_argument(grid, words):
    with pytest.raises(ValueError, match=words):
        sweep(abs_of, grid)


def test_missing_entry():
    with pytest.raises(KeyError, match="they have"):
        sweep(abs_of, {"x": [1]})["loss"]


@pytest.mark.parametrize("name", ["w", 3, ["v"], slice(1)])
def test_an_entry_that_is_not_there(name):
    with pytest.raises(KeyError, match=r"is not in the results; they have \['v'\]"):
        sweep(lambda a: {"v": a}, {"a": [1, 2]})[name]


def test_an_entry_that_is_not_everywhere_or_of_unequal_shapes():
    with pytest.raises(KeyError, match=r"'v' is not in the result at \{'a': 2\}"):
        sweep(lambda a: {"v": 1} if a == 1 else {}, {"a": [1, 2]})["v"]
    with pytest.raises(ValueError, match=r"^name: 'v' has not one shape at all points; take its values from \.results"):
        sweep(lambda a: {"v": [1] * a}, {"a": [1, 2]})["v"]


@pytest.mark.parametrize("function", [None, 3, "f"])
def test_no_function(function):
    with pytest.raises(TypeError, match="function: need a function of the names of the grid"):
        sweep(function, {"a": [1]})


@pytest.mark.parametrize("executor", [4, "processes", dict])
def test_no_executor(executor):
    with pytest.raises(TypeError, match="executor: need an Executor"):
        sweep(lambda a: a, {"a": [1]}, executor=executor)


def test_a_function_that_fills_one_array_again_and_again(tmp_path):
    def make():
        buffer = np.zeros(2)

        def fill(a):
            buffer[:] = a
            return {"x": buffer, "parts": [(buffer, 1)]}

        return fill

    for options in ({}, {"resume": tmp_path}, {"resume": tmp_path}):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # its results are not found again: it changes what it reads
            found = sweep(make(), {"a": [1.0, 2.0]}, **options)
        assert found["x"].tolist() == [[1.0, 1.0], [2.0, 2.0]]
        assert [result["parts"][0][0].tolist() for result in found.results] == found["x"].tolist()
