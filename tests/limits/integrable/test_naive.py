import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable, activations

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8]])
Y = np.array([[1.0, 0.1], [-0.5, 0.4], [0.7, -0.2]])


@pytest.mark.parametrize("bias_std", [None, 0.0])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu", "leaky_relu"])
def test_first_step_of_two_layers_by_hand(activation, bias_std):
    """W_2 = eta mean_i phi'(h~^2_i) (w^3 y_i) x phi(w^1 x_i), b_2 likewise, and the output bias; nothing else moves."""
    phi = activations.get(activation)
    sol = iw.solve(DeepIntegrable(2, activation, 64, "naive", bias_std=bias_std), X, Y, iw.GradientDescent(0.3, 1), rng=0)
    system = sol.problem.systems[0]
    (w1, _, w3), ((v1, W2, v3), biases) = system.layers(system.start())[0], system.layers(sol.state)
    below = phi.value(X @ w1.T)
    if activation in ("relu", "leaky_relu"):  # by the sign of the vanishing field
        slope = phi.derivative(system._initial.fields[2].first)
    else:
        slope = phi.derivative(np.zeros_like(below))
    np.testing.assert_allclose(W2, 0.3 * (slope * (Y @ w3)).T @ below / 3, atol=1e-14)
    np.testing.assert_array_equal(v1, w1)
    np.testing.assert_array_equal(v3, w3)
    assert len(biases) == (0 if bias_std is None else 3)
    for b, expected in zip(biases, (np.zeros(64), 0.3 * (slope * (Y @ w3)).mean(axis=0), 0.3 * Y.mean(axis=0)), strict=False):
        np.testing.assert_allclose(b, expected, atol=1e-14)


@pytest.mark.parametrize("bias_std", [None, (0.5, 0.0)])
def test_flows_that_start_on_a_kink_are_refused(bias_std):
    """The direction in which relu leaves h^2 = 0 is that of one discrete step."""
    model = DeepIntegrable(2, "relu", 64, "naive", bias_std=bias_std)
    with pytest.raises(ValueError, match="first_learning_rate: this parameterization starts with one large step"):
        iw.solve(model, X, Y, iw.GradientFlow(1.0), save_at=[0, 1], rng=0)
    flow = iw.GradientFlow(0.1, rtol=0.1, atol=0.01, first_learning_rate=0.5, estimate_error=False)
    assert np.abs(iw.solve(model, X, Y, flow, save_at=[0, 0.1], rng=0).outputs[-1]).max() > 0.01
    assert (
        np.abs(iw.solve(DeepIntegrable(2, "tanh", 64, "naive"), X, Y, iw.GradientFlow(1.0), save_at=[0, 1], rng=0).outputs[-1]).max() > 0.01
    )


def test_biases_or_a_constant_pass_zero_kernels():
    """With them three hidden layers are no stationary point."""
    method = iw.GradientDescent(0.5, 10)
    for model in (
        DeepIntegrable(3, "tanh", 400, "naive", bias_std=1.0),
        DeepIntegrable(3, "sigmoid", 400, "naive"),
        DeepIntegrable(3, "softplus", 400, "naive"),
    ):
        outputs = iw.solve(model, X, Y, method, rng=0).outputs
        assert np.abs(outputs[-1] - outputs[0]).max() > 0.1


@pytest.mark.parametrize("bias_std", [(0.8, 0.0), (0.8, 0.5, 0.0)])
def test_signs_of_a_field_over_biased_layers_are_those_of_its_matrix(bias_std):
    """The last biases are 0. What step 0 takes for the field is what its matrix makes of the layer below, as at all later times: phi of
    w^1 x + b_1, or of b_2 alone."""
    L, phi = len(bias_std), activations.get("relu")
    system = iw.solve(DeepIntegrable(L, "relu", 64, "naive", bias_std=bias_std), X, Y, iw.GradientDescent(0.3, 0), rng=0).problem.systems[0]
    weights, biases = system.layers(system.start())
    below = phi.value(X @ weights[0].T + biases[0]) if L == 2 else np.tile(phi.value(biases[1]), (len(X), 1))
    assert list(system._initial.fields) == [L]
    field = system._initial.fields[L]
    np.testing.assert_allclose(field.at(np.arange(64), below), field.first, atol=1e-7)


def test_a_constant_decides_the_sides_of_a_kink_above_it():
    """phi = |h| + 1 in three layers whose biases are 0, which are refused where phi(0) = 0."""
    phi = activations.Activation("abs + 1", lambda h: np.abs(h) + 1, np.sign, kinks=(0.0,))
    sol = iw.solve(DeepIntegrable(3, phi, 64, "naive", bias_std=0.0), X, Y, iw.GradientDescent(0.3, 3), rng=0)
    field = sol.problem.systems[0]._initial.fields[3]
    np.testing.assert_allclose(field.at(np.arange(64), np.ones((3, 64))), field.first, atol=1e-7)
    assert np.abs(sol.outputs[-1]).max() > 0.1
