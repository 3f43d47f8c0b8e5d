"""Replicas: independent systems, and an error that holds."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable, DeepLinearIntegrable

RNG = np.random.default_rng(8)
X = RNG.standard_normal((4, 2))
X /= np.linalg.norm(X, axis=1, keepdims=True)
Y = X @ [1.6, -1.0]
METHOD = iw.GradientDescent(0.1, 8, first_learning_rate=0.6)


@pytest.mark.parametrize("kernels", ["dense", "factored"])
def test_replicas_are_systems_of_their_own(kernels):
    """Each runs as it would alone, by its own residual; outputs are the mean, the loss is of the mean."""
    model = DeepIntegrable(2, "gelu", 96, replicas=3, kernels=kernels)
    sol = iw.solve(model, X, Y, METHOD, rng=0, X_test=X + 1)
    problem = model.bind(iw.solvers.Data.check(X, Y), iw.solvers.running.streams.streams(0)[0])

    class Alone:
        def __init__(self, system):
            self.system = system

        def bind(self, data, rng):
            return self.system

    runs = [iw.solve(Alone(system), X, Y, METHOD) for system in problem.systems]
    outputs = np.array([run.outputs for run in runs])
    np.testing.assert_allclose(sol.outputs, outputs.mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(sol.problem.replica_outputs(sol.state), outputs[:, -1], atol=1e-13)
    np.testing.assert_allclose(sol.loss, 0.5 * ((outputs.mean(axis=0)[..., 0] - Y) ** 2).mean(axis=1), atol=1e-13)
    assert np.ptp(outputs[:, -1], axis=0).min() > 1e-3
    assert sol.problem.replica_size == 32
    both = sol.problem.replica_outputs(sol.state, np.concatenate([X, X + 1]))
    assert sol.error[-1] == iw.limits.replicas.simultaneous_error(both)


def test_one_system_states_no_error():
    assert iw.solve(DeepIntegrable(2, "tanh", 40), X, Y, METHOD, rng=0).error is None
    assert iw.solve(DeepIntegrable(2, "tanh", 40, kernels="factored"), X, Y, METHOD, rng=0).error is None


@pytest.mark.parametrize("batch_size", [None, 2])
def test_minibatches_are_common_to_all(batch_size):
    method = iw.GradientDescent(0.3, 8, first_learning_rate=1.5, batch_size=batch_size)
    one = iw.solve(DeepIntegrable(2, "tanh", 64, replicas=4), X, Y, method, rng=0)
    assert one.outputs.shape == (9, 4, 1) and one.error.shape == (9,)
    assert one.loss[-1] < one.loss[0]


def test_the_stated_error_covers_the_exact_limit():
    """95% at all points at once, against the exact linear limit: 200 runs of 8 systems (s.e. .015). The bias of a system of 496 neurons
    is half a standard error here; with 16 systems of 248 it is a whole one, and 92.5% of 400 runs held."""
    exact = iw.solve(DeepLinearIntegrable(2), X, Y, METHOD).outputs[-1]
    held = []
    for seed in range(200):
        sol = iw.solve(DeepIntegrable(2, "linear", 3968, replicas=8, kernels="factored"), X, Y, METHOD, rng=seed, save_at=[8])
        held.append(np.abs(sol.outputs[-1] - exact).max() < sol.error[-1])
    assert 0.91 <= np.mean(held) <= 0.985


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "L", "activation"), [("large_lr", 2, "relu"), ("bias", 2, "tanh"), ("non_centered", 3, "relu")])
def test_the_stated_error_covers_a_larger_system(scheme, L, activation):
    method = iw.GradientDescent(0.3, 8, first_learning_rate=0.8 if scheme != "non_centered" else None)
    truth = iw.solve(DeepIntegrable(L, activation, 1024 * 128, scheme, replicas=128), X, Y, method, rng=999, save_at=[8]).outputs[-1]
    held = []
    for seed in range(120):
        sol = iw.solve(DeepIntegrable(L, activation, 2048, scheme, replicas=8), X, Y, method, rng=seed, save_at=[8])
        held.append(np.abs(sol.outputs[-1] - truth).max() < sol.error[-1])
    assert 0.90 <= np.mean(held) <= 0.998
