import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable

X = np.array([[1.0, 0.2], [-0.3, 0.9], [0.5, -0.8]])
Y = np.array([[1.0, 0.1], [-0.5, 0.4], [0.7, -0.2]])


@pytest.mark.parametrize("kernels", ["dense", "factored"])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("L", [1, 2, 3, 5])
def test_middle_layers_are_one_neuron(L, activation, kernels):
    """The same as N neurons in every layer and all kernels 1, to rounding: every step keeps the middle neurons equal."""
    N, method = 60, iw.GradientDescent(0.1, 15)
    small = DeepIntegrable(L, activation, N, "non_centered")
    start = small.bind(iw.solvers.Data.check(X, Y), np.random.default_rng(0).spawn(1)[0]).systems[0]
    weights, _ = start.layers(start.start())

    def full(rng, N, d, k):
        return [weights[0], *[np.ones((N, N)) if kernels == "dense" else (np.ones((N, 1)), np.ones((N, 1)))] * (L - 1), weights[-1]]

    class Bound:
        def bind(self, data, rng):
            return small.bind(data, np.random.default_rng(0).spawn(1)[0])

    a = iw.solve(Bound(), X, Y, method)
    b = iw.solve(DeepIntegrable(L, activation, N, initial=full, kernels=kernels), X, Y, method)
    assert np.abs(a.outputs[-1] - a.outputs[0]).max() > 0.05
    np.testing.assert_allclose(a.outputs, b.outputs, atol=1e-12)


@pytest.mark.parametrize("kernels", ["dense", "factored"])
def test_biases_tell_middle_neurons_apart(kernels):
    """Layers have N neurons then, with kernels of 1: matrices and factors of them agree."""
    sol = iw.solve(DeepIntegrable(3, "tanh", 60, "non_centered", bias_std=0.5, kernels=kernels), X, Y, iw.GradientDescent(0.1, 15), rng=0)
    dense = iw.solve(DeepIntegrable(3, "tanh", 60, "non_centered", bias_std=0.5), X, Y, iw.GradientDescent(0.1, 15), rng=0)
    np.testing.assert_allclose(sol.outputs, dense.outputs, atol=1e-12)
    weights, biases = dense.problem.systems[0].layers(dense.state)
    assert [w.shape for w in weights] == [(60, 2), (60, 60), (60, 60), (2, 60)] and biases[1].std() > 0.3
    assert np.ptp(weights[1]) > 0.01


def test_output_weights_have_mean_one():
    problem = DeepIntegrable(3, "relu", 10_000, "non_centered", weight_std=(2.0, 1.0, 1.0, 0.5)).bind(
        iw.solvers.Data.check(X, Y), np.random.default_rng(0)
    )
    weights, biases = problem.systems[0].layers(problem.start())
    assert [w.shape for w in weights] == [(10_000, 2), (1, 10_000), (10_000, 1), (2, 10_000)] and not biases
    assert weights[0].std() == pytest.approx(2, abs=0.05) and weights[0].mean() == pytest.approx(0, abs=0.06)
    assert weights[3].std() == pytest.approx(0.5, abs=0.01) and weights[3].mean() == pytest.approx(1, abs=0.015)
    np.testing.assert_array_equal(weights[1], 1)
    np.testing.assert_array_equal(weights[2], 1)
