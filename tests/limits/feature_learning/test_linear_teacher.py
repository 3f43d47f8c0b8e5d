"""The population of a linear teacher against samples and differences."""

import numpy as np
import pytest

from infwidth.limits import LinearTeacher

W = np.array([[1.0, -0.5, 0.2], [0.3, 0.0, 2.0]])
SIGMA = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 0.5]])
TEACHER = LinearTeacher(W, SIGMA, noise=0.4)


def test_risk_and_gradient():
    rng = np.random.default_rng(0)
    P = rng.standard_normal(W.shape)
    X, y = TEACHER.sample(rng, 400_000)
    losses = 0.5 * ((X @ P.T - y) ** 2).sum(axis=1)
    assert abs(losses.mean() - TEACHER.risk(P)) < 4 * losses.std() / len(X) ** 0.5
    for i in np.ndindex(P.shape):
        move = np.zeros_like(P)
        move[i] = 1e-6
        assert TEACHER.gradient(P)[i] == pytest.approx((TEACHER.risk(P + move) - TEACHER.risk(P - move)) / 2e-6, abs=1e-7)
    assert TEACHER.risk(W) == pytest.approx(0.5 * 2 * 0.4**2)


def test_samples_have_the_covariance():
    X, y = TEACHER.sample(np.random.default_rng(1), 200_000)
    np.testing.assert_allclose(np.cov(X.T), SIGMA, atol=0.03)
    np.testing.assert_allclose((y - X @ W.T).std(axis=0), 0.4, atol=0.005)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((W, np.eye(2)), "covariance: need 3 columns"),
        ((W, np.arange(9.0).reshape(3, 3)), "covariance: need a symmetric matrix"),
        ((W, -np.eye(3)), "covariance: has the negative eigenvalue -1; give"),
        ((W, None, -1.0), "noise: need a finite number >= 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LinearTeacher(*arguments)
