import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable, Network, Parameterization, activations
from infwidth.limits.integrable.stationary import why_stationary

X, Y = np.eye(2), np.array([1.0, -1.0])


def test_where_the_limit_stands_still():
    """Exactly where the linear one does (tests of DeepLinearIntegrable), relu under IP-LLR nowhere."""
    for name, never in (("tanh", False), ("gelu", False), ("relu", True), ("abs", True), ("linear", False)):
        phi = activations.get(name)
        assert [L for L in range(1, 8) if why_stationary("naive", L, phi, False)] == [3, 4, 5, 6, 7]
        assert [L for L in range(1, 8) if why_stationary("large_lr", L, phi, False)] == ([] if never else [5, 6, 7])
        assert not any(why_stationary(scheme, L, phi, False) for scheme in ("bias", "non_centered") for L in range(1, 8))
    assert why_stationary("naive", 3, activations.get("tanh"), True) is None
    square = activations.monomial(2)
    assert [L for L in range(1, 5) if why_stationary("naive", L, square, False)] == [2, 3, 4]
    assert "phi'(0) = 0" in str(why_stationary("naive", 2, square, False))
    assert why_stationary("naive", 3, activations.get("sigmoid"), False) is None


@pytest.mark.parametrize(
    "method", [iw.GradientDescent(0.5, 5, batch_size=1), iw.HeavyBall(0.5, 1.0, 5, 1.0), iw.GradientFlow(1.0, first_learning_rate=1.0)]
)
def test_it_says_so_instead_of_computing(method):
    model = DeepIntegrable(6, "tanh", 10**9 * 4)  # nothing of that size is ever made
    assert model.stationary.startswith("f = 0 for all time")
    sol = iw.solve(model, X, Y, method, X_test=X, save_at=[0, 1])
    assert not sol.outputs.any() and not sol.test_outputs.any() and sol.success
    assert sol.message == f"finished; {model.stationary}"
    assert sol.loss[-1] == pytest.approx(0.5)
    assert sol.predict(X + 1).shape == (2, 1)


@pytest.mark.parametrize("kernels", ["dense", "factored"])
@pytest.mark.parametrize(("scheme", "activation", "L"), [("naive", "tanh", 3), ("large_lr", "gelu", 5), ("large_lr", "tanh", 6)])
def test_the_neurons_themselves_would_not_move(scheme, activation, L, kernels):
    """Computed all the same: the outputs of mirrored neurons are rounding errors, and a layer less moves. In few steps, since a strict
    saddle multiplies rounding errors too."""
    method = iw.GradientDescent(0.5, 8, first_learning_rate=2.0 if scheme == "large_lr" else None)
    followed, moving = (
        iw.solve(DeepIntegrable(layers, activation, 400, scheme, 1.5, kernels=kernels, skip_stationary=False), X, Y, method, rng=0)
        for layers in (L, 2 if scheme == "naive" else 4)
    )
    assert not followed.message.startswith("finished; f = 0")
    assert np.abs(followed.outputs).max() < 1e-15 < 1e-3 < np.abs(moving.outputs[-1]).max()


def test_without_a_slope_at_zero_two_layers_stand_still():
    """Networks too, the wider the longer: the movement of f in three steps falls with the width."""
    square, method = activations.monomial(2), iw.GradientDescent(0.2, 3)
    sol = iw.solve(DeepIntegrable(2, square, 400, "naive", skip_stationary=False), X, Y, method, rng=0)
    assert np.abs(sol.outputs).max() == 0
    moved = []
    for m in (64, 256, 1024):
        net = Network(2, 2, m, square, Parameterization.integrable(2))
        runs = [iw.solve(net, X, Y, method, rng=seed).outputs for seed in range(8)]
        moved.append([np.sqrt(np.mean((f[-1] - f[0]) ** 2)) for f in runs])
    slope, error = iw.solvers.power_law([64, 256, 1024], moved)
    assert slope + 2 * error < -0.5
