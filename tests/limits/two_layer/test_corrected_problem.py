"""Draws of the initialization-corrected limit together, and one by one."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import InitCorrectedMeanField
from infwidth.solvers.studies.replicas import covariance

X = np.array([[1.0, 0.5], [-0.3, 1.0], [0.7, -1.2], [0.2, 0.1]])
X_TEST = np.array([[0.4, 0.9], [1.0, 0.5]])
TARGETS = {"squared": np.array([1.0, -1.0, 0.5, 0.0]), "logistic": np.array([1, -1, 1, -1]), "cross_entropy": np.array([0, 1, 2, 1])}
METHODS = {
    "descent": iw.GradientDescent(0.4, 10),
    "minibatches": iw.GradientDescent(0.4, 10, batch_size=2),
    "heavy ball": iw.HeavyBall(0.4, 0.5, 10),
    "RMSProp": iw.RMSProp(0.05, 10),
}


@pytest.mark.parametrize(("loss", "method"), [*zip(("squared", "logistic", "cross_entropy", "squared"), METHODS, strict=True)])
@pytest.mark.parametrize("particles", [400, 6000])  # all in one pass, and one after the other
def test_draws_are_mean_field_flows_with_one_offset_each(loss, method, particles):
    """The same as ``TwoLayerMeanField`` from the particles and the path of each draw; the loss is the mean of theirs."""
    model = InitCorrectedMeanField("relu", particles, replicas=4)
    options = {"loss": loss, "X_test": X_TEST, "save_at": [0, 10], "rng": (0, 7)}
    sol = iw.solve(model, X, TARGETS[loss], METHODS[method], **options)
    problem, size = sol.problem, particles // 4
    W, a = problem.particles(problem.start())
    losses, outputs = [], []
    for r in range(4):
        w, b = W[r * size : (r + 1) * size], a[r * size : (r + 1) * size]

        def offset(Z, r=r, w=w, b=b):
            return problem.replica_outputs(problem.start(), Z)[r] - np.maximum(Z @ w.T, 0) @ b / len(w)

        run = iw.solve(iw.TwoLayerMeanField("relu", size, initial=(w, b), offset=offset), X, TARGETS[loss], METHODS[method], **options)
        losses.append(run.loss)
        outputs.append(np.concatenate([run.outputs[-1], run.test_outputs[-1]]))
    np.testing.assert_allclose(sol.problem.draws(sol.state, X_TEST), outputs, atol=1e-10)
    np.testing.assert_allclose(sol.loss, np.mean(losses, axis=0), atol=1e-10)
    np.testing.assert_allclose(sol.covariance[-1], covariance(np.array(outputs)), atol=1e-10)


def test_a_point_is_drawn_once():
    """Whenever it is asked for, and however often: the path does not grow."""
    sol = iw.solve(InitCorrectedMeanField("erf", 60, replicas=3), X, TARGETS["squared"], METHODS["descent"], X_test=X_TEST, rng=3)
    np.testing.assert_allclose(sol.problem.draws(sol.state, X_TEST)[:, 5], sol.problem.draws(sol.state, X_TEST)[:, 0], atol=1e-6)
    assert len(sol.problem._known) == 2
    np.testing.assert_allclose(sol.predict(X_TEST), sol.test_outputs[-1], atol=1e-12)


def test_one_draw_says_how_to_have_its_law():
    sol = iw.solve(InitCorrectedMeanField("relu", 60), X, TARGETS["squared"], METHODS["descent"], rng=3)
    assert sol.covariance is None and sol.error is None and "replicas" in sol.message
    known = iw.solve(InitCorrectedMeanField("relu", 60).started_at(lambda Z: Z[:, :1]), X, TARGETS["squared"], METHODS["descent"], rng=3)
    assert known.message == "finished"
    np.testing.assert_array_equal(known.outputs[0], X[:, :1])
