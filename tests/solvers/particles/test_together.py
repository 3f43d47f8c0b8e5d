"""All small systems in one pass, against one system at a time."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations
from infwidth.solvers import Data
from infwidth.solvers.particles import together
from infwidth.solvers.particles.reference import NumpyEngine


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("k", [1, 2])
def test_every_system_has_the_formulas_of_the_reference(add, k):
    rng = np.random.default_rng(0)
    R, P, n, D = 5, 7, 4, 3
    W, a, X, r = (rng.standard_normal(shape) for shape in ((R * P, D), (R * P, k), (n, D), (R, n, k)))
    phi = activations.get("tanh")
    F, memo = together.outputs(phi, R, W, a, together.Small(X))
    out = rng.standard_normal((R * P, D)), rng.standard_normal((R * P, k))
    wanted = out[0].copy(), out[1].copy()
    together.move(phi, a, together.Small(X), r, 0.3, out, add, memo)
    engine = NumpyEngine(phi)
    for i in range(R):
        one = slice(i * P, (i + 1) * P)
        np.testing.assert_allclose(F[i], engine.outputs(W[one], a[one], X)[0], rtol=1e-12, atol=1e-14)
        engine.move(W[one], a[one], X, r[i], 0.3, (wanted[0][one], wanted[1][one]), add, None)
    np.testing.assert_allclose(out[0], wanted[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(out[1], wanted[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("loss, y", [("squared", [[1.0, 0.5], [-1.0, 0.3], [0.2, 0.4]]), ("cross_entropy", [0, 1, 1])])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sin"])
def test_a_run_of_many_small_replicas_is_that_of_the_reference(activation, loss, y):
    """30 replicas of 6 particles with biases: compiled=False takes them one by one."""
    X = np.array([[1.0, 0.5], [-0.3, 1.0], [0.4, -2.0]])
    runs = [
        iw.solve(
            iw.TwoLayerMeanField(activation, 180, bias=True, replicas=30, compiled=compiled, output_bias=True),
            X,
            y,
            iw.GradientDescent(0.2, 15),
            rng=0,
            loss=loss,
            X_test=X[:2] + 1,
        )
        for compiled in (True, False)
    ]
    assert np.ptp(runs[0].outputs, axis=0).max() > 0.1
    for name in ("loss", "outputs", "test_outputs", "state"):
        np.testing.assert_allclose(getattr(runs[0], name), getattr(runs[1], name), rtol=1e-9, atol=1e-12)


def test_small_systems_alone_are_taken_together():
    model = iw.TwoLayerMeanField("tanh", 400, replicas=8)
    for n, small in ((3, True), (1000, False)):
        problem = model.bind(Data.check(np.ones((n, 2)), np.ones(n)), np.random.default_rng(0))
        assert isinstance(problem._prepare(np.ones((n, 2))), together.Small) == small == together.together(8, 50, n)
