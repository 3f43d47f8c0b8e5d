"""Why a run stops, and what is left then."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


def test_callback_stops():
    sol = iw.solve(NET, X, Y, DESCENT, rng=0, callback=lambda point: point.step == 6)
    assert sol.success
    assert sol.message == "stopped by the callback at step 6"
    assert sol.step[-1] == sol.stats["steps"] == 6


def test_no_state_after_a_step_that_diverged_in_place(Exploding):
    sol = iw.solve(NET, X, 10 * Y, iw.GradientDescent(5.0, 500), rng=0)
    assert sol.state is None
    with pytest.raises(ValueError, match=r"state: there is none at the end of this run \(diverged"):
        sol.predict(X)
    flow = iw.solve(Exploding(), method=iw.GradientFlow(2.0))
    assert flow.state[0] == flow.outputs[-1, 0, 0]
    assert flow.error is None


def test_not_finite_at_the_start():
    huge = replace(NET, parameterization=replace(NET.parameterization, weight_std=(1.0, *[1e160] * NET.hidden_layers)))
    sol = iw.solve(huge, X, Y, DESCENT, rng=0)
    assert not sol.success
    assert "this is the start, so rescale" in sol.message
    assert sol.outputs.shape == (0, 3, 1)
    with pytest.raises(ValueError, match="nothing was recorded"):
        sol.plot()


def test_a_stepper_that_stops(Exploding):
    class Wall(Exploding):  # the loss does not show it
        def evaluate(self, state, velocity=None, *, step=1, rows=None):
            return 1.0, super().evaluate(state, velocity)[1]

    sol = iw.solve(Wall(), method=iw.GradientFlow(2.0))
    assert not sol.success
    assert sol.message.startswith("RK45 stopped at t = 1 ")
    assert len(sol.t) > 3


def test_errors_of_the_user_carry_the_solution():
    def fails(point):
        if point.step == 3:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        iw.solve(NET, X, Y, DESCENT, rng=0, callback=fails)
    assert len(caught.value.solution.t) == 4
    assert "`solution`" in caught.value.__notes__[0]


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, SystemExit, GeneratorExit])
@pytest.mark.parametrize("method", [DESCENT, iw.GradientFlow(4.0)])
def test_the_point_of_an_error_is_kept_whatever_was_to_be_saved(error, method):
    def fails(point):
        if point.t > 1:
            raise error("mine")

    with pytest.raises(error) as caught:
        iw.solve(NET, X, Y, method, rng=0, callback=fails, save_at=[0, method.end])
    sol = caught.value.solution
    assert len(sol.t) == 2 and 1 < sol.t[-1] < 4 and not sol.success
    np.testing.assert_array_equal(sol.predict(X), sol.outputs[-1])


def test_an_error_while_a_point_is_recorded_leaves_those_before():
    def fails(t, state, problem):
        if t > 1:
            raise RuntimeError("mine")
        return t

    with pytest.raises(RuntimeError, match="mine") as caught:
        iw.solve(NET, X, Y, DESCENT, rng=0, observables={"t": fails})
    sol = caught.value.solution
    assert sol.observables["t"].shape == sol.t.shape == (6,) and sol.state is None


def test_an_error_says_that_it_is_given_the_batches():
    """Noise of each particle's own is in it."""
    teacher = iw.GaussianTeacher([[1.0, 0.0]], [1.0], "erf")
    model = iw.TwoLayerMeanField("erf", 40, replicas=4, population=teacher)
    messages = [iw.solve(model, method=iw.GradientDescent(0.2, 3, batch_size=size), rng=0, X_test=np.eye(2)).message for size in (None, 10)]
    assert messages == ["finished", "finished; sol.error is given the batches that were drawn: their noise is not in it"]
    noisy = iw.solve(replace(model, population=None), X, Y, iw.Langevin(0.1, 0.1, 0.1, steps=3), rng=0)
    assert noisy.message == "finished" and noisy.error.shape == (4,)


def test_a_callback_whose_answer_is_neither_true_nor_false():
    with pytest.raises(
        TypeError, match=r"callback: must return something true or false, gave an array .*; for an array take \.any\(\)"
    ) as info:
        iw.solve(iw.DeepLinearMuP(1), [[1.0]], [2.0], iw.GradientDescent(0.1, 3), callback=lambda point: np.zeros(2))
    assert len(info.value.solution.t) == 1


@pytest.mark.parametrize("method", [iw.GradientDescent, iw.RMSProp])
def test_steps_that_would_take_for_ever(method):
    with pytest.raises(ValueError, match="steps: need an integer from 0 to 1000000000000, got 10000000000000"):
        method(0.1, 10**13)
