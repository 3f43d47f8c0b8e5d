from itertools import pairwise

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepLinearIntegrable, Network, Parameterization
from infwidth.solvers import Data

# One fixed problem for all comparisons with finite networks: rho of size about 1 for the first rate 2.
RNG = np.random.default_rng(2110)
X = RNG.standard_normal((6, 3))
Y = np.stack([X @ [1.0, -0.5, 0.3], X @ [0.2, 0.8, -0.6]], axis=1) + 0.1 * RNG.standard_normal((6, 2))


def test_other_losses_use_their_residual():
    labels = np.array([0, 1, 2, 1, 0, 2])
    data = Data.check(X, labels, "cross_entropy")
    problem = DeepLinearIntegrable(2, "large_lr").bind(data, None)
    state = np.random.default_rng(0).standard_normal(problem.start().size)
    velocity = np.empty_like(state)
    problem.evaluate(state, velocity)
    for i in range(0, len(state), 7):
        e = np.eye(1, len(state), i)[0] * 1e-6
        slope = (problem.evaluate(state + e).loss - problem.evaluate(state - e).loss) / 2e-6
        assert velocity[i] == pytest.approx(-slope, abs=1e-7)


@pytest.mark.parametrize("L", [1, 2, 3, 4])
def test_first_step_by_hand(L):
    """After step 0: A_1 = [I; rho], A_l = [0 0; rho 0], A_{L+1} = (rho, I), rho = -eta mean r x^T = eta mean y x^T."""
    rho = 1.7 * Y.T @ X / len(X)
    sol = iw.solve(DeepLinearIntegrable(L), X, Y, iw.GradientDescent(0.1, steps=1, first_learning_rate=1.7))
    first, *middle, last = sol.problem.matrices(sol.state)
    np.testing.assert_allclose(first, np.vstack([np.eye(3), rho]), atol=1e-15)
    np.testing.assert_allclose(last, np.hstack([rho, np.eye(2)]), atol=1e-15)
    for A in middle:
        np.testing.assert_allclose(A, np.block([[np.zeros((3, 5))], [rho, np.zeros((2, 2))]]), atol=1e-15)


@pytest.mark.parametrize(("scheme", "stuck_from"), [("naive", 3), ("large_lr", 5), ("non_centered", 99)])
def test_where_the_limit_stands_still(scheme, stuck_from):
    for L in range(1, 8):
        sol = iw.solve(DeepLinearIntegrable(L, scheme), X, Y, iw.GradientDescent(0.2, steps=400, first_learning_rate=2.0), save_at=[0, 400])
        assert (np.abs(sol.outputs[-1]).max() == 0) == (stuck_from <= L), (scheme, L)


def test_large_lr_moves_first_at_step_two_for_three_and_four_layers():
    """NOTES N2b: only f_1 = 0 for L = 3, 4; for L = 2 already f_1 differs from 0."""
    method = iw.GradientDescent(0.2, steps=2, first_learning_rate=2.0)
    moved = {L: np.abs(iw.solve(DeepLinearIntegrable(L), X, Y, method).outputs).max(axis=(1, 2)) > 1e-12 for L in (2, 3, 4)}
    assert moved[2].tolist() == [False, True, True]
    assert moved[3].tolist() == moved[4].tolist() == [False, False, True]


def test_one_layer_one_sample_in_closed_form():
    """f = sinh 2s with ds = (y - f) dt."""
    from scipy.integrate import solve_ivp

    sol = iw.solve(DeepLinearIntegrable(1, "naive"), [[1.0]], [2.0], iw.GradientFlow(2.0, rtol=1e-9, atol=1e-12), save_at=[0.3, 1, 2])
    s = solve_ivp(lambda t, s: 2 - np.sinh(2 * s), (0, 2), [0.0], t_eval=[0.3, 1, 2], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(sol.outputs.ravel(), np.sinh(2 * s.y[0]), atol=1e-8)


@pytest.mark.parametrize("scheme", ["naive", "large_lr", "non_centered"])
def test_conserved_quantities_and_energy_identity(scheme):
    """Along the flow A_{l+1}^T A_{l+1} - A_l A_l^T stays, and dLoss/dt = -|v|^2."""

    def charges(t, state, problem):
        A = problem.matrices(state)
        return np.array([above.T @ above - below @ below.T for below, above in pairwise(A)])

    def speed(t, state, problem):
        velocity = np.empty_like(state)
        problem.evaluate(state, velocity)
        return velocity @ velocity

    method = iw.GradientFlow(4.0, rtol=1e-10, atol=1e-12, first_learning_rate=2.0)
    times = np.linspace(0, 4, 801)
    sol = iw.solve(DeepLinearIntegrable(2, scheme), X, Y, method, save_at=times, observables={"charges": charges, "speed": speed})
    assert sol.loss[-1] < 0.8 * sol.loss[0]
    np.testing.assert_allclose(
        sol.observables["charges"], np.broadcast_to(sol.observables["charges"][0], sol.observables["charges"].shape), atol=1e-8
    )
    lost = np.trapezoid(sol.observables["speed"], times)
    assert sol.loss[0] - sol.loss[-1] == pytest.approx(lost, rel=1e-4)


CASES = [  # one hidden layer is the muP limit exactly: see test_deep_linear_mup
    ("naive", "integrable", 2),
    ("large_lr", "integrable_large_lr", 2),
    ("large_lr", "integrable_large_lr", 3),
    pytest.param("large_lr", "integrable_large_lr", 4, marks=pytest.mark.slow),
    ("non_centered", "integrable_non_centered", 3),
]


@pytest.mark.parametrize(("scheme", "preset", "L"), CASES)
def test_finite_networks_approach_the_limit(scheme, preset, L):
    """Gap ~ m^{-1/2}; the problem, the widths and the seeds 0..23 were fixed beforehand."""
    method = iw.GradientDescent(0.25, steps=12, first_learning_rate=2.0 if scheme == "large_lr" else None)
    networks = [Network(3, L, m, "linear", getattr(Parameterization, preset)(L), output_dim=2) for m in (64, 128, 256, 512, 1024)]
    result = iw.compare(DeepLinearIntegrable(L, scheme), networks, X, Y, method, seeds=24)
    assert not result.failed
    assert np.abs(result.limit.outputs).max() > 0.05  # not 0 against 0
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) <= 2 * result.slope_error, str(result)
