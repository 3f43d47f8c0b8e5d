"""Runs from a state that is given."""

import numpy as np
import pytest

import infwidth as iw

X, Y = np.array([[1.0, 0.3], [-0.4, 0.8], [0.2, -1.1]]), np.array([1.0, -0.7, 0.4])
NET = iw.Network(2, 2, 8, "tanh", iw.Parameterization.mup(2))
SIZE = 2 * 8 + 8 * 8 + 8


@pytest.mark.parametrize("model", [NET, iw.TwoLayerMeanField("relu", 64), iw.DeepLinearIntegrable(2, "naive")])
def test_two_halves_are_one_run(model):
    whole = iw.solve(model, X, Y, iw.GradientDescent(0.1, 12), rng=4)
    first = iw.solve(model, X, Y, iw.GradientDescent(0.1, 5), rng=4)
    second = iw.solve(model, X, Y, iw.GradientDescent(0.1, 7), rng=4, start=first.state)
    np.testing.assert_array_equal(np.concatenate([first.outputs[:-1], second.outputs]), whole.outputs)
    np.testing.assert_array_equal(second.state, whole.state)
    np.testing.assert_allclose(second.t[-1], 0.7)


def test_the_error_estimate_of_a_flow_begins_there_too():
    first = iw.solve(NET, X, Y, iw.GradientDescent(0.1, 20), rng=4)
    flow = iw.solve(NET, X, Y, iw.GradientFlow(1.0), rng=4, save_at=[0.0, 1.0], start=first.state)
    np.testing.assert_array_equal(flow.outputs[0], first.outputs[-1])
    exact = iw.solve(NET, X, Y, iw.GradientFlow(1.0, rtol=1e-11, atol=1e-13), rng=4, save_at=[0.0, 1.0], start=first.state)
    assert flow.error[-1] < 1e-4 and np.abs(flow.outputs - exact.outputs).max() <= flow.error[-1]


def test_the_state_that_is_given_stays_as_it_is():
    start = iw.solve(NET, X, Y, iw.GradientDescent(0.1, 0), rng=4).state
    before = start.copy()
    iw.solve(NET, X, Y, iw.GradientDescent(0.1, 3), rng=4, start=start)
    np.testing.assert_array_equal(start, before)


def test_precision_is_that_of_the_data():
    start = np.zeros(len(iw.solve(NET, X, Y, iw.GradientDescent(0.1, 0), rng=4).state))
    assert iw.solve(NET, X.astype(np.float32), Y, iw.GradientDescent(0.1, 2), rng=4, start=start).state.dtype == np.float32


def test_a_checkpoint_knows_where_its_run_began(tmp_path):
    run = lambda start: iw.solve(NET, X, Y, iw.GradientDescent(0.1, 3), rng=4, start=start, checkpoint=tmp_path / "run")  # noqa: E731
    start = run(None).state
    with pytest.raises(ValueError, match=r"checkpoint: .* belongs to a run with another start"):
        run(start)
    (tmp_path / "run").unlink()
    np.testing.assert_array_equal(run(start).state, run(start).state)


@pytest.mark.parametrize(
    ("model", "start", "message"),
    [
        (NET, np.zeros(3), f"start: need a vector of {SIZE} numbers, got shape"),
        (NET, np.full(SIZE, np.nan), "start: need finite numbers"),
        (NET, "sol.state", "start: need an array of real numbers"),
        (iw.DeepLinearMuP(2), np.zeros(3), "start: this limit follows its whole history.*checkpoint"),
        (iw.DeepLinearIntegrable(2), np.zeros(3), "start: this model begins with one large step.*checkpoint"),
        (iw.CircleMeanField("relu", 16), np.zeros(3), "start: a density starts from a function"),
    ],
)
def test_bad_starts(model, start, message):
    with pytest.raises(ValueError, match=message):
        iw.solve(model, X, Y, iw.GradientDescent(0.1, 3), rng=4, start=start)
