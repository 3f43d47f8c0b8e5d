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
    """40 random small networks: the stated error is exceeded rarely, and is not absurdly large."""
    X, y = np.eye(3), np.array([1.0, -1.0, 2.0])
    covered, ratios = [], []
    for seed in range(40):
        net = iw.Network(3, 2, 8, "tanh", iw.Parameterization.mup(2))
        rough, fine = (
            iw.solve(net, X, y, iw.GradientFlow(4.0, rtol=r, atol=r / 1e3), rng=seed, save_at=[0.5, 1, 2, 4]) for r in (1e-4, 1e-11)
        )
        truth = np.abs(rough.outputs - fine.outputs).max(axis=(1, 2))
        covered.extend(truth <= rough.error)
        ratios.extend(rough.error / truth)
    assert np.mean(covered) >= 0.95
    assert np.median(ratios) < 300


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
