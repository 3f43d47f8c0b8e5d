"""Predictions and kernels, of fields that nothing is learned from."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DynamicalMeanField, gaussian
from infwidth.limits.feature_learning import passive
from infwidth.limits.feature_learning.passive import passive_outputs
from infwidth.limits.networks.tangent import empirical_ntk

X, Y = np.array([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0]]), np.array([1.0, -0.5])
METHOD = iw.GradientDescent(0.4, 10)
directions = passive._directions


def test_they_do_not_change_the_march():
    model = DynamicalMeanField(2, "tanh", 2048)
    plain = iw.solve(model, X, Y, METHOD, rng=0)
    watched = iw.solve(model, X, Y, METHOD, rng=0, X_test=np.eye(3))
    np.testing.assert_array_equal(plain.outputs, watched.outputs)


def test_inputs_outside_the_span_of_the_data():
    """Against networks that learn from the same two points: the third coordinate meets the initial weights alone."""
    new = np.array([[0.3, 0.2, 1.0], [0.0, 0.0, 1.5]])
    sol = iw.solve(DynamicalMeanField(2, "relu", 16384), X, Y, METHOD, rng=0, X_test=new, save_at=[10])
    network = iw.Network(3, 2, 512, "relu", iw.Parameterization.mup(2))
    runs = np.array([iw.solve(network, X, Y, METHOD, rng=s, X_test=new, save_at=[10]).test_outputs for s in range(16)])
    error = runs.std(axis=0, ddof=1) / 4
    assert (np.abs(runs.mean(axis=0) - sol.test_outputs) < 4 * error + sol.error[0] + 5 / 512).all()
    assert sol.test_outputs[0, 0, 0] > 10 * error.max()


def test_one_input_is_enough():
    sol = iw.solve(DynamicalMeanField(1, "relu", 2048, replicas=1), X, Y, METHOD, rng=0)
    march = sol.problem.marches[0]
    inside = X[:1] @ sol.problem.basis
    np.testing.assert_allclose(passive_outputs(march, inside, np.zeros((1, 3))), sol.outputs[-1][:1], atol=1e-9)


def test_more_inputs_than_directions_of_noise():
    """Those of 256 samples per replica, block by block, are those of many samples."""
    new = np.random.default_rng(0).standard_normal((200, 3))
    few, many = (iw.solve(DynamicalMeanField(2, "relu", S), X, Y, METHOD, rng=0, X_test=new, save_at=[10]) for S in (1024, 4096))
    gap = np.abs(few.test_outputs - many.test_outputs)
    assert gap.max() < few.error[0] + many.error[0] and np.abs(many.test_outputs).max() > 20 * gap.mean()


def test_fresh_noise_has_the_covariance_of_the_rest():
    """At vanishing gamma, outputs far from the data are those of the integrated kernel, which knows the whole norm of the inputs."""
    new = np.array([[0.5, 0.0, 1.5], [0.0, 0.8, -1.0]])
    sol = iw.solve(DynamicalMeanField(3, "tanh", 16384, gamma=1e-3), X, Y, METHOD, rng=0, X_test=new, save_at=[10])
    kernel = iw.Network(3, 3, 64, "tanh", iw.Parameterization.ntk(3)).limit().kernel
    f, g, K, to_new = np.zeros(2), np.zeros(2), kernel.ntk(X), kernel.ntk(new, X)
    for _ in range(10):
        f, g = f - 0.4 * K @ (f - Y) / 2, g - 0.4 * to_new @ (f - Y) / 2
    gap = np.abs(sol.test_outputs[0, :, 0] - g).max()
    assert gap < 3e-3 < 0.05 * np.abs(g).max(), gap


def test_kernels_of_linear_networks_are_exact():
    """At inputs inside and outside the span of the data, two outputs, scales and rates, against the growing network."""
    y, new = np.column_stack([Y, Y[::-1]]), np.array([[0.3, 0.2, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.5]])
    options = {"gamma": 0.7, "weight_std": (1.2, 0.8, 1.1, 0.6), "rates": (1.0, 0.5, 2.0, 0.7)}
    model = DynamicalMeanField(3, "linear", 2048, replicas=2, tolerance=1e-5, **options)
    found = iw.solve(model, X, y, METHOD, rng=0).problem.kernels(new)
    exact = iw.solve(iw.DeepLinearMuP(3, **options), X, y, METHOD).problem.kernels(new)
    np.testing.assert_allclose(found.forward, exact.forward, atol=1e-5)
    np.testing.assert_allclose(found.backward, np.broadcast_to(exact.backward[:, None, :, None], found.backward.shape), atol=1e-5)
    np.testing.assert_allclose(found.tangent, exact.tangent, atol=1e-5)


def test_training_inputs_have_the_same_kernels_as_new_ones():
    problem = iw.solve(DynamicalMeanField(2, "tanh", 4096), X, Y, METHOD, rng=0).problem
    for known, new in zip(problem.kernels(), problem.kernels(X), strict=True):
        np.testing.assert_allclose(new, known, atol=5e-3)
    h = problem.preactivations(X)
    assert h.shape == (2, 2, 4096)
    np.testing.assert_allclose(h, problem.preactivations(), atol=0.1)


def test_kernels_of_too_many_inputs_are_refused():
    problem = iw.solve(DynamicalMeanField(2, "relu", 1024), X, Y, METHOD, rng=0).problem
    with pytest.raises(ValueError, match=r"X: the fields at 200 inputs have more directions than 256 samples .*; give fewer"):
        problem.kernels(np.random.default_rng(0).standard_normal((200, 3)))
    with pytest.raises(ValueError, match=r"X: fields and kernels of 1000000 points .* give fewer at a time"):
        problem.kernels(np.ones((10**6, 3)))
    with pytest.raises(ValueError, match="X: need 3 columns"):
        problem.preactivations(np.ones((2, 2)))


def test_tangent_kernels_at_new_inputs_are_those_of_networks(monkeypatch):
    """Three hidden layers, two outputs, after training; without the gradients' response to fresh noise they are not."""
    data, y, method = [[0.6, -0.2, 0.5], [-0.4, 0.8, 0.1]], [[1.5, 0.75], [-1.5, 0.45]], iw.GradientDescent(0.5, 10)
    new = np.array([[0.6, -0.2, 0.5], [0.3, 0.5, -0.7], [1.0, 0.2, 0.9]])
    problem = iw.solve(DynamicalMeanField(3, "tanh", 8192), data, y, method, rng=0).problem
    found = problem.kernels(new).tangent.transpose(0, 2, 1, 3)
    monkeypatch.setattr(passive, "_directions", lambda met, basis: 0 * directions(met, basis))
    without = problem.kernels(new).tangent.transpose(0, 2, 1, 3)
    network = iw.Network(3, 3, 256, "tanh", iw.Parameterization.mup(3), output_dim=2)
    runs = [iw.solve(network, data, y, method, rng=seed, save_at=[10]) for seed in range(48)]
    kernels = np.array([empirical_ntk(run.problem, new, state=run.state) for run in runs])
    chance = np.sqrt(kernels.var(axis=0, ddof=1).mean() / 48)
    away = {name: np.sqrt(np.mean((kernels.mean(axis=0) - own) ** 2)) for name, own in (("found", found), ("without", without))}
    assert away["found"] < 2 * chance < 3 * chance < away["without"], (away, chance)


def test_kernels_at_the_start_are_those_of_their_recursion():
    """Scales of their own, at inputs of which the gradients have a part that training has not met."""
    std, X_new = (1.3, 1.5, 0.7, 1.2), np.array([[0.3, 0.2, 1.0], [1.0, -0.4, 0.3], [-0.2, 0.9, 0.5]])
    sol = iw.solve(DynamicalMeanField(3, "tanh", 16384, replicas=2, weight_std=std), X, Y, iw.GradientDescent(0.4, 0), rng=0)
    found = sol.problem.kernels(X_new)
    forward, slopes = [X_new @ X_new.T], []
    for scale in std[:-1]:
        G = scale**2 * forward[-1]
        q = np.diagonal(G)
        forward.append(gaussian.dual("tanh", q[:, None], q, G / np.sqrt(q[:, None] * q)).value)
        slopes.append(gaussian.dual("tanh", q[:, None], q, G / np.sqrt(q[:, None] * q), of="derivative").value)
    backward = [np.ones((3, 3))]
    for scale, slope in zip(std[:0:-1], slopes[::-1], strict=True):
        backward.insert(0, scale**2 * slope * backward[0])
    np.testing.assert_allclose(found.forward, forward, rtol=0.03, atol=0.01)
    np.testing.assert_allclose(found.backward[:, :, 0, :, 0], backward, rtol=0.03, atol=0.01)
