"""Gradient flow of limits whose state is their history: exact solutions, orders, errors, resumption."""

import numpy as np
import pytest

import infwidth as iw

X, Y = np.array([[1.0, 0.2], [0.3, -1.0], [0.5, 0.5]]), np.array([1.0, -0.5, 0.7])


def test_table_of_one_sample():
    """arXiv:2211.16980: x = 1, y = 2; L = 2 and 3, to five digits."""
    times = [0.1, 0.2, 0.5, 1.0]
    for layers, expected in ((2, [0.557509, 1.088088, 1.911879, 1.999250]), (3, [0.773083, 1.510309, 1.994808, 1.999998])):
        sol = iw.solve(iw.DeepLinearMuP(layers), [[1.0]], [2.0], iw.GradientFlow(1.0, rtol=1e-8, atol=1e-10), save_at=times)
        np.testing.assert_allclose(sol.outputs.ravel(), expected, atol=2e-6)
        assert sol.error[-1] < 1e-4


def test_one_hidden_layer_is_the_exact_ode():
    flow = iw.GradientFlow(2.0, rtol=1e-9, atol=1e-11)
    causal = iw.solve(iw.DeepLinearMuP(1), X, Y, flow, save_at=[0, 0.5, 2])
    ode = iw.solve(iw.DeepLinearIntegrable(1, "naive"), X, Y, flow, save_at=[0, 0.5, 2])
    np.testing.assert_allclose(causal.outputs, ode.outputs, atol=1e-7)


@pytest.mark.parametrize("stepper", ["RK23", "RK45"])
def test_the_stated_error_covers_the_truth(stepper):
    fine = iw.solve(iw.DeepLinearMuP(2), X, Y, iw.GradientFlow(3.0, rtol=1e-10, atol=1e-12), save_at=[1, 2, 3]).outputs
    for rtol in (1e-3, 1e-5):
        sol = iw.solve(iw.DeepLinearMuP(2), X, Y, iw.GradientFlow(3.0, rtol=rtol, atol=rtol, stepper=stepper), save_at=[1, 2, 3])
        true = np.maximum.accumulate(np.abs(sol.outputs - fine).max(axis=(1, 2)))
        assert (true <= sol.error).all()
        assert sol.error[-1] < 1000 * rtol


def test_resumed_to_the_same_bits(tmp_path):
    call = {"model": iw.DeepLinearMuP(2), "X": X, "y": Y, "method": iw.GradientFlow(1.5), "rng": 0, "save_at": [0.2, 0.7, 1.5]}
    whole = iw.solve(**call)
    path = tmp_path / "run"
    iw.solve(**call, checkpoint=path, checkpoint_seconds=0, callback=lambda point: point.step == 6)
    rest = iw.solve(**call, checkpoint=path)
    np.testing.assert_array_equal(rest.outputs, whole.outputs)


def test_steppers_that_a_history_has_not():
    with pytest.raises(ValueError, match=r"stepper: .*RK45"):
        iw.solve(iw.DeepLinearMuP(2), X, Y, iw.GradientFlow(1.0, stepper="Radau"))


def test_all_that_is_recorded_at_a_time_is_of_that_time():
    """Two saved times within the last step: at its end the history stood where the first had moved it. Test outputs, kernels, errors."""
    seen = {"loss": lambda t, state, problem: problem.evaluate(state).loss}
    for end in (1.0, 2.0, 3.0):
        times = np.linspace(0, end, 41)
        sol = iw.solve(iw.DeepLinearMuP(2), X, Y, iw.GradientFlow(end), save_at=times, X_test=X, observables=seen)
        np.testing.assert_array_equal(sol.test_outputs, sol.outputs)
        np.testing.assert_array_equal(sol.observables["loss"], sol.loss)
