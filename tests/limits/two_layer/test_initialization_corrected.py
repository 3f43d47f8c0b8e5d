"""The initialization-corrected limit: its law at the start, its tests points, and finite networks."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import InitCorrectedMeanField, InitCorrectedNetwork, gaussian

X = np.array([[1.0, 0.5], [-0.3, 1.0], [0.7, -1.2], [0.2, 0.1]])
Y = np.array([1.0, -1.0, 0.5, 0.0])
X_TEST = np.array([[0.4, 0.9], [1.0, 0.5]])
START = iw.GradientDescent(0.1, 0)


def covariance(A, B):
    sizes = np.linalg.norm(A, axis=1)[:, None], np.linalg.norm(B, axis=1)
    return gaussian.dual("relu", sizes[0] ** 2, sizes[1] ** 2, np.clip(A @ B.T / (sizes[0] * sizes[1]), -1, 1)).value


@pytest.mark.parametrize("model", [InitCorrectedMeanField("relu", 50), InitCorrectedNetwork(200, "relu")], ids=["limit", "network"])
def test_the_law_of_the_start(model):
    """Covariance of the outputs on training and test points over seeds: the kernel of the Gaussian process."""
    both = np.concatenate([X, X_TEST])
    draws = []
    for seed in range(600):
        sol = iw.solve(model, X, Y, START, X_test=X_TEST, rng=seed)
        draws.append(np.concatenate([sol.outputs[0, :, 0], sol.test_outputs[0, :, 0]]))
    found, exact = np.cov(np.array(draws).T), covariance(both, both)
    sd = np.sqrt((exact**2 + np.outer(np.diag(exact), np.diag(exact))) / 600)
    assert (np.abs(found - exact) < 4.5 * sd).all()
    assert np.abs(np.mean(draws, axis=0) / np.sqrt(np.diag(exact) / 600)).max() < 4


def test_one_path_is_one_function():
    """A test point that is a training point has its output, whenever it is asked for; so has a point predicted later."""
    sol = iw.solve(InitCorrectedMeanField("erf", 500), X, Y, iw.GradientDescent(0.1, 20), X_test=X_TEST, rng=3)
    np.testing.assert_allclose(sol.test_outputs[:, 1], sol.outputs[:, 0], atol=1e-6)
    np.testing.assert_allclose(sol.predict(X), sol.outputs[-1], atol=1e-12)
    np.testing.assert_allclose(sol.predict(X_TEST), sol.test_outputs[-1], atol=1e-12)
    near = sol.predict(X + 1e-7)
    np.testing.assert_allclose(near, sol.outputs[-1], atol=1e-4)


def test_training_moves_the_mean_field_part_alone():
    """f_t - f_0 is the change of the mean-field network trained with that offset."""
    network = InitCorrectedNetwork(64, "relu")
    sol = iw.solve(network, X, Y, iw.GradientDescent(0.3, 30), rng=5)
    (W, a), (W0, a0) = (sol.problem.particles(s) for s in (sol.state, sol.problem.start()))
    mean_field = [np.maximum(X @ w.T, 0) @ b / 64 for w, b in ((W, a), (W0, a0))]
    np.testing.assert_allclose(sol.outputs[-1] - sol.outputs[0], mean_field[0] - mean_field[1], atol=1e-12)
    np.testing.assert_allclose(sol.outputs[0], 8 * mean_field[1], atol=1e-12)


@pytest.mark.slow
def test_finite_networks_approach_the_flow_with_their_own_offset():
    """The offset of a network as a fixed function for an independent wide flow: the gap falls like width^{-1/2}; declared seeds 0..169."""
    method, widths = iw.GradientDescent(0.3, 40), (64, 256, 1024)
    rng = np.random.default_rng(99)
    W, a = rng.standard_normal((20_000, 2)), rng.standard_normal((20_000, 1))
    own = lambda Z: np.maximum(Z @ W.T, 0) @ a / len(W)  # noqa: E731
    gaps = []
    for m in widths:
        row = []
        for seed in range(170):
            sol = iw.solve(InitCorrectedNetwork(m, "relu"), X, Y, method, rng=np.random.SeedSequence([seed, m]), save_at=[40])
            w, b = sol.problem.particles(sol.problem.start())

            def offset(Z, w=w, b=b):
                return np.maximum(Z @ w.T, 0) @ b / len(w) ** 0.5 - own(Z)

            wide = iw.TwoLayerMeanField("relu", 20_000, initial=(W, a), offset=offset)
            reference = iw.solve(wide, X, Y, method, save_at=[40])
            row.append(np.sqrt(np.mean((sol.outputs - reference.outputs) ** 2)))
        gaps.append(row)
    slope, error = iw.power_law(widths, gaps)
    assert error <= 0.05
    assert abs(slope + 0.5) < 2 * error + 0.02  # the reference's own error, (1024/20000)^{1/2} of the last gap


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: InitCorrectedMeanField("relu", 0), "particles: need an integer >= 1"),
        (lambda: InitCorrectedMeanField("relu", 5, weight_std=-1), "weight_std: need a finite number >= 0"),
        (lambda: InitCorrectedNetwork(0, "relu"), "width: need an integer >= 1"),
        (lambda: iw.solve(InitCorrectedNetwork(4, "relu"), method=START), "X: this model needs training data; give X and y"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
