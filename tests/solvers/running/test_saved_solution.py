"""Saved Solutions: contents that contradict themselves, and problems of other models, are refused with the way out."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import Data, Solution, checkpoint
from infwidth.solvers.running.saved_solution import probe

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
MUP = iw.Parameterization.mup(2)
NET = iw.Network(3, 2, 8, "tanh", MUP)
DESCENT = iw.GradientDescent(0.1, 6)


@pytest.fixture
def path(tmp_path):
    iw.solve(NET, X, Y, DESCENT, rng=0, observables={"t": lambda t, state, problem: t}).save(tmp_path / "sol")
    return tmp_path / "sol"


@pytest.mark.parametrize(
    "change",
    [
        {"success": "no"},
        {"success": 1},
        {"message": None},
        {"stats": {}},
        {"stats": {"steps": -1}},
        {"t": np.zeros(2)},
        {"t": [0.0]},
        {"step": np.zeros(3, int)},
        {"outputs": np.zeros((7, 3))},
        {"test_outputs": np.zeros((2, 1, 1))},
        {"error": np.zeros(3)},
        {"observables": {"t": np.zeros(2)}},
        {"state": np.zeros((2, 2))},
        {"state": np.array(["a"])},
        {"history": {}},
        {"covariance": "large"},
        {"covariance": np.zeros((7, 3, 3))},
        {"covariance_error": np.zeros(3)},
        {"of a later version": 1},
    ],
    ids=str,
)
def test_contents_that_mean_nothing_are_refused(path, change):
    checkpoint.write(path, checkpoint.read(path) | change)
    with pytest.raises(ValueError, match=r"^path: .* is no whole Solution \(.*; solve again"):
        Solution.load(path)


def test_a_missing_field_is_refused(path):
    whole = checkpoint.read(path)
    for name in set(whole) - {"kind", "probe"}:
        checkpoint.write(path, {key: value for key, value in whole.items() if key != name})
        with pytest.raises(ValueError, match="is no whole Solution"):
            Solution.load(path)


def bind(model, inputs=X, targets=Y):
    return model.bind(Data.check(inputs, targets), np.random.default_rng(5))


@pytest.mark.parametrize(
    "model",
    [
        iw.Network(3, 2, 9, "tanh", MUP),
        iw.Network(3, 2, 8, "relu", MUP),
        iw.Network(3, 2, 8, "tanh", iw.Parameterization.ntk(2)),
        iw.DeepLinearMuP(2),
        iw.TwoLayerMeanField("relu", 24),  # a state of the same length
    ],
    ids=repr,
)
def test_a_problem_of_another_model_is_refused(path, model):
    with pytest.raises(ValueError, match=r"^problem: is not the one that the Solution is of"):
        Solution.load(path, bind(model))


def test_its_own_problem_predicts_whatever_the_weights_it_was_bound_with(path):
    sol = Solution.load(path, bind(NET))
    np.testing.assert_array_equal(sol.predict(X + 1), iw.solve(NET, X, Y, DESCENT, rng=0).predict(X + 1))
    np.testing.assert_array_equal(probe(sol)["outputs"], sol.outputs[-1])
    with pytest.raises(ValueError, match=r"^problem: a loaded Solution .*Data\.check\(X, y, loss\)"):
        Solution.load(path).predict(X)


@pytest.mark.parametrize(
    "other", [(iw.DeepLinearMuP(3), X, Y), (iw.DeepLinearMuP(2), np.eye(4), np.ones(4)), (NET, X, Y)], ids=["depth", "data", "kind"]
)
def test_histories_of_another_limit_are_refused(tmp_path, other):
    iw.solve(iw.DeepLinearMuP(2), X, Y, DESCENT).save(tmp_path / "sol")
    with pytest.raises(ValueError, match=r"^problem: is not the one"):
        Solution.load(tmp_path / "sol", bind(*other))
    again = Solution.load(tmp_path / "sol")  # saved without its problem, it is still whole
    again.save(tmp_path / "copy")
    assert Solution.load(tmp_path / "copy", bind(iw.DeepLinearMuP(2))).predict(X).shape == (3, 1)
