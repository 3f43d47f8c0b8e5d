"""Second moments of two-layer linear networks under noise and weight decay."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw

LIMIT = iw.DeepLinearIntegrable(1, "naive")
TAU, DECAY = 0.3, 0.2
X = np.array([[1.0, 0.3], [-0.4, 0.8], [0.2, -1.1]])
Y = np.array([[1.5, 0.2], [-0.7, 1.0], [0.4, -0.6]])


def test_without_a_force_the_stationary_law_of_the_steps_is_reached():
    h = 0.05
    method = iw.Langevin(h, TAU, DECAY, 800)
    sol = iw.solve(LIMIT, np.zeros((1, 2)), [0.0], method, save_at=[800])
    stationary = 2 * TAU * h / (1 - (1 - DECAY * h) ** 2)  # fixed point of s -> (1 - decay h)^2 s + 2 tau h
    np.testing.assert_allclose(sol.problem.moments(sol.state), stationary * np.eye(3), rtol=1e-6, atol=1e-12)


def moments_flow(t):
    """The moment equations of the module, by scipy."""

    def right(_, M):
        M = M.reshape(4, 4)
        E = (X @ M[2:, :2].T - Y).T @ X / len(X)
        B = -np.block([[np.zeros((2, 2)), E.T], [E, np.zeros((2, 2))]])
        return (B @ M + M @ B - 2 * DECAY * M + 2 * TAU * np.eye(4)).ravel()

    return solve_ivp(right, (0, t), np.eye(4).ravel(), rtol=1e-10, atol=1e-12).y[:, -1].reshape(4, 4)


def test_steps_converge_to_the_moment_equations_at_order_one():
    exact, gaps = moments_flow(2.0), []
    for steps in (100, 200, 400):
        sol = iw.solve(LIMIT, X, Y, iw.Langevin(2.0 / steps, TAU, DECAY, steps), save_at=[steps])
        gaps.append(abs(sol.problem.moments(sol.state) - exact).max())
    assert abs(np.log2(gaps[1] / gaps[2]) - 1) < 0.15
    assert gaps[2] < 0.01


def test_long_training_ends_at_the_stationary_point_of_the_moments():
    """One input 1 and target 2: (y - f) S = 2 decay f and 2 (y - f) f = decay S - 2 tau."""
    y = 2.0
    sol = iw.solve(LIMIT, [[1.0]], [y], iw.Langevin(2e-3, TAU, DECAY, 20_000), save_at=[20_000])
    M, f = sol.problem.moments(sol.state), sol.outputs.item()
    S = np.trace(M)
    assert M[1, 0] == pytest.approx(f, rel=1e-12)
    assert (y - f) * S == pytest.approx(2 * DECAY * f, rel=2e-3)
    assert 2 * (y - f) * f == pytest.approx(DECAY * S - 2 * TAU, rel=1e-2)
    assert f > 1.5


def test_the_steps_are_those_of_neurons():
    """Second moments of many neurons that take the same force and independent noise, exact in h: within 4 standard errors."""
    rng, h, steps = np.random.default_rng(3), 0.2, 3
    sol = iw.solve(LIMIT, X, Y, iw.Langevin(h, TAU, DECAY, steps))
    theta = rng.standard_normal((400_000, 4))
    for step in range(steps):
        E = (sol.outputs[step] - Y).T @ X / len(X)
        B = -np.block([[np.zeros((2, 2)), E.T], [E, np.zeros((2, 2))]])
        theta = (1 - DECAY * h) * theta + h * theta @ B + np.sqrt(2 * TAU * h) * rng.standard_normal(theta.shape)
    found = theta.T @ theta / len(theta)
    size = np.sqrt((np.einsum("pi,pj->ij", theta**2, theta**2) / len(theta) - found**2) / len(theta))
    assert (abs(found - sol.problem.moments(sol.state)) < 4 * size).all()


def test_finite_networks_come_near_like_one_over_the_root_of_the_width():
    widths, method = np.array([64, 128, 256, 512]), iw.Langevin(0.05, TAU, DECAY, 30)
    right = iw.solve(LIMIT, X, Y, method, save_at=[30]).outputs
    square = np.array(
        [
            [
                (
                    (
                        iw.solve(iw.Network(2, 1, m, "linear", iw.Parameterization.mup(1), 2), X, Y, method, rng=s, save_at=[30]).outputs
                        - right
                    )
                    ** 2
                ).mean()
                for s in range(60)
            ]
            for m in widths
        ]
    )
    log, error = 0.5 * np.log(square.mean(axis=1)), square.std(axis=1, ddof=1) / np.sqrt(60) / square.mean(axis=1) / 2
    x = np.log(widths) - np.log(widths).mean()
    slope, se = x @ log / (x @ x), np.sqrt((x**2 * error**2).sum()) / (x @ x)
    assert se <= 0.05
    assert abs(slope + 0.5) < 2 * se


def test_gradient_descent_goes_on_from_noisy_moments():
    """A step of descent at a state with S is the Langevin step without noise and decay, and its velocity the first order of it."""
    noisy = iw.solve(LIMIT, X, Y, iw.Langevin(0.1, TAU, DECAY, 10))
    problem, h = noisy.problem, 0.1
    assert problem.covariance(noisy.state).trace() > 1
    one, other, velocity = noisy.state.copy(), noisy.state.copy(), np.empty_like(noisy.state)
    problem.descend(one)[1](h)
    problem.stir(other)[1](h, 0.0, 0.0, np.random.default_rng(0))
    np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-13)
    small = noisy.state.copy()
    problem.evaluate(noisy.state, velocity)
    problem.descend(small)[1](1e-6)
    np.testing.assert_allclose((small - noisy.state) / 1e-6, velocity, atol=1e-5)


def test_single_precision_is_kept():
    sol = iw.solve(LIMIT, X.astype(np.float32), Y.astype(np.float32), iw.Langevin(0.1, TAU, DECAY, 5))
    assert sol.state.dtype == sol.outputs.dtype == np.float32


def test_the_noise_of_deeper_networks_is_refused_with_the_way_out():
    with pytest.raises(ValueError, match=r"^method: .* use a finite Network; with noise the limit is known for one hidden layer"):
        iw.solve(iw.DeepLinearIntegrable(2, "naive"), X, Y, iw.Langevin(0.1, TAU, DECAY, 5))
