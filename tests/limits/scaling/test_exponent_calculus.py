"""The exponent calculus: hand-computed powers, known tables, and the exact limits."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import Network, Parameterization, activations, scaling

RELU_SQUARED = activations.custom("relu^2", lambda h: np.maximum(h, 0) ** 2, lambda h: 2 * np.maximum(h, 0), 2)
TABLE = ("h", "x", "gradient", "f", "update", "change", "f_change", "moved")


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in TABLE)


def test_a_wrong_name_is_reported():
    with pytest.raises(ValueError, match="activation: 'rellu' is not one of"):
        scaling.exponents(Parameterization.mup(1), "rellu")


# Hand-computed powers


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "elu", "gelu"])
@pytest.mark.parametrize("L", [1, 2, 3, 4, 5])
def test_naive_integrable_networks_at_the_start(L, activation):
    e = scaling.exponents(Parameterization.integrable(L), activation, steps=0)
    l = np.arange(1, L + 1)
    assert np.array_equal(e.h[0], -(l - 1) / 2)
    assert np.array_equal(e.gradient[0], -(L - l) / 2)
    assert e.f[0] == -L / 2
    first = -(L - l) / 2 - (l - 2)  # m^{-2 a - c} (x.x) times the gradient
    first[0] = -(L - 1) / 2
    assert np.array_equal(e.update[0, :L], first)


@pytest.mark.parametrize("L", [1, 2, 3, 4])
def test_squared_relu_shrinks_twice_as_fast_at_each_layer(L):
    e = scaling.exponents(Parameterization.integrable(L), RELU_SQUARED, steps=0)
    x = [0.0]
    for _ in range(L - 1):
        x.append(2 * (x[-1] - 0.5))  # h = m^{-1/2} x, x = h^2
    assert np.array_equal(e.x[0], x)


@pytest.mark.parametrize(
    ("build", "f", "gradient", "update", "output"),
    [(Parameterization.ntk, 0, 0.5, -0.5, 0), (Parameterization.mup, -0.5, 0, 0, 0), (Parameterization.standard, 0, 0.5, -0.5, 0)],
)
def test_known_parameterizations_at_the_start(build, f, gradient, update, output):
    e = scaling.exponents(build(3), "relu", steps=0)
    assert (e.f[0], e.update[0, 3]) == (f, output)
    assert np.all(e.h[0] == 0) and np.all(e.gradient[0] == gradient)
    # the standard first layer has rate m^{-1} but no large input: m^{-3/2}
    assert np.array_equal(e.update[0, :3], [update - (build == Parameterization.standard), update, update])


@pytest.mark.parametrize("activation", ["linear", "tanh", "elu", "gelu"])
@pytest.mark.parametrize(
    ("L", "f"),
    [(2, (-1, 0, 0, 0)), (3, (-1.5, -0.5, 0, 0)), (4, (-2, -1, 0, 0)), (5, (-2.5, -1.5, -1, -1)), (6, (-3, -2, -2, -2))],
)
def test_outputs_under_a_large_first_step(L, f, activation):
    assert np.array_equal(scaling.exponents(Parameterization.integrable_large_lr(L), activation).f, f)


@pytest.mark.parametrize("L", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("activation", ["relu", "abs", activations.leaky_relu(0.1)])
def test_a_large_first_step_moves_activations_with_a_mean_at_every_depth(L, activation):
    assert np.array_equal(scaling.exponents(Parameterization.integrable_large_lr(L), activation).f[1:], [0, 0, 0])


@pytest.mark.parametrize("L", [3, 4, 5])
def test_with_small_rates_and_biases_layers_come_alive_one_per_step(L):
    # NOTES N2d: m df/dh^l at step k is m^{-max(0, L - l - k)/2}
    e = scaling.exponents(Parameterization.integrable(L).with_biases(), "relu", steps=L)
    l = np.arange(1, L + 1)
    for k in range(L + 1):
        assert np.array_equal(e.gradient[k], -np.maximum(0, L - l - k) / 2)


def test_a_mean_carries_the_signal():
    e = scaling.exponents(Parameterization.integrable_non_centered(4), "relu", steps=1)
    assert np.all(e.h == 0) and np.all(e.f == 0) and np.all(e.gradient == 0)
    odd = scaling.exponents(Parameterization.integrable_non_centered(4), "tanh", steps=1)
    assert np.array_equal(odd.h, [[0, -0.5, -0.5, -0.5], [0, 0, 0, 0]])


def test_a_linear_network_has_no_bends():
    # A shared direction leaks into the others only through a nonlinear slope: with tanh the lower layers get a gradient at step 1.
    p = Parameterization.integrable_bias(4)
    assert np.array_equal(scaling.exponents(p, "linear", 1).gradient[1], [-1, -0.5, 0, 0])
    assert np.array_equal(scaling.exponents(p, "tanh", 1).gradient[1], [0, 0, 0, 0])


@pytest.mark.parametrize("L", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("build", ["integrable", "integrable_large_lr", "integrable_non_centered", "mup"])
def test_linear_outputs_against_the_exact_limits(build, L):
    # Where the exact limit of f is not zero its exponent is 0, and where it is zero the exponent is negative: step by step.
    X, y = np.array([[1.0, 0.2], [0.1, 0.9], [0.5, -0.3]]), np.array([1.0, 1.5, 0.7])
    net = Network(2, L, 1, "linear", getattr(Parameterization, build)(L))
    method = iw.GradientDescent(0.1, steps=5, first_learning_rate=1.0)
    outputs = iw.solve(scaling.limit(net), X, y, method).outputs
    predicted = scaling.exponents(net.parameterization, "linear", 5).f
    assert np.array_equal(np.abs(outputs).max(axis=(1, 2)) > 0, predicted == 0)
    assert np.all(predicted <= 0)


def test_weights_that_start_at_zero():
    p = replace(Parameterization.mup(2), weight_std=(1.0, 0.0, 1.0))
    linear = scaling.exponents(p, "linear", steps=2)
    assert linear.h[0, 1] == linear.f[0] == linear.gradient[0, 0] == linear.update[0, 0] == -np.inf
    assert np.all(linear.h[1] == 0) and linear.f[1] == 0
    relu = scaling.exponents(p, "relu", steps=2)  # relu'(0) = 0: layer 2 never starts
    assert np.all(relu.h[:, 1] == -np.inf) and np.all(relu.f_change == -np.inf)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(
    "p", [Parameterization.integrable_large_lr(3), Parameterization.mup(3), Parameterization.integrable_non_centered(2)]
)
def test_a_factor_moved_from_weights_to_multiplier_changes_nothing(p, activation):
    theta = np.array([0.3, -0.7, 1.1, 0.25])[: p.hidden_layers + 1]  # of its own in every layer
    shifted = replace(
        p,
        a=tuple(p.a + theta),
        b=tuple(p.b - theta),
        c=tuple(p.c - 2 * theta),
        first_c=None if p.first_c is None else tuple(p.first_c - 2 * theta),
    )
    assert same(scaling.exponents(p, activation, 3), scaling.exponents(shifted, activation, 3))


def test_the_first_rates_act_in_step_0_alone():
    plain, llr = Parameterization.integrable(3), Parameterization.integrable_large_lr(3)
    small_after = replace(llr, c=(5.0,) * 4)
    a, b = scaling.exponents(llr, "relu", 1), scaling.exponents(small_after, "relu", 1)
    assert np.array_equal(a.update[0], b.update[0]) and np.all(b.update[1] < a.update[1])
    assert np.all(scaling.exponents(plain, "relu", 1).update[0] < a.update[0])


@pytest.mark.parametrize("steps", [-1, 0.5, "two", True])
def test_bad_numbers_of_steps(steps):
    with pytest.raises(ValueError, match="steps: need an integer >= 0"):
        scaling.exponents(Parameterization.mup(1), "relu", steps)


def test_something_else_than_a_parameterization():
    with pytest.raises(TypeError, match="parameterization: need a Parameterization"):
        scaling.exponents("mup")


def test_the_transpose_returns_a_direction():
    # Tangent-kernel scaling, only layer 1 learns: f changes by w.W_2 (W_2^T w) = |W_2^T w|^2, a sum of m squares.
    p = replace(Parameterization.ntk(2), c=(0.0, 9.0, 9.0))
    assert scaling.exponents(p, "linear", 0).f_change[0] == 0
    # Only the output weights learn, w += x^3; then W_3^T w holds W_3^T W_3 x^2 ~ x^2, whose mean passes back through the mean of layer 2.
    p = Parameterization((0, 1, 0.5, 1), (0, 0, 0, 0), (9, 9, 9, -1), mean=(1, 1, 0, 0))
    assert np.array_equal(scaling.exponents(p, "linear", 1).gradient[:, 0], [-0.5, 0])


def test_biases_learn_where_weights_do_not():
    p = replace(Parameterization.integrable(2).with_biases(), c=(9.0, 9.0, 9.0))
    e = scaling.exponents(p, "tanh", 1)
    assert np.array_equal(e.update[0], [-0.5, 0, 0])
    assert e.f_change[0] == 0 and e.change[0, 1] == 0


def test_a_diverging_output_drives_its_own_updates():
    e = scaling.exponents(Parameterization.standard(2, c=0), "linear", 1)
    assert e.f[1] == 1 and e.h[1, 1] == 0.5
    assert e.update[1, 2] == e.update[0, 2] + e.f[1] + 2 * e.h[1, 1]  # residual, and x.x


def test_a_change_passes_through_what_was_learned_before():
    # After the large first step only layer 1 learns on. Through the initial weights alone its change would shrink by m^{-1/2} per layer.
    p = replace(Parameterization.integrable_large_lr(3), c=(-1.0, 9.0, 9.0, 9.0))
    e = scaling.exponents(p, "relu", 1)
    assert np.array_equal(e.change[1], [0, 0, 0]) and e.f_change[1] == 0


def test_the_first_bias_rates_act_in_step_0_alone():
    p = replace(Parameterization.integrable(2).with_biases(), c=(9.0, 9.0, 9.0))
    e = scaling.exponents(replace(p, first_bias_c=(3.0, 2.0, 1.0)), "tanh", 1)
    assert np.array_equal(e.update, [[-4.5, -3, -1], [-0.5, 0, 0]])


def test_a_learned_output_bias_is_part_of_the_output():
    p = replace(Parameterization.mup(2).with_biases(std=0), weight_std=(1, 0, 1), bias_c=(9.0, 9.0, 0.25))
    assert np.array_equal(scaling.exponents(p, "relu", 2).f, [-np.inf, -0.25, -0.25])


@pytest.mark.parametrize("activation", ["relu", "tanh", RELU_SQUARED])
@pytest.mark.parametrize("L", [2, 3])
def test_features_end_where_their_movement_takes_them(L, activation):
    p = Parameterization.integrable_large_lr(L, homogeneity=2 if activation is RELU_SQUARED else 1)
    e = scaling.exponents(p, activation, 3)
    assert np.all(e.x[1:] <= np.maximum(e.x[0], e.moved[1:4])) and np.any(e.x[1:] > e.x[0])


def test_layers_beyond_the_recursion_of_python_are_refused():
    with pytest.raises(ValueError, match="parameterization: 2000 hidden layers are too many; lower them"):
        scaling.exponents(Parameterization.mup(2000), "relu", 2)
