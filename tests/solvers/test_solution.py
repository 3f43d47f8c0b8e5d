"""What a solve returns: saved, loaded, drawn, printed."""

import os

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import Data

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


def test_solution_saves_and_loads(tmp_path):
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0, X_test=X + 1, observables={"t": lambda t, state, problem: t})
    sol.save(tmp_path / "sol")
    back = iw.Solution.load(tmp_path / "sol")
    for name in ("t", "step", "loss", "outputs", "test_outputs", "state", "error"):
        np.testing.assert_array_equal(getattr(back, name), getattr(sol, name))
    assert (back.success, back.message, back.stats, back.covariance) == (sol.success, sol.message, sol.stats, None)
    np.testing.assert_array_equal(back.observables["t"], sol.t)
    with pytest.raises(ValueError, match="problem: a loaded Solution"):
        back.predict(X)
    rebound = iw.Solution.load(tmp_path / "sol", problem=NET.bind(Data.check(X, Y), np.random.default_rng(9)))
    np.testing.assert_array_equal(rebound.predict(X + 2), sol.predict(X + 2))


def test_causal_solution_saves_and_loads(tmp_path):
    limit = iw.DeepLinearMuP(2)
    sol = iw.solve(limit, X, Y, DESCENT)
    sol.save(tmp_path / "sol")
    back = iw.Solution.load(tmp_path / "sol", problem=limit.bind(Data.check(X, Y), np.random.default_rng(9)))
    np.testing.assert_array_equal(back.predict(X + 2), sol.predict(X + 2))
    assert iw.Solution.load(tmp_path / "sol").outputs.shape == (21, 3, 1)


def test_checkpoint_is_not_a_solution(tmp_path):
    iw.solve(NET, X, Y, DESCENT, rng=0, checkpoint=tmp_path / "run")
    with pytest.raises(ValueError, match=r"is not a solution but a checkpoint"):
        iw.Solution.load(tmp_path / "run")
    iw.solve(NET, X, Y, DESCENT, rng=0).save(tmp_path / "sol")
    with pytest.raises(ValueError, match="is not a checkpoint"):
        iw.solve(NET, X, Y, DESCENT, rng=0, checkpoint=tmp_path / "sol")


def test_plot():
    sol = iw.solve(NET, X, Y, iw.GradientFlow(2.0), rng=0)
    figure = sol.plot(samples=2)
    left, right = figure.axes
    np.testing.assert_array_equal(left.lines[0].get_ydata(), sol.loss)
    assert left.get_yscale() == "log"
    curves = [line for line in right.lines if line.get_marker() != "x"]
    assert len(curves) == 2
    np.testing.assert_array_equal(curves[1].get_ydata(), sol.outputs[:, 1, 0])
    assert len(right.collections) == 2  # error bands
    vertices = right.collections[0].get_paths()[0].vertices
    end = vertices[vertices[:, 0] == sol.t[-1], 1]
    assert end.min() == pytest.approx(sol.outputs[-1, 0, 0] - sol.error[-1])
    assert end.max() == pytest.approx(sol.outputs[-1, 0, 0] + sol.error[-1])
    assert left.get_xlabel() == "time $t$"


def test_repr():
    assert repr(iw.solve(NET, X, Y, DESCENT, rng=0)).startswith("Solution(success=True, T=21, t=[0, 4]")


def test_saved_where_no_file_can_be(tmp_path):
    sol = iw.solve(iw.DeepLinearMuP(1), [[1.0]], [2.0], iw.GradientDescent(0.1, 2))
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "file" / "below", tmp_path / "pipe"):
        with pytest.raises(ValueError, match=r"^path: nothing can be written there"):
            sol.save(path)
    assert (tmp_path / "pipe").is_fifo()
