from itertools import pairwise

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepLinearIntegrable, DeepLinearMuP, Network, Parameterization

RNG = np.random.default_rng(2011)
X = RNG.standard_normal((6, 3))
Y = np.stack([X @ [1.0, -0.5, 0.3], X @ [0.2, 0.8, -0.6]], axis=1) + 0.1 * RNG.standard_normal((6, 2))

# Gradient flow on one sample x = 1, y = 2 at t = .1, .2, .5, 1 (2211.16980, its ODE solved to 6 digits)
FLOW = {
    1: [0.370100, 0.702129, 1.475699, 1.931338],
    2: [0.557509, 1.088088, 1.911879, 1.999250],
    3: [0.773083, 1.510309, 1.994808, 1.999998],
}


@pytest.mark.parametrize("L", FLOW)
def test_gradient_flow_of_one_sample(L):
    """Gradient descent at three rates, extrapolated twice (errors of order rate and rate^2 removed)."""
    outputs = []
    for steps in (50, 100, 200):
        sol = iw.solve(
            DeepLinearMuP(L), [[1.0]], [2.0], iw.GradientDescent(1 / steps, steps), save_at=[steps // 10, steps // 5, steps // 2, steps]
        )
        outputs.append(sol.outputs.ravel())
    once = [2 * fine - coarse for coarse, fine in pairwise(outputs)]
    np.testing.assert_allclose((4 * once[1] - once[0]) / 3, FLOW[L], atol=2e-4)


@pytest.mark.parametrize("method", [iw.GradientDescent(0.15, 30), iw.HeavyBall(0.3, 0.7, 30), iw.HeavyBall(0.2, 0.0, 15)])
@pytest.mark.parametrize(("X", "Y"), [(X, Y), (X[:2], Y[:2]), (X, Y[:, :1])])
def test_one_layer_is_a_finite_linear_network(method, X, Y):
    """With one hidden layer µP is mean-field, whose limit is an ordinary network of width d + k (2011.14522, TP4): exact."""
    causal = iw.solve(DeepLinearMuP(1), X, Y, method, X_test=2 * X - 1)
    markov = iw.solve(DeepLinearIntegrable(1, "naive"), X, Y, method, X_test=2 * X - 1)
    assert np.abs(markov.outputs).max() > 0.3
    np.testing.assert_allclose(causal.outputs, markov.outputs, atol=1e-11)
    if len(X) > X.shape[1]:  # else the Markov limit agrees on the span of the data only
        np.testing.assert_allclose(causal.test_outputs, markov.test_outputs, atol=1e-11)


def test_small_gamma_is_the_tangent_kernel():
    """gamma -> 0 is the linear model with the kernel (L + 1) X X^T."""
    L, n = 2, len(X)
    sol = iw.solve(DeepLinearMuP(L, gamma=1e-3), X, Y, iw.GradientDescent(0.1, steps=20))
    f = np.zeros_like(Y)
    for _ in range(20):
        f = f - 0.1 * (L + 1) * X @ X.T @ (f - Y) / n
    np.testing.assert_allclose(sol.outputs[-1], f, atol=1e-5)


def test_prediction_is_linear_and_min_norm():
    sol = iw.solve(DeepLinearMuP(2), X[:2], Y[:2], iw.GradientDescent(0.2, steps=300), X_test=X, save_at=[300])
    np.testing.assert_allclose(sol.predict(X[:2]), Y[:2], atol=1e-8)
    np.testing.assert_allclose(sol.predict(X), X @ np.linalg.pinv(X[:2]) @ Y[:2], atol=1e-8)  # 2211.16980: minimum l2 norm
    np.testing.assert_array_equal(sol.test_outputs[-1], sol.predict(X))


@pytest.mark.parametrize("L", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_finite_networks_approach_the_limit(L):
    """Gap ~ m^{-1/2}; the problem, the widths and the seeds 0..23 were fixed beforehand."""
    networks = [Network(3, L, m, "linear", Parameterization.mup(L), output_dim=2) for m in (64, 128, 256, 512, 1024)]
    result = iw.compare(DeepLinearMuP(L), networks, X, Y, iw.GradientDescent(0.15, steps=12), seeds=24, X_test=X[::-1] + 1)
    assert np.abs(result.limit.outputs).max() > 0.5
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) <= 2 * result.slope_error, str(result)
