"""Training on a population: exact gradients, fresh samples, and what no choice of scales can do."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import LinearTeacher

W = np.array([[1.0, -0.5, 0.2], [0.3, 0.0, 2.0]])
SIGMA = np.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.1], [0.0, 0.1, 0.5]])


def test_training_on_the_population_is_training_on_data_of_its_covariance():
    X, y = LinearTeacher(W, SIGMA).as_data()
    method = iw.GradientDescent(0.1, 15)
    population = iw.solve(iw.DeepLinearMuP(2, population=LinearTeacher(W, SIGMA)), method=method, X_test=np.eye(3))
    data = iw.solve(iw.DeepLinearMuP(2), X, y, method, X_test=np.eye(3))
    np.testing.assert_allclose(population.test_outputs, data.test_outputs, atol=1e-9)
    np.testing.assert_allclose(population.loss, data.loss, atol=1e-9)


def test_one_pass_sgd_follows_the_population_the_closer_the_larger_its_batches():
    """The mean square distance falls like 1 / batch size: seeds 0..7, both sizes."""
    limit = iw.DeepLinearMuP(2, population=LinearTeacher(W, SIGMA, noise=0.3), estimate_error=False)
    exact = iw.solve(limit, method=iw.GradientDescent(0.1, 15), X_test=np.eye(3), save_at=[15]).test_outputs
    gaps = {}
    for size in (20, 320):
        runs = [
            iw.solve(limit, method=iw.GradientDescent(0.1, 15, batch_size=size), X_test=np.eye(3), save_at=[15], rng=seed)
            for seed in range(8)
        ]
        assert runs[0].stats["batch_loss"].shape == (16,)
        gaps[size] = np.mean([(run.test_outputs - exact) ** 2 for run in runs])
    assert 8 < gaps[20] / gaps[320] < 32


@pytest.mark.parametrize("L", [1, 2, 4])
def test_isotropic_inputs_take_one_step(L):
    """Whatever the scales and rates, if sum_l c_l prod_{j != l} sigma_j^2 = 1: the first step is that of the tangent kernel."""
    rng = np.random.default_rng(L)
    scales, rates = np.exp(0.3 * rng.standard_normal((2, L + 1)))
    rates /= sum(c * np.prod(np.delete(scales, l) ** 2) for l, c in enumerate(rates))
    teacher = iw.limits.LinearTeacher(rng.standard_normal((2, 5)))
    model = iw.DeepLinearMuP(L, weight_std=tuple(scales), rates=tuple(rates), population=teacher)
    loss = iw.solve(model, method=iw.GradientDescent(1.0, 1)).loss
    assert loss[1] < 1e-20 < 0.1 < loss[0]


@pytest.mark.parametrize("L", [1, 2, 3])
def test_no_scales_beat_conjugate_gradients(L):
    """With one output, P(t) lies in the span of Sigma w, ..., Sigma^t w."""
    rng, lam = np.random.default_rng(L), np.array([1.0, 0.6, 0.35, 0.2, 0.1])
    w = rng.standard_normal(5)
    for _ in range(5):
        scales, rates = np.exp(0.4 * rng.standard_normal((2, L + 1)))
        model = iw.DeepLinearMuP(
            L,
            weight_std=tuple(scales),
            rates=tuple(0.3 * rates / (L + 1)),
            population=iw.limits.LinearTeacher(w[None], np.diag(lam)),
            estimate_error=False,
        )
        found = iw.solve(model, method=iw.GradientDescent(1.0, 3), X_test=np.eye(5)).test_outputs[:, :, 0]
        for t in (1, 2, 3):
            krylov = np.linalg.qr(lam[:, None] ** np.arange(1, t + 1) * w[:, None])[0]
            outside = found[t] - krylov @ (krylov.T @ found[t])
            assert np.linalg.norm(outside) < 1e-7 * np.linalg.norm(found[t])
        assert np.linalg.norm(found[3] - krylov[:, :2] @ (krylov[:, :2].T @ found[3])) > 1e-6 * np.linalg.norm(found[3])
