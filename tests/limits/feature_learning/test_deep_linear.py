from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepLinearIntegrable, DeepLinearMuP, Network, Parameterization

RNG = np.random.default_rng(2011)
X = RNG.standard_normal((6, 3))
Y = np.stack([X @ [1.0, -0.5, 0.3], X @ [0.2, 0.8, -0.6]], axis=1) + 0.1 * RNG.standard_normal((6, 2))

# Gradient flow on one sample x = 1, y = 2 at t = .1, .2, .5, 1 (arXiv:2211.16980, its ODE solved to 6 digits)
FLOW = {
    1: [0.370100, 0.702129, 1.475699, 1.931338],
    2: [0.557509, 1.088088, 1.911879, 1.999250],
    3: [0.773083, 1.510309, 1.994808, 1.999998],
}


@pytest.mark.parametrize("L", FLOW)
def test_gradient_flow_of_one_sample(L):
    """The values are rounded to 6 digits."""
    sol = iw.solve(DeepLinearMuP(L), [[1.0]], [2.0], iw.GradientFlow(1.0, rtol=1e-8), save_at=[0.1, 0.2, 0.5, 1])
    gap = np.abs(sol.outputs.ravel() - FLOW[L])
    assert np.all(gap < 1e-6) and sol.error.max() < 1e-5


@pytest.mark.parametrize(("L", "t", "kernel"), [(1, 2, 4.470694), (1, 8, 2 * 5**0.5), (2, 4, 9.625146), (3, 3, 16.228874)])
def test_tangent_kernel_of_one_sample(L, t, kernel):
    """At the end of training (at t = 2 for the first); for L = 1 it is 2 cosh 2s with sinh 2s = f = 2 in the end."""
    sol = iw.solve(DeepLinearMuP(L), [[1.0]], [2.0], iw.GradientFlow(t, rtol=1e-8), save_at=[t])
    assert sol.problem.kernels().tangent.item() == pytest.approx(kernel, abs=2e-6)


@pytest.mark.parametrize("method", [iw.GradientDescent(0.15, 30), iw.HeavyBall(0.3, 0.7, 30), iw.HeavyBall(0.2, 0.0, 15)])
@pytest.mark.parametrize(("X", "Y"), [(X, Y), (X[:2], Y[:2]), (X, Y[:, :1])])
def test_one_layer_is_a_finite_linear_network(method, X, Y):
    """With one hidden layer µP is mean-field, whose limit is an ordinary network of width d + k (arXiv:2011.14522): exact."""
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
    np.testing.assert_allclose(sol.predict(X), X @ np.linalg.pinv(X[:2]) @ Y[:2], atol=1e-8)  # arXiv:2211.16980: minimum l2 norm
    np.testing.assert_array_equal(sol.test_outputs[-1], sol.predict(X))


def test_the_scales_of_gamma_in_other_words():
    """Output multiplier 1/gamma and rates gamma^2: a scale of the last layer and rates of the others."""
    method, gamma = iw.GradientDescent(0.1, 20), 1.7
    by_gamma = iw.solve(DeepLinearMuP(2, gamma), X, Y, method)
    by_scales = iw.solve(DeepLinearMuP(2, weight_std=(1, 1, 1 / gamma), rates=(gamma**2, gamma**2, 1)), X, Y, method)
    np.testing.assert_allclose(by_gamma.outputs, by_scales.outputs, atol=1e-12)
    np.testing.assert_allclose(by_gamma.problem.kernels().tangent, by_scales.problem.kernels().tangent, atol=1e-12)


def test_rates_are_redundant_where_scales_are_free():
    """A_l = sqrt(c_l) B_l: layers of rates c_l and scales s_l are those of rate (prod c)^(1/(L+1)) =: c and scales s_l sqrt(c / c_l)."""
    method, scales, rates = iw.GradientDescent(0.1, 15), np.array([1.0, 0.5, 0.8]), np.array([0.5, 2.0, 1.3])
    common = rates.prod() ** (1 / 3)
    one = iw.solve(DeepLinearMuP(2, weight_std=scales, rates=rates), X, Y, method)
    other = iw.solve(DeepLinearMuP(2, weight_std=scales * np.sqrt(common / rates), rates=common), X, Y, method)
    assert np.abs(one.outputs).max() > 0.3
    np.testing.assert_allclose(one.outputs, other.outputs, atol=1e-10)


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("L", "weight_std", "rates"),
    [
        (1, 1, 1),
        (2, 1, 1),
        (2, (1, 0.7, 0), (1, 0.5, 2)),
        *(pytest.param(L, 1, 1, marks=SLOW) for L in (3, 4, 5)),
        pytest.param(3, (0.8, 1, 0.6, 0), (0, 1, 1, 2), marks=SLOW),
    ],
)
def test_finite_networks_approach_the_limit(L, weight_std, rates):
    """Gap ~ m^{-1/2}; the problem, the widths and the seeds 0..23 were fixed beforehand."""
    p = replace(Parameterization.mup(L), weight_std=weight_std, rates=rates)
    networks = [Network(3, L, m, "linear", p, output_dim=2) for m in (64, 128, 256, 512, 1024)]
    limit, method = DeepLinearMuP(L, weight_std=weight_std, rates=rates), iw.GradientDescent(0.15 if L < 4 else 0.08, steps=12)
    result = iw.compare(limit, networks, X, Y, method, seeds=24, X_test=X[::-1] + 1)
    assert np.abs(result.limit.outputs).max() > 0.5
    assert result.slope_error <= 0.05
    assert abs(result.slope + 0.5) <= 2 * result.slope_error, str(result)
