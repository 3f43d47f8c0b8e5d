import numpy as np
import pytest
from scipy.integrate import solve_ivp

import infwidth as iw
from infwidth.limits import DeepIntegrable, TwoLayerMeanField
from infwidth.limits.integrable.neurons import dense_bytes

RNG = np.random.default_rng(0)
X = RNG.standard_normal((5, 3))
Y = RNG.standard_normal((5, 2))
CASES = [("naive", 2, "tanh"), ("large_lr", 3, "gelu"), ("large_lr", 2, "relu"), ("bias", 3, "elu"), ("non_centered", 3, "tanh")]


def bound(scheme, L, activation, y=Y, loss="squared", **options):
    model = DeepIntegrable(L, activation, 24, scheme, **options)
    return model.bind(iw.solvers.Data.check(X, y, loss), np.random.default_rng(1))


@pytest.mark.parametrize(("y", "loss"), [(Y, "squared"), (np.arange(5) % 3, "cross_entropy"), (np.sign(Y), "logistic")])
@pytest.mark.parametrize(("scheme", "L", "activation"), CASES)
def test_velocity_against_finite_differences(scheme, L, activation, y, loss):
    """Each kernel entry moves by N_l N_{l-1} times the gradient, an input weight or bias by N_1, an output weight by N_L."""
    system = bound(scheme, L, activation, y, loss).systems[0]
    rng = np.random.default_rng(2)
    state = system.start()
    state += 0.5 * rng.standard_normal(state.size)  # away from zero kernels, where relu has its kink
    velocity, factors = np.empty_like(state), np.empty_like(state)
    system.evaluate(state, velocity)
    weights, biases = system.layers(factors)
    sizes = [1, *(len(w) for w in weights[:-1]), 1]
    for l, w in enumerate(weights):
        w[:] = sizes[l] * sizes[l + 1]
    for b, size in zip(biases, sizes[1:], strict=bool(biases)):
        b[:] = size
    for i in rng.choice(state.size, 40, replace=False):
        e = np.eye(1, state.size, i)[0] * 1e-6
        slope = (system.evaluate(state + e).loss - system.evaluate(state - e).loss) / 2e-6
        assert velocity[i] == pytest.approx(-factors[i] * slope, abs=2e-6), i


@pytest.mark.parametrize(("scheme", "L", "activation"), CASES)
def test_descend_is_the_velocity(scheme, L, activation):
    problem = bound(scheme, L, activation)
    for step, rows in ((0, None), (0, np.array([3, 1])), (1, None), (1, np.array([2, 2, 0]))):
        state = problem.start() + 0.3
        moved, velocity = state.copy(), np.empty_like(state)
        a, update = problem.descend(moved, step=step, rows=rows)
        update(0.2)
        b = problem.evaluate(state, velocity, step=step, rows=rows)
        np.testing.assert_allclose(moved, state + 0.2 * velocity, atol=1e-13)
        assert a.loss == b.loss


@pytest.mark.parametrize(("scheme", "L", "activation"), [case for case in CASES if case[0] in ("large_lr", "bias")])
def test_a_batch_of_step_0_is_a_part_of_the_first_pass(scheme, L, activation):
    """The mean over two halves of the data is the step on all of them."""
    problem = bound(scheme, L, activation)
    steps = []
    for rows in (np.array([0, 1]), np.array([2, 3, 4]), None):
        velocity = np.empty_like(problem.start())
        problem.evaluate(problem.start(), velocity, step=0, rows=rows)
        steps.append(velocity)
    np.testing.assert_allclose(0.4 * steps[0] + 0.6 * steps[1], steps[2], atol=1e-13)
    assert np.abs(steps[0] - steps[2]).max() > 0.01


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("biases", [False, True])
def test_one_hidden_layer_is_two_layer_mean_field(activation, biases):
    """The same particles, to rounding; with biases those of hidden layer and output."""
    N, options = 40, {"scheme": "naive"} | ({"bias_std": 1.0} if biases else {})
    deep = bound(L=1, activation=activation, **options).systems[0]
    weights, hidden = deep.layers(deep.start())
    W = np.column_stack([weights[0], *hidden[:1]])
    two = TwoLayerMeanField(activation, len(W), bias=biases, initial=(W, weights[1].T), output_bias=biases, compiled=False)

    class Bound:
        def bind(self, data, rng):
            return deep

    for method in (iw.GradientDescent(0.3, 20), iw.HeavyBall(0.3, 1.0, 20), iw.GradientDescent(0.3, 20, batch_size=2)):
        a, b = (iw.solve(model, X, Y, method, rng=0, X_test=X + 1) for model in (Bound(), two))
        np.testing.assert_allclose(a.outputs, b.outputs, atol=1e-12)
        np.testing.assert_allclose(a.test_outputs, b.test_outputs, atol=1e-12)
    assert N > 0 and np.abs(a.outputs[-1] - a.outputs[0]).max() > 0.1


def test_flow_after_the_first_step():
    """Against scipy on the velocity, from the state after one large step."""
    model = DeepIntegrable(2, "tanh", 24, "large_lr")
    sol = iw.solve(model, X, Y, iw.GradientFlow(2.0, rtol=1e-8, atol=1e-10, first_learning_rate=1.5), save_at=[0, 1, 2], rng=3)
    problem = sol.problem
    state = problem.start()
    problem.descend(state, step=0)[1](1.5)

    def velocity(t, s):
        out = np.empty_like(s)
        problem.evaluate(s, out)
        return out

    truth = solve_ivp(velocity, (0, 2), state, t_eval=[0, 1, 2], rtol=1e-10, atol=1e-12, method="DOP853").y.T
    np.testing.assert_allclose(sol.outputs, [problem.predict(s, X) for s in truth], atol=1e-6)
    assert np.abs(sol.outputs[2] - sol.outputs[0]).max() > 0.1


def test_memory_of_kernels():
    assert dense_bytes((100, 1, 1, 50), 8) == 8 * (100 + 1 + 50)
    assert dense_bytes((7, 7, 7), 4) == 4 * 2 * 49
