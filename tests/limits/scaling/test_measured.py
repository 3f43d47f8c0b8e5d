"""The calculus against slopes of finite networks (the whole comparison is benchmarks/exponents.py)."""

import numpy as np
import pytest

from infwidth.limits import Parameterization, scaling

P = Parameterization
WIDTHS = (64, 128, 256, 512)
SEEDS = range(12)
TOLERANCE = 0.2


def problem():
    """Eight unit vectors; a target of mean 1 and slope 2, so that no average that matters is small."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((8, 4))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, 1 + 2 * (X - X.mean(axis=0)) @ np.array([0.5, -0.5, 0.5, 0.5])


def compare(parameterization, activation, learning_rate, first_learning_rate=None, steps=2):
    """Names, steps, predictions, slopes and standard errors of what disagrees beyond the tolerance and two standard errors.

    The standard errors are added because the seeds are few: that of f at the start is about .08 for 12 seeds and these widths, so that
    a bare .2 would fail by chance somewhere among hundreds of points. Powers of the width differ by 1/2 mostly, which still shows.
    """
    measured = scaling.slopes(
        parameterization,
        activation,
        *problem(),
        learning_rate=learning_rate,
        first_learning_rate=first_learning_rate,
        widths=WIDTHS,
        seeds=SEEDS,
        steps=steps,
    )
    table = scaling.exponents(parameterization, activation, steps)
    assert [name for name, _ in table.rows()] == list(measured.names)
    predicted = np.array([row for _, row in table.rows()])
    off = np.abs(measured.slope - predicted)
    wrong = np.argwhere(~(off <= TOLERANCE + 2 * measured.standard_error))
    return [(measured.names[i], int(t), predicted[i, t], measured.slope[i, t], measured.standard_error[i, t]) for i, t in wrong]


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "gelu"])
@pytest.mark.parametrize("build", [P.standard, P.ntk, P.mup, P.integrable])
def test_three_hidden_layers(build, activation):
    assert compare(build(3), activation, 0.5) == []


@pytest.mark.parametrize("activation", ["linear", "relu"])
def test_four_hidden_layers(activation):
    assert compare(P.integrable(4), activation, 0.5) == []


@pytest.mark.parametrize(
    ("parameterization", "activation", "rate", "first"),
    [
        (P.integrable_large_lr(3), "relu", 0.5, 6.0),
        (P.integrable_large_lr(3), "tanh", 0.5, 6.0),
        (P.integrable_large_lr(2), "linear", 0.5, 6.0),
        (P.integrable_bias(2), "relu", 0.3, 4.0),
        (P.integrable_bias(2), "tanh", 0.3, 4.0),
        (P.integrable_non_centered(3), "relu", 0.5, 0.5),
        (P.integrable_non_centered(3), "tanh", 0.5, 0.5),
    ],
)
def test_first_rates_biases_and_means(parameterization, activation, rate, first):
    assert compare(parameterization, activation, rate, first) == []


@pytest.mark.parametrize(
    ("parameterization", "activation"),
    [(P.integrable(3), "abs"), (P.mup(3), "abs"), (P.mup(2), "cos"), (P.ntk(2), "cos"), (P.mup(2), "sigmoid"), (P.ntk(2), "softplus")],
)
def test_even_activations_and_a_value_at_zero(parameterization, activation):
    assert compare(parameterization, activation, 0.3) == []


def test_a_nonlinear_slope_mixes_directions():
    # IP-bias with tanh: at step 1 the gradient of layer 1 is of order 1, with a prefactor that grows with the first step; a linear
    # network has m^{-1/2} there.
    tanh = scaling.slopes(P.integrable_bias(3), "tanh", *problem(), learning_rate=0.3, first_learning_rate=4.0, widths=WIDTHS, seeds=SEEDS)
    at = tanh.names.index("m df/dh1")
    assert scaling.exponents(P.integrable_bias(3), "tanh").gradient[1, 0] == 0
    assert abs(tanh.slope[at, 1]) < TOLERANCE
    linear = scaling.slopes(
        P.integrable_bias(3), "linear", *problem(), learning_rate=0.3, first_learning_rate=1.0, widths=WIDTHS, seeds=SEEDS
    )
    assert scaling.exponents(P.integrable_bias(3), "linear").gradient[1, 0] == -0.5
    assert abs(linear.slope[at, 1] + 0.5) < TOLERANCE


def test_one_seed_less_is_not_the_same_measurement():
    a, b = (scaling.slopes(P.mup(1), "tanh", *problem(), widths=(16, 32), seeds=seeds) for seeds in ((0, 1), (0, 2)))
    assert np.array_equal(a.log_sizes[:, 0], b.log_sizes[:, 0]) and not np.array_equal(a.log_sizes[:, 1], b.log_sizes[:, 1])
    slope = (a.log_sizes[1].mean(axis=0) - a.log_sizes[0].mean(axis=0)) / np.log(2)
    assert np.allclose(slope, a.slope) and np.allclose(slope, a.last_slope)


def test_a_run_that_diverges_gives_no_slope():
    measured = scaling.slopes(P.mup(2), "relu", *problem(), learning_rate=1e200, widths=(16, 32), seeds=(0, 1))
    start = [name in ("h1", "h2", "f", "m df/dh1", "m df/dh2") for name in measured.names]
    assert np.all(np.isfinite(measured.slope[start, 0])) and not np.any(np.isfinite(measured.slope[:, 1]))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"widths": (64,)}, "widths: need 2 integers or more, got 1"),
        ({"seeds": (0,)}, "seeds: need 2 integers or more, got 1"),
        ({"widths": (64, 64)}, "widths, seeds: need at least two"),
        ({"widths": (64, 0)}, r"widths\[1\]: need an integer >= 1"),
        ({"learning_rate": 0}, "learning_rate: need a finite number > 0"),
        ({"first_learning_rate": -1}, "first_learning_rate: need a finite number > 0"),
        ({"steps": -1}, "steps: need an integer from 0 to 10000"),
    ],
)
def test_bad_arguments(bad, message):
    with pytest.raises(ValueError, match=message):
        scaling.slopes(P.mup(1), "relu", *problem(), **bad)
