"""Which engine follows the particles, and what holds for every one of them."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import activations
from infwidth.solvers.particles import choice
from infwidth.solvers.particles.reference import NumpyEngine


@pytest.mark.parametrize(("activation", "D"), [("relu", 2), ("relu", 6)])
def test_memory_given_back_twice_is_lent_once(draw, activation, D):
    engine = choice.engine(activations.get(activation), D, 1)
    W, a, X, r = draw(200, 130, D, 1)
    inputs = engine.prepare(X)
    _, memo = engine.outputs(W, a, inputs)
    for _ in range(2):
        engine.move(W, a, inputs, r, 0.3, (W, a), True, memo)
    first, second = engine.outputs(W, a, inputs)[1], engine.outputs(W, a, inputs)[1]
    assert first is memo and not np.shares_memory(first, second)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("activation", "D"), [("relu", 2), ("leaky_relu", 2), ("abs", 2), ("relu", 3), ("relu", 7), ("tanh", 3), ("sin", 3)]
)
def test_weights_that_are_not_finite_are_no_crash_and_spoil_the_step(draw, activation, D, bad):
    engine = choice.engine(activations.get(activation), D, 1)
    for column in range(D + 1):
        W, a, X, r = draw(40, 20, D, 1)
        (W if column < D else a)[7, min(column, D - 1) if column < D else 0] = bad
        inputs = engine.prepare(X)
        with np.errstate(all="ignore"):
            F, memo = engine.outputs(W, a, inputs)
            engine.move(W, a, inputs, r, 1.0, (W, a), True, memo)
        assert not np.isfinite(np.concatenate([W.ravel(), a.ravel()])).all()
        if activation != "tanh" or np.isnan(bad) or column == D:  # tanh of infinity is finite
            assert not np.isfinite(F).all()


def test_divergence_shows():
    rng = np.random.default_rng(3)
    for activation, d in (("relu", 2), ("relu", 3), ("tanh", 3)):
        sol = iw.solve(
            iw.TwoLayerMeanField(activation, 64), rng.standard_normal((5, d)), 1e3 * np.ones(5), iw.GradientDescent(50.0, 40), rng=0
        )
        assert not sol.success and "diverged" in sol.message


@pytest.mark.parametrize(
    ("activation", "D", "k", "expected"),
    [
        ("relu", 2, 3, "SortedAngles"),
        ("linear", 2, 1, "SortedAngles"),
        ("relu", 1, 1, "ThinEngine"),
        ("leaky_relu", 4, 1, "ThinEngine"),
        ("relu", 4, 2, "BlockEngine"),
        ("abs", 3, 1, "BlockEngine"),
        ("relu", 5, 1, "BlockEngine"),
        ("erf", 1, 1, "BlockEngine"),
        ("cos", 2, 1, "NumpyEngine"),
    ],
)
def test_dispatch(activation, D, k, expected):
    assert type(choice.engine(activations.get(activation), D, k)).__name__ == expected
    assert isinstance(choice.engine(activations.get(activation), D, k, compiled=False), NumpyEngine)


def test_slopes_of_a_leaky_relu_are_exact():
    engine = choice.engine(activations.leaky_relu(0.123456789), 3, 1)
    assert engine.beta == 0.123456789
