"""Ctrl-C: between steps at first, inside a step the second time; a handler of the user stays."""

import signal

import numpy as np
import pytest

import infwidth as iw

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2))
DESCENT = iw.GradientDescent(0.2, 20)


def test_ctrl_c_between_and_inside_steps():
    def press(point):
        if point.step == 4:
            signal.raise_signal(signal.SIGINT)

    sol = iw.solve(NET, X, Y, DESCENT, rng=0, callback=press)
    assert not sol.success
    assert sol.message == "interrupted by Ctrl-C at step 5"
    np.testing.assert_array_equal(sol.outputs, iw.solve(NET, X, Y, DESCENT, rng=0).outputs[:6])
    np.testing.assert_array_equal(sol.predict(X), sol.outputs[-1])

    def press_twice(t, state, problem):
        if abs(t - 1.0) < 1e-9:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        return t

    sol = iw.solve(NET, X, Y, DESCENT, rng=0, observables={"t": press_twice})
    assert not sol.success
    assert "interrupted inside the step" in sol.message
    assert len(sol.t) == 5
    with pytest.raises(ValueError, match="state: there is none"):
        sol.predict(X)
    with pytest.raises(KeyboardInterrupt):  # Python's own handler is back
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_twice_in_a_callback_finds_a_whole_state(tmp_path):
    """Between two steps: end point, state and checkpoint are kept."""

    def press_twice(point):
        if point.step == 4:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    options = {"rng": 0, "save_at": [0, 20], "checkpoint": tmp_path / "run"}
    sol = iw.solve(NET, X, Y, DESCENT, callback=press_twice, **options)
    assert sol.message == "interrupted by Ctrl-C at step 4" and not sol.success and sol.stats["interrupted"]
    assert sol.step.tolist() == [0, 4]
    whole = iw.solve(NET, X, Y, DESCENT, rng=0)
    np.testing.assert_array_equal(sol.outputs[-1], whole.outputs[4])
    np.testing.assert_array_equal(sol.predict(X), whole.outputs[4])
    steps = []
    resumed = iw.solve(NET, X, Y, DESCENT, callback=lambda point: steps.append(point.step), **options)
    assert steps == list(range(4, 21)) and resumed.step.tolist() == [0, 20]
    np.testing.assert_array_equal(resumed.state, whole.state)


def test_a_handler_of_the_user_stays():
    received = []
    signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        mine = signal.getsignal(signal.SIGINT)
        sol = iw.solve(NET, X, Y, DESCENT, rng=0, callback=lambda point: signal.raise_signal(signal.SIGINT) if point.step == 3 else None)
        assert signal.getsignal(signal.SIGINT) is mine
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert sol.success
    assert received == [signal.SIGINT]
