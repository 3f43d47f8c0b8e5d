"""The explicit march of the order parameters against their fixed point, and what it keeps."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepLinearMuP

RNG = np.random.default_rng(2011)
X = RNG.standard_normal((6, 3))
Y = np.stack([X @ [1.0, -0.5, 0.3], X @ [0.2, 0.8, -0.6]], axis=1) + 0.1 * RNG.standard_normal((6, 2))


def fixed_point(X, y, L, method, gamma):
    """THEORY 5 as it stands: sample by sample, one output, all sweeps of the fixed point, block of time by block of time.

    The coefficient of each past gradient stands where gradient descent has its rate.
    """
    steps = method.steps
    n = len(X)
    residuals, outputs = [], []
    for T in range(steps + 1):
        P = (T + 1) * n
        later = np.kron(np.tril(np.ones((T + 1, T + 1)), -1), np.ones((n, n)))
        coefficients = np.zeros((T + 1, T + 1))
        for t in range(T + 1):
            coefficients[t, :t] = method.weights(t)
        D = later * np.kron(coefficients, np.ones((n, n))) * (gamma / n * np.concatenate([*residuals, np.zeros(n)]))
        K = np.tile(X @ X.T, (T + 1, T + 1))
        Phi = [K] + [np.zeros((P, P)) for _ in range(L)]
        G = [np.zeros((P, P)) for _ in range(L + 1)] + [np.ones((P, P))]
        A, B = ([np.zeros((P, P)) for _ in range(L + 2)] for _ in range(2))
        for _ in range((3 * L + 3) * (T + 1)):
            for l in range(1, L + 1):
                M, N = A[l - 1] - D * Phi[l - 1], B[l + 1] - D * G[l + 1]
                R, S = np.linalg.inv(np.eye(P) - M @ N), np.linalg.inv(np.eye(P) - N @ M)
                f = np.diag(R @ (Phi[l - 1] @ N.T + M @ G[l + 1]) @ S.T) / gamma
                Phi[l], G[l] = R @ (Phi[l - 1] + M @ G[l + 1] @ M.T) @ R.T, S @ (G[l + 1] + N @ Phi[l - 1] @ N.T) @ S.T
                A[l], B[l] = R @ M, S @ N
        outputs.append(f[T * n :])
        residuals.append(outputs[-1] - y)
    return np.array(outputs)


@pytest.mark.parametrize("method", [iw.GradientDescent(0.3, 4), iw.HeavyBall(0.6, 0.5, 4)])
@pytest.mark.parametrize("gamma", [1.0, 0.3])
@pytest.mark.parametrize("L", [1, 2, 3])
def test_explicit_march_is_the_fixed_point(L, gamma, method):
    x, y = X[:2], Y[:2, 0]
    sol = iw.solve(DeepLinearMuP(L, gamma), x, y, method)
    reference = fixed_point(x, y, L, method, gamma)
    assert np.abs(reference).max() > 0.1
    np.testing.assert_allclose(sol.outputs[:, :, 0], reference, atol=1e-9)


def test_duplicated_samples_change_nothing():
    once = iw.solve(DeepLinearMuP(2), X, Y, iw.GradientDescent(0.2, steps=10))
    twice = iw.solve(DeepLinearMuP(2), np.vstack([X, X]), np.vstack([Y, Y]), iw.GradientDescent(0.2, steps=10))
    np.testing.assert_allclose(twice.outputs[:, :6], once.outputs, atol=1e-12)
    assert twice.problem.basis.shape == (3, 3)


def test_dependent_inputs_take_fewer_directions():
    flat = X @ np.diag([1.0, 1.0, 0.0]) + np.outer(X[:, 0], [0, 0, 0.1])
    sol = iw.solve(DeepLinearMuP(2), flat, Y, iw.GradientDescent(0.2, steps=10))
    assert sol.problem.basis.shape == (3, 2)
    still = iw.solve(DeepLinearMuP(2), 0 * X, Y, iw.GradientDescent(0.2, steps=10))
    assert not still.outputs.any()


def test_memory_does_not_grow_with_the_steps():
    """The layers stop widening, and settled gradients are forgotten."""
    sizes = []
    for steps in (60, 240):
        sol = iw.solve(DeepLinearMuP(2, tolerance=1e-6, estimate_error=False), X, Y, iw.GradientDescent(0.1, steps), save_at=[steps])
        network = sol.problem.network
        sizes.append(sum(A.size for A in (*network.matrices, *network.forward_known, *network.backward_known)))
        assert len(sol.problem.past) == 1
    assert sizes[1] < 1.5 * sizes[0]


@pytest.mark.parametrize("tolerance", [1e-6, 1e-5, 1e-4])
def test_the_stated_error_covers_what_is_dropped(tolerance):
    """Depths, strengths and rates of several kinds, at every step, against a tolerance of 1e-12."""
    for L, gamma, rate in ((2, 1.0, 0.1), (3, 0.5, 0.2), (3, 2.0, 0.05), (4, 1.0, 0.05)):
        method = iw.GradientDescent(rate, 40)
        exact = iw.solve(DeepLinearMuP(L, gamma, tolerance=1e-12, estimate_error=False), X, Y, method, X_test=X + 1)
        sol = iw.solve(DeepLinearMuP(L, gamma, tolerance=tolerance), X, Y, method, X_test=X + 1)
        truth = np.maximum(
            np.abs(sol.outputs - exact.outputs).max(axis=(1, 2)), np.abs(sol.test_outputs - exact.test_outputs).max(axis=(1, 2))
        )
        assert 0 < truth.max() < tolerance
        assert np.mean(truth <= sol.error + 1e-13) > 0.95
