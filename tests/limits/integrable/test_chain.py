"""The compiled product of matrices and its gradient, against numpy and finite differences."""

import numpy as np
import pytest

from infwidth.limits import DeepLinearIntegrable
from infwidth.limits.integrable.deep_linear import SMALL, chain_gradient
from infwidth.solvers import Data


@pytest.mark.parametrize("scheme", ["naive", "large_lr", "non_centered"])
@pytest.mark.parametrize("L", [1, 2, 3, 5])
@pytest.mark.parametrize(("n", "d", "k"), [(4, 1, 1), (5, 3, 2), (60, 40, 3), (SMALL // 20 + 1, 20, 1)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compiled_velocity_is_the_reference(scheme, L, n, d, k, dtype):
    rng = np.random.default_rng(0)
    data = Data.check(rng.standard_normal((n, d)).astype(dtype), rng.standard_normal((n, k)))
    problem = DeepLinearIntegrable(L, scheme).bind(data, rng)
    assert problem._small_squared == (n * d * k <= SMALL)
    state = problem.start()
    for A in problem.matrices(state):  # what noise adds beside them, for one hidden layer, is 0
        A[...] = 0.5 * rng.standard_normal(A.shape)
    velocity = np.empty_like(state)
    loss, f = problem.evaluate(state, velocity)
    matrices = [A.astype(float) for A in problem.matrices(state)]
    P = np.linalg.multi_dot([*matrices[::-1], np.eye(d)])
    tolerance = {"rtol": 0, "atol": 2e3 * np.finfo(dtype).eps * (1 + np.abs(data.X @ P.T).max())}
    np.testing.assert_allclose(f, data.X @ P.T, **tolerance)
    np.testing.assert_allclose(loss, 0.5 * ((data.X @ P.T - data.y) ** 2).sum(axis=1).mean(), rtol=1e4 * np.finfo(dtype).eps)
    reference = chain_gradient(matrices, (data.X @ P.T - data.y).T @ data.X / n)
    for computed, expected in zip(problem.matrices(velocity), reference, strict=True):
        scale = np.abs(expected).max() + 1e-30
        np.testing.assert_allclose(computed / scale, -expected / scale, atol=2e4 * np.finfo(dtype).eps)
    moved = state.copy()
    problem.descend(moved)[1](0.1)
    np.testing.assert_allclose(moved, state + dtype(0.1) * velocity, rtol=0, atol=64 * np.finfo(dtype).eps * np.abs(velocity).max())


def test_reference_gradient_against_finite_differences():
    rng = np.random.default_rng(1)
    matrices = [rng.standard_normal(s) for s in ((3, 2), (3, 3), (2, 3))]
    E = rng.standard_normal((2, 2))

    def value(Ms):
        return np.sum(E * (Ms[2] @ Ms[1] @ Ms[0]))

    for l, G in enumerate(chain_gradient(matrices, E)):
        for index in np.ndindex(*G.shape):
            up, down = ([A.copy() for A in matrices] for _ in range(2))
            up[l][index] += 1e-6
            down[l][index] -= 1e-6
            assert (value(up) - value(down)) / 2e-6 == pytest.approx(G[index], abs=1e-8)
