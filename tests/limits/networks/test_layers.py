"""A stack of layers: forward by plain loops, gradients by finite differences, the step in place."""

import numpy as np
import pytest

from infwidth.limits import Network, Parameterization, activations
from infwidth.solvers import Data

LOSSES = {
    "squared": np.array([[0.3, -1.0], [1.2, 0.4], [-0.5, 0.1]]),
    "logistic": np.array([[1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]),
    "cross_entropy": np.array([0, 1, 1]),
}
ACTIVATIONS = [*activations.names(), activations.leaky_relu(0.3), activations.hermite(2), activations.hermite(3)]
PARAMETERIZATIONS = {
    "standard": Parameterization.standard(3),
    "ntk": Parameterization.ntk(3).with_biases(),
    "mup": Parameterization.mup(3),
    "integrable": Parameterization.integrable(3),
    "large_lr": Parameterization.integrable_large_lr(3),
    "bias": Parameterization.integrable_bias(3),
    "non_centered": Parameterization.integrable_non_centered(3),
}
X = np.random.default_rng(5).standard_normal((3, 2))


def bound(activation, loss, p, width=3, dtype=float, seed=7):
    net = Network(2, 3, width, activation, p, output_dim=2)
    return net.bind(Data.check(X.astype(dtype), LOSSES[loss], loss), np.random.default_rng(seed))


def rates(problem, p, width, step):
    """Learning rate of every entry of the state, from the exponents alone."""
    c = p.first_c if step == 0 and p.first_c else p.c
    bias_c = p.first_bias_c if step == 0 and p.first_bias_c else p.bias_c or ()
    sizes = [rows * columns for rows, columns in problem.shapes]
    parts = [np.full(size, float(width) ** -e) for size, e in zip(sizes, c, strict=True)]
    parts += [np.full(rows, float(width) ** -e) for (rows, _), e in zip(problem.shapes, bias_c, strict=False)]
    return np.concatenate(parts)


@pytest.mark.parametrize("p", PARAMETERIZATIONS.values(), ids=PARAMETERIZATIONS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: getattr(a, "name", a))
def test_velocity_against_finite_differences(activation, loss, p):
    problem = bound(activation, loss, p)
    state = problem.start()
    gradient = np.empty_like(state)
    for i in range(len(state)):
        e = np.zeros_like(state)
        e[i] = 1e-5
        gradient[i] = (problem.evaluate(state + e).loss - problem.evaluate(state - e).loss) / 2e-5
    for step in (0, 1):
        velocity = np.empty_like(state)
        problem.evaluate(state, velocity, step=step)
        expected = -rates(problem, p, 3, step) * gradient
        # each block on its own scale: rates differ by powers of the width
        np.testing.assert_allclose(velocity, expected, rtol=2e-5, atol=2e-7 * np.abs(expected).max())


@pytest.mark.parametrize("p", PARAMETERIZATIONS.values(), ids=PARAMETERIZATIONS)
def test_forward_against_plain_loops(p):
    problem = bound("tanh", "squared", p, width=5)
    state = problem.start()
    weights, biases = problem.layers(state)
    for x, out in zip(X, problem.predict(state, X), strict=True):
        for l, w in enumerate(weights):
            h = [5.0 ** -p.a[l] * sum(w[i, j] * x[j] for j in range(len(x))) for i in range(len(w))]
            if biases:
                h = [h[i] + biases[l][i] for i in range(len(w))]
            x = np.tanh(h)
        np.testing.assert_allclose(out, h, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rows", [None, np.array([2, 0])])
@pytest.mark.parametrize("p", PARAMETERIZATIONS.values(), ids=PARAMETERIZATIONS)
@pytest.mark.parametrize("activation", ["relu", "gelu", "linear"])
def test_descend_is_evaluate_and_a_step(activation, p, rows, dtype):
    problem = bound(activation, "cross_entropy", p, width=33, dtype=dtype)
    for step in (0, 1):
        state, moved, velocity = problem.start(), problem.start(), np.empty_like(problem.start())
        expected = problem.evaluate(state, velocity, step=step, rows=rows)
        evaluation, update = problem.descend(moved, step=step, rows=rows)
        np.testing.assert_array_equal(moved, state)  # nothing moves before the update
        update(0.3)
        assert evaluation.loss == expected.loss
        np.testing.assert_array_equal(evaluation.outputs, expected.outputs)
        scale = np.abs(velocity).max()
        np.testing.assert_allclose(moved, state + 0.3 * velocity, rtol=0, atol=(1 + scale) * 8 * np.finfo(dtype).eps)
        assert moved.dtype == dtype


def test_rows_are_the_loss_of_those_rows():
    problem = bound("relu", "squared", PARAMETERIZATIONS["mup"])
    state, velocity = problem.start(), np.empty_like(problem.start())
    singles = []
    for i in range(3):
        v = np.empty_like(velocity)
        singles.append((problem.evaluate(state, v, rows=np.array([i])).loss, v))
    whole = problem.evaluate(state, velocity)
    np.testing.assert_allclose(np.mean([loss for loss, _ in singles]), whole.loss)
    np.testing.assert_allclose(np.mean([v for _, v in singles], axis=0), velocity, atol=1e-14)
