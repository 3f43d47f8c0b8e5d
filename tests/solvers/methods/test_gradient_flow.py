"""The flow against exact solutions and scipy, and the truth of its stated error."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import infwidth as iw


@pytest.mark.parametrize("stepper", ["RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA"])
def test_gradient_flow_and_its_stated_error(quadratic, stepper):
    times = np.linspace(0, 3, 13)
    sol = iw.solve(quadratic.problem, method=iw.GradientFlow(3.0, rtol=1e-5, atol=1e-7, stepper=stepper), save_at=times)
    exact = np.array([expm(-t * quadratic.K) @ quadratic.start for t in times])
    truth = np.abs(sol.outputs[:, :, 0] - exact).max(axis=1)
    assert truth.max() < 1e-3
    assert sol.error[0] == 0
    assert np.mean(truth[1:] <= sol.error[1:] + 1e-14) >= 0.9
    np.testing.assert_allclose(sol.t, times)


def test_stated_error_covers_the_truth_on_networks():
    """Ten random small networks under every kind of stepper and tolerance: the stated error is exceeded rarely, and then by little; its
    median is three times the true one."""
    X, y = np.eye(3), np.array([1.0, -1.0, 2.0])
    net = iw.Network(3, 2, 8, "tanh", iw.Parameterization.mup(2))
    for rtol, steppers in {0.3: SOME, 1e-2: SOME, 1e-4: SOME, 1e-6: ("RK45", "DOP853"), 1e-9: ("RK45",)}.items():
        ratios = []
        for seed in range(10):
            end = (0.2, 4.0)[seed % 2]
            times = end * np.array([0.05, 0.3, 1])
            best = iw.GradientFlow(end, rtol=1e-12, atol=1e-13, stepper="DOP853", estimate_error=False)
            fine = iw.solve(net, X, y, best, rng=seed, save_at=times)
            for stepper in steppers:
                rough = iw.solve(net, X, y, iw.GradientFlow(end, rtol=rtol, atol=1e-3 * rtol, stepper=stepper), rng=seed, save_at=times)
                ratios.extend(np.abs(rough.outputs - fine.outputs).max(axis=(1, 2)) / (rough.error + ROUNDING))
        assert np.mean(np.array(ratios) <= 1) >= 0.95 and np.max(ratios) < 5, (rtol, ratios)
        assert 0.2 < np.median(ratios) < 0.5, rtol


ROUNDING = 1e-12
SOME = ("RK23", "RK45", "DOP853", "LSODA")


@pytest.mark.parametrize("dtype", [np.float32, float])
def test_where_rounding_leaves_no_room_the_second_run_is_the_rougher_one(dtype):
    """And says something still: the error of single precision at its least tolerance."""
    X, y = np.eye(3, dtype=dtype), np.array([1.0, -1.0, 2.0], dtype)
    net = iw.Network(3, 2, 8, "tanh", iw.Parameterization.mup(2))
    exact = iw.solve(net, X.astype(float), y, iw.GradientFlow(4.0, rtol=1e-13, atol=1e-14, estimate_error=False), rng=0, save_at=[4])
    rtol = 100 * np.finfo(dtype).eps
    sol = iw.solve(net, X, y, iw.GradientFlow(4.0, rtol=rtol, atol=1e-3 * rtol), rng=0, save_at=[4])
    truth = np.abs(sol.outputs - exact.outputs).max()
    assert truth < sol.error[0] + ROUNDING and 0 < sol.error[0] < 1e4 * rtol


def test_gradient_flow_on_a_network_against_solve_ivp():
    X, y = np.eye(3), np.array([1.0, -1.0, 2.0])
    net = iw.Network(3, 2, 10, "softplus", iw.Parameterization.integrable_large_lr(2))
    sol = iw.solve(net, X, y, iw.GradientFlow(3.0, rtol=1e-8, atol=1e-10, first_learning_rate=0.7), rng=4, save_at=[1, 3])
    start = sol.problem.start()
    problem = sol.problem
    velocity = np.empty_like(start)
    problem.evaluate(start, velocity, step=0)
    start = start + 0.7 * velocity

    def field(t, state):
        problem.evaluate(state, velocity)
        return velocity.copy()

    reference = solve_ivp(field, (0, 3), start, t_eval=[1, 3], method="DOP853", rtol=1e-11, atol=1e-13)
    for i in range(2):
        np.testing.assert_allclose(sol.outputs[i], problem.predict(reference.y[:, i], X), atol=1e-6)


def test_gradient_flow_in_float32():
    X, y = np.eye(3, dtype=np.float32), np.array([1.0, -1.0, 2.0])
    net = iw.Network(3, 1, 10, "tanh", iw.Parameterization.mup(1))
    single, double = (iw.solve(net, x, y, iw.GradientFlow(3.0, rtol=1e-4), rng=4, save_at=[3]) for x in (X, X.astype(float)))
    assert single.state.dtype == single.outputs.dtype == np.float32
    np.testing.assert_allclose(single.outputs, double.outputs, atol=1e-3)


@pytest.mark.parametrize("stepper", ["Radau", "BDF"])
def test_implicit_steppers_that_overflow_stop_the_run_with_a_word(stepper):
    X, y = np.eye(3), 1e150 * np.array([1.0, -1.0, 2.0])
    net = iw.Network(3, 2, 8, "tanh", iw.Parameterization.mup(2))
    sol = iw.solve(net, X, y, iw.GradientFlow(0.3, stepper=stepper), rng=0, save_at=[0, 0.3])
    assert not sol.success
    assert sol.message.startswith(f"{stepper} stopped at t = ") and "rescale X and y" in sol.message
    assert len(sol.t) >= 1


@pytest.mark.parametrize("stepper", ["Radau", "BDF", "LSODA"])
def test_implicit_steppers_in_single_precision_agree_with_double(stepper):
    """scipy's own differences move the state by less than single precision can tell."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 5))
    y = X @ np.array([1, -1, 0.5, 0, 2])
    flow = iw.GradientFlow(0.1, stepper=stepper, first_learning_rate=1.0, estimate_error=False)
    ends = [iw.solve(iw.DeepLinearIntegrable(2), X.astype(d), y.astype(d), flow, rng=0, save_at=[0.1]).outputs for d in (np.float32, float)]
    assert ends[0].dtype == np.float32
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-3, atol=1e-3)


def test_errors_of_the_problem_are_not_taken_for_divergence():
    class Broken:
        data, coordinates, threads = None, "parameters", "gemm"

        def start(self):
            return np.ones(2)

        def evaluate(self, state, velocity=None, *, step=1, rows=None):
            if velocity is not None:
                raise ValueError("mine")
            return iw.solvers.Evaluation(1.0, np.ones((1, 1)))

    with pytest.raises(ValueError, match=r"^mine$"):
        list(iw.GradientFlow(1.0, stepper="Radau").trajectory(Broken(), np.random.default_rng(0)))
