"""Sweeps: order, executors, resuming after an interruption, errors."""

import json
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

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


def abs_of(x):
    return abs(x)


def test_resumes_after_a_failure(tmp_path):
    """Finished points are read, not computed again; the failing point is named."""
    healthy = False

    def fragile(particles, seed):
        if seed == 2 and not healthy:
            raise RuntimeError("out of luck")
        return train(particles, seed)

    CALLS.clear()
    with pytest.raises(RuntimeError, match="out of luck") as failure:
        sweep(fragile, GRID, resume=tmp_path)
    assert "{'particles': 2, 'seed': 2}" in failure.value.__notes__[0]
    assert CALLS == [(2, 0), (2, 1)]
    healthy = True
    runs = sweep(fragile, GRID, resume=tmp_path)
    assert CALLS == [(2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)]
    again = sweep(fragile, GRID, resume=tmp_path)
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
