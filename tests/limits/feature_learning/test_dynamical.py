"""Dynamical mean-field theory: exact limits, finite networks, stated errors."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DynamicalMeanField

X = np.array([[0.6, -0.2, 0.5], [-0.4, 0.8, 0.1], [0.3, 0.5, -0.7], [0.9, 0.1, 0.2]])
Y = np.array([1.0, -1.0, 0.5, 0.2])
X_TEST = np.array([[0.1, 0.7, 0.4], [-0.5, 0.2, 0.9]])
METHOD = iw.GradientDescent(0.4, 8)


@pytest.mark.parametrize("L", [1, 2, 4])
def test_linear_networks_are_exact(L):
    """Averages of products of two samples are exact by construction, so there is no sampling error; two outputs, momentum, test points."""
    y = np.column_stack([Y, Y[::-1]])
    for method in (METHOD, iw.HeavyBall(0.3, 1.0, 8)):
        found = iw.solve(DynamicalMeanField(L, "linear", 2048, replicas=2, tolerance=1e-5), X, y, method, rng=0, X_test=X_TEST)
        exact = iw.solve(iw.DeepLinearMuP(L), X, y, method, X_test=X_TEST)
        np.testing.assert_allclose(found.outputs, exact.outputs, atol=3e-5)
        np.testing.assert_allclose(found.test_outputs, exact.test_outputs, atol=3e-5)


def test_scales_rates_and_gamma_against_the_exact_linear_limit():
    options = {"gamma": 0.7, "weight_std": (1.2, 0.8, 0.0), "rates": (1.0, 0.5, 2.0)}
    y = np.column_stack([Y, Y[::-1]])
    found = iw.solve(DynamicalMeanField(2, "linear", 2048, replicas=1, tolerance=1e-5, **options), X, y, METHOD, rng=0)
    exact = iw.solve(iw.DeepLinearMuP(2, **options), X, y, METHOD)
    np.testing.assert_allclose(found.outputs, exact.outputs, atol=3e-5)
    assert abs(found.outputs[1]).max() > 0.01
    samples, true = found.problem.kernels(), exact.problem.kernels()
    np.testing.assert_allclose(samples.forward, true.forward, atol=3e-5)
    np.testing.assert_allclose(samples.backward, np.broadcast_to(true.backward[:, None, :, None], samples.backward.shape), atol=3e-5)
    np.testing.assert_allclose(samples.tangent, true.tangent, atol=3e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_one_hidden_layer_is_the_mean_field(activation):
    found = iw.solve(DynamicalMeanField(1, activation, 16384), X, Y, METHOD, rng=0, X_test=X_TEST)
    particles = iw.TwoLayerMeanField(activation, 16000, quasi_random=True, replicas=8)
    other = iw.solve(particles, X, Y, METHOD, rng=1, X_test=X_TEST)
    gap = np.maximum(np.abs(found.outputs - other.outputs).max((1, 2)), np.abs(found.test_outputs - other.test_outputs).max((1, 2)))
    assert (gap < 2 * (found.error + other.error) + 1e-3).all()


@pytest.mark.parametrize(("activation", "L"), [("tanh", 3), ("relu", 2)])
def test_vanishing_gamma_is_the_tangent_kernel(activation, L):
    """Features stand still, and the outputs solve the linear recursion with the kernel, integrated without samples. What is divided by
    gamma is zero to rounding, so that the error is that of gamma = 1."""
    found = iw.solve(DynamicalMeanField(L, activation, 8192, gamma=1e-3), X, Y, METHOD, rng=0, X_test=X_TEST)
    network = iw.Network(3, L, 64, activation, iw.Parameterization.ntk(L))
    kernel, to_test = (network.limit().kernel.ntk(inputs, X) for inputs in (X, X_TEST))
    np.testing.assert_allclose(found.problem.kernels().tangent[:, 0, :, 0], kernel, atol=0.02)
    f, new = np.zeros(4), np.zeros(2)
    for step in range(8):
        new, f = (old - 0.4 * K @ (f - Y) / 4 for old, K in ((new, to_test), (f, kernel)))
        gap = np.abs(np.concatenate([found.outputs[step + 1, :, 0] - f, found.test_outputs[step + 1, :, 0] - new]))
        assert gap.max() < found.error[step + 1] + 1e-3 < 0.03
    assert np.abs(found.outputs[0]).max() < 1e-9


@pytest.mark.parametrize("gamma", [1e-6, 1e-10])
def test_features_that_move_by_less_than_rounding(gamma):
    """The tolerance goes with gamma, to what numbers resolve and no further."""
    found = iw.solve(DynamicalMeanField(2, "linear", 2048, gamma=gamma), X, Y, METHOD, rng=0, X_test=X_TEST)
    exact = iw.solve(iw.DeepLinearMuP(2, gamma), X, Y, METHOD, X_test=X_TEST)
    np.testing.assert_allclose(found.outputs, exact.outputs, atol=1e-15 / gamma)
    np.testing.assert_allclose(found.test_outputs, exact.test_outputs, atol=1e-15 / gamma)


def test_test_points_that_are_training_points():
    sol = iw.solve(DynamicalMeanField(2, "gelu", 4096), X, Y, METHOD, rng=0, X_test=X[:2])
    np.testing.assert_allclose(sol.test_outputs, sol.outputs[:, :2], atol=5e-3)
    np.testing.assert_allclose(sol.predict(X_TEST), sol.problem.predict(sol.state, X_TEST))


@pytest.mark.slow
@pytest.mark.parametrize("L", [2, 3])
@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_finite_networks_approach_the_limit(activation, L):
    """Declared seeds 0..63, the same draws in all cases."""
    limit = DynamicalMeanField(L, activation, 65536)
    networks = [iw.Network(3, L, m, activation, iw.Parameterization.mup(L)) for m in (64, 256, 1024)]
    found = iw.compare(limit, networks, X, Y, METHOD, seeds=64)
    assert found.slope_error <= 0.05
    assert abs(found.slope + 0.5) < 2 * found.slope_error
    assert found.limit.error.max() < 0.2 * np.median(found.gaps[-1])  # it bends no slope


def distance(runs, sol):
    """Root mean square of the gap between networks' mean and a limit, in units of what chance makes of it; training and test points."""
    networks = np.array([np.concatenate([run.outputs, run.test_outputs], axis=1)[1:] for run in runs])
    found = np.concatenate([sol.outputs, sol.test_outputs], axis=1)[1:]
    chance = networks.var(axis=0, ddof=1).mean() / len(runs) + sol.problem.replica_outputs().var(axis=0, ddof=1).mean() / 4
    assert np.abs(found).max() > 15 * np.sqrt(chance)  # they moved, by far more than what is allowed
    return np.sqrt(np.mean((networks.mean(axis=0) - found) ** 2) / chance)


@pytest.mark.parametrize(
    ("activation", "L", "options", "method"),
    [
        ("tanh", 2, {}, METHOD),
        ("relu", 3, {}, METHOD),
        ("tanh", 4, {}, METHOD),
        ("gelu", 5, {"weight_std": 1.2}, METHOD),
        ("relu", 6, {"weight_std": 1.1}, METHOD),
        ("relu", 2, {"weight_std": (1.3, 1.2, 0.0), "rates": (0.5, 2.0, 1.5)}, METHOD),
        ("tanh", 3, {"weight_std": (1.0, 1.3, 0.8, 0.5), "rates": (0.0, 1.0, 0.5, 1.0)}, iw.HeavyBall(0.5, 1.0, 8)),
        ("gelu", 2, {"weight_std": (1.5, 0.0, 1.5)}, METHOD),
        ("tanh", 2, {"weight_std": (0.0, 1.0, 1.0)}, METHOD),
    ],
)
def test_means_of_finite_networks(activation, L, options, method):
    """Thirty-two networks of width 256, declared seeds 0..31, two outputs; their bias, O(1/width), is below what chance makes."""
    y = np.column_stack([Y, Y[::-1]])
    sol = iw.solve(DynamicalMeanField(L, activation, 4096, **options), X, y, method, rng=0, X_test=X_TEST)
    mup = replace(iw.Parameterization.mup(L), **options)
    network = iw.Network(3, L, 256, activation, mup, output_dim=2)
    assert distance([iw.solve(network, X, y, method, rng=seed, X_test=X_TEST) for seed in range(32)], sol) < 2


def test_minibatches_of_finite_networks():
    """The same batches for all: twelve steps on two of four samples."""
    choice = np.random.default_rng(7)
    batches = [choice.choice(4, 2, replace=False) for _ in range(13)]
    problem = iw.solve(DynamicalMeanField(2, "tanh", 8192), X, Y, iw.GradientDescent(0.4, 0), rng=0).problem
    problem.restore(problem.history(0))
    for step, rows in enumerate(batches):
        problem.extend(np.full(step, 0.4), rows)
    found, runs = problem.evaluate(problem).outputs, []
    for seed in range(32):
        network = iw.solve(iw.Network(3, 2, 512, "tanh", iw.Parameterization.mup(2)), X, Y, iw.GradientDescent(0.4, 0), rng=seed).problem
        state = network.start()
        for rows in batches[:-1]:
            network.descend(state, rows=rows)[1](0.4)
        runs.append(network.evaluate(state).outputs)
    error = np.sqrt(np.var(runs, axis=0, ddof=1).mean() / 32 + problem.replica_outputs().var(axis=0, ddof=1).mean() / 4)
    assert np.sqrt(np.mean((np.mean(runs, axis=0) - found) ** 2)) < 2 * error + 4 / 512 < 0.02 * np.abs(found).max()  # their bias


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "tolerance"), [("tanh", 0.1), ("relu", 1e-2)])
def test_the_stated_error_covers_the_truth(activation, tolerance):
    truth = iw.solve(DynamicalMeanField(2, activation, 65536, replicas=16), X, Y, METHOD, rng=10**6, save_at=[8])
    held = 0
    for seed in range(40):
        sol = iw.solve(DynamicalMeanField(2, activation, 1024, tolerance=tolerance), X, Y, METHOD, rng=seed, save_at=[8])
        held += np.abs(sol.outputs - truth.outputs).max() < sol.error[0]
    assert held >= 36  # 95%, within two standard deviations, less the truth's own error
    assert sol.error[0] < 0.1


@pytest.mark.parametrize(("loss", "y"), [("cross_entropy", [0, 1, 2, 1]), ("logistic", [1, -1, 1, -1])])
def test_other_losses_and_outputs_against_networks(loss, y):
    found = iw.solve(DynamicalMeanField(2, "gelu", 8192), X, y, METHOD, loss=loss, rng=0)
    network = iw.Network(3, 2, 512, "gelu", iw.Parameterization.mup(2), output_dim=found.outputs.shape[2])
    runs = np.array([iw.solve(network, X, y, METHOD, loss=loss, rng=s).outputs for s in range(16)])
    gap, error = np.abs(runs.mean(axis=0) - found.outputs), runs.std(axis=0, ddof=1) / 4
    assert (gap < 4 * error + found.error[:, None, None] + 5 / 512).all()
    assert np.abs(found.outputs[-1]).max() > 10 * error.max()


@pytest.mark.parametrize(("activation", "compressed"), [("relu", False), ("tanh", True)])
def test_gradients_whose_slope_jumps_are_all_new_directions(activation, compressed):
    """As the model says of the samples that relu needs: n k T of them, and 4 samples per replica for each; one run falls just short."""
    y, steps = np.column_stack([Y, Y[::-1]]), 16
    number = 4 * 2 * steps
    few, enough = (
        iw.solve(DynamicalMeanField(2, activation, S, replicas=1), X, y, iw.GradientDescent(1.0, steps), rng=0)
        for S in (3 * number, 5 * number)
    )
    directions = len(enough.problem.marches[0].layers[1].gradients)
    assert enough.success and (0.9 * number < directions <= number + 8 if not compressed else directions < 0.7 * number)
    assert few.success == compressed


def test_memory_and_samples_run_out_with_a_message():
    with pytest.raises(ValueError, match=r"samples: .* GB and more.*; take fewer"):
        iw.solve(DynamicalMeanField(2, "tanh", 10**9), X, Y, METHOD, rng=0)
    few = iw.solve(DynamicalMeanField(2, "tanh", 128), X, Y, METHOD, rng=0)
    assert not few.success
    assert "samples: 32 per replica are too few" in few.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_layers": 0}, "hidden_layers: need an integer from 1"),
        ({"samples": 10}, "replicas: 4 does not divide samples=10; take samples=12"),
        ({"gamma": 0}, "gamma: need a finite number > 0"),
        ({"tolerance": 0}, "tolerance: need a finite number > 0"),
        ({"weight_std": (1, 1)}, "weight_std: need one number, or one per weight layer"),
        ({"rates": (1, 1, -1)}, r"rates\[2\]: need a finite number >= 0"),
        ({"activation": "tan"}, "activation: 'tan' is not one of"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        DynamicalMeanField(**({"hidden_layers": 2, "activation": "tanh"} | options))
