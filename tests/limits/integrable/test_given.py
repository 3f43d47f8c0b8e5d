"""Starts of the user's own: neuronal embeddings with an exact limit, their fluctuations, and refusals."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable, fluctuations
from infwidth.limits.integrable.deep_linear import chain_gradient

RNG = np.random.default_rng(2001)
X = RNG.standard_normal((5, 2))
Y = X @ np.array([[0.7, 0.2], [-0.4, 0.5]])
A2, A3, A4 = (0.6 * RNG.standard_normal(shape) for shape in ((2, 2), (2, 2), (2, 2)))
METHOD = iw.GradientDescent(0.2, 12)


def embedding(rng, N, d, k):
    """w_1 = c_1, W_l = c_l . A_l c_{l-1}, w_4 = A_4 c_3 with Gaussian indices c: linear networks stay in the span of the c."""
    c1, c2, c3 = rng.standard_normal((3, N, 2))
    return [c1, (c2 @ A2, c1), (c3 @ A3, c2), A4 @ c3.T]


def exact():
    """The limit: a deep linear network of width 2."""
    A, outputs = [np.eye(2), A2, A3, A4], []
    for _ in range(METHOD.steps + 1):
        P = np.linalg.multi_dot(A[::-1])
        outputs.append(X @ P.T)
        A = [a - METHOD.learning_rate * g for a, g in zip(A, chain_gradient(A, (X @ P.T - Y).T @ X / len(X)), strict=True)]
    return np.array(outputs)


def run(N, seed, kernels="dense"):
    return iw.solve(DeepIntegrable(3, "linear", N, initial=embedding, kernels=kernels), X, Y, METHOD, rng=seed).outputs


def test_linear_embedding_tends_to_its_exact_limit():
    """Gap ~ N^{-1/2}; sizes and seeds 0..95 fixed beforehand."""
    sizes, truth = [64, 128, 256, 512], exact()
    assert np.abs(truth[-1] - truth[0]).max() > 0.3
    gaps = np.array([[np.sqrt(np.mean((run(N, seed) - truth) ** 2)) for seed in range(96)] for N in sizes])
    slope, error = iw.solvers.power_law(sizes, gaps)
    assert error <= 0.05
    assert abs(slope + 0.5) <= 2 * error, (slope, error)


def test_factors_and_matrices_start_alike():
    np.testing.assert_allclose(run(64, 3, "factored"), run(64, 3), atol=1e-12)


@pytest.mark.parametrize("kernels", ["dense", "factored"])
def test_biases_of_ones_own(kernels):
    """The weights and biases of a scheme, given as one's own, make the same run."""
    schemes = {scheme: DeepIntegrable(2, "elu", 40, scheme, bias_std=(0.5, 1.5)) for scheme in ("naive", "non_centered")}
    for model in schemes.values():
        sol = iw.solve(model, X, Y, METHOD, rng=0)
        weights, biases = sol.problem.systems[0].layers(sol.problem.start())
        own = DeepIntegrable(2, "elu", 40, initial=lambda rng, N, d, k, found=(weights, biases): found, kernels=kernels)
        mine = iw.solve(own, X, Y, METHOD, X_test=X)
        assert np.abs(sol.outputs[-1] - sol.outputs[0]).max() > 0.1
        np.testing.assert_allclose(mine.outputs, sol.outputs, atol=1e-12)
        np.testing.assert_allclose(mine.test_outputs, sol.outputs, atol=1e-12)


def test_fluctuations_at_the_start():
    """f = a (c2 c2^T / N) A2 (c1 c1^T / N) x: N Var = |a|^2 |v|^2 + (a.v)^2 + |u|^2 |x|^2 + (u.x)^2, v = A2 x, u = A2^T a, up to 1/N."""
    a, x = np.array([0.8, -0.5]), np.array([[1.0, 0.5]])

    def two_layers(rng, N, d, k):
        c1, c2 = rng.standard_normal((2, N, 2))
        return [c1, (c2 @ A2, c1), (c2 @ a)[None]]

    model = DeepIntegrable(2, "linear", 2000 * 400, initial=two_layers, replicas=2000, kernels="factored")
    found = fluctuations.replica_fluctuations(model, X, Y[:, :1], iw.GradientDescent(0.1, 0), x, rng=0)
    v, u, x = A2 @ x[0], A2.T @ a, x[0]
    expected = a @ a * (v @ v) + (a @ v) ** 2 + u @ u * (x @ x) + (u @ x) ** 2
    assert abs(found.variance.item() - expected) < 3 * found.error.item() + 0.02 * expected
    assert found.error.item() < 0.04 * expected


def test_fluctuations_have_a_limit():
    """N Var(f_N) after training agrees between N = 100 and N = 400."""
    found = [
        fluctuations.replica_fluctuations(
            DeepIntegrable(3, "tanh", 400 * N, initial=embedding, replicas=400), X, Y, METHOD, X[:1] + 1, rng=N
        )
        for N in (50, 200)
    ]
    difference, error = found[0].variance - found[1].variance, np.hypot(found[0].error, found[1].error)
    assert (np.abs(difference) < 3 * error + 0.05 * found[1].variance).all()
    assert (found[1].variance > 10 * found[1].error).all()


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda N, d, k: [np.ones((N, d)), np.ones((k, N))], r"initial: need a list of hidden_layers \+ 1 = 3 weights, got 2 weights"),
        (lambda N, d, k: 1.0, "initial: need a list .* got float"),
        (
            lambda N, d, k: ([np.ones((N, d)), np.ones((N, N)), np.ones((k, N))], [np.ones(N)]),
            r"initial: need hidden_layers \+ 1 = 3 biases with these weights, got 1",
        ),
        (
            lambda N, d, k: ([np.ones((N, d)), np.ones((N, N)), np.ones((k, N))], [np.ones(N), np.ones(N), np.ones(N)]),
            r"initial\[1\]\[2\]: need a vector of 2 numbers",
        ),
        (lambda N, d, k: [np.ones((N, d)), np.ones((N, 3)), np.ones((k, N))], r"initial\[1\]: need shape \(40, 40\), got \(40, 3\)"),
        (lambda N, d, k: [np.ones((d, N)), np.ones((N, N)), np.ones((k, N))], r"initial\[0\]: need shape \(40, 2\), got \(2, 40\)"),
        (lambda N, d, k: [np.ones((N, d)), (np.ones((N, 2)), np.ones((N, 3))), np.ones((k, N))], r"initial\[1\]: factors need one rank"),
        (lambda N, d, k: [np.ones((N, d)), np.full((N, N), np.nan), np.ones((k, N))], r"initial\[1\]: row 0 holds NaN"),
    ],
)
def test_wrong_starts_are_refused(weights, message):
    model = DeepIntegrable(2, "tanh", 40, initial=lambda rng, N, d, k: weights(N, d, k))
    with pytest.raises(ValueError, match=message):
        iw.solve(model, X, Y, METHOD)
