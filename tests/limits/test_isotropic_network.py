"""The finite network of the isotropic model: gradients by finite differences, noise, and its limit."""

import math

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import IsotropicNetwork
from infwidth.limits.isotropic_network import weight_radii
from infwidth.limits.radial_kernel import MEI_NON_MONOTONE, PiecewiseLinear


def test_a_step_is_minus_the_gradient_of_the_batch_risk_times_the_width():
    network = IsotropicNetwork(5, 0.6, 7, activation=MEI_NON_MONOTONE, test_samples=10, initial=2.0)
    problem = network.bind(None, np.random.default_rng(0))
    rows = problem.sample(np.random.default_rng(1), 12)
    state = problem.start()
    before, update = problem.descend(state, rows=rows)
    moved = state.copy()
    evaluation, update = problem.descend(moved, rows=rows)
    update(1e-3)
    for i in (0, 11, 34):
        shift = 1e-6 * np.eye(35)[i]
        slope = (problem.descend(state + shift, rows=rows)[0].loss - problem.descend(state - shift, rows=rows)[0].loss) / 2e-6
        assert (moved - state)[i] == pytest.approx(-7 * 1e-3 * slope, abs=1e-8)
    assert before.loss == evaluation.loss


def test_weights_without_a_force_become_gaussian_of_variance_temperature_over_decay():
    flat = PiecewiseLinear((0.0, 1.0), (0.0, 0.0))
    network = IsotropicNetwork(10, 0.5, 300, activation=flat, temperature=0.3, weight_decay=1.5, test_samples=10)
    sol = iw.solve(network, method=iw.GradientDescent(0.02, 250, batch_size=1), rng=0, save_at=[250], observables={"r": weight_radii})
    assert sol.observables["r"].shape == (1, 300)
    assert sol.state.var() == pytest.approx(0.2 / (1 - 0.015), rel=4 * math.sqrt(2 / 3000))  # Euler: tau/lambda/(1 - h lambda/2)


def test_risk_follows_the_limit():
    """t = 1, when the risk has fallen by a third; the standard error of the test sample is .01."""
    sol = iw.solve(IsotropicNetwork(20, 0.8, 400), method=iw.GradientDescent(2e-3, 500, batch_size=20), rng=0, save_at=[0, 500])
    limit = iw.solve(iw.RadialMeanField(20, 0.8), method=iw.GradientFlow(1.0), save_at=[0, 1])
    assert limit.loss[1] < 0.75 * limit.loss[0]
    assert np.abs(sol.loss - limit.loss).max() < 0.05
    assert "batch_loss" in sol.stats


def test_weight_decay_shrinks_and_radii_are_lengths():
    flat = PiecewiseLinear((0.0, 1.0), (0.0, 0.0))
    problem = IsotropicNetwork(3, 0.5, 4, activation=flat, weight_decay=0.5, test_samples=10).bind(None, np.random.default_rng(0))
    state = problem.start()
    problem.descend(state, rows=problem.sample(np.random.default_rng(1), 2))[1](0.2)
    assert np.allclose(state, 0.9 * problem.start(), rtol=1e-15)
    assert weight_radii(0.0, np.arange(12.0), problem).tolist() == pytest.approx([5**0.5, 50**0.5, 149**0.5, 302**0.5])


def test_a_float_of_integer_value_is_a_dimension_and_inputs_are_checked():
    problem = IsotropicNetwork(5.0, 0.6, 7, test_samples=10).bind(None, np.random.default_rng(0))
    assert problem.shape == (7, 5) and isinstance(problem.shape[1], int)
    with pytest.raises(ValueError, match=r"^X: need 5 columns"):
        problem.predict(problem.start(), np.ones((2, 4)))


def test_refusals():
    network = IsotropicNetwork(5, 0.6, 7, test_samples=10)
    with pytest.raises(ValueError, match="batch_size"):
        iw.solve(network, method=iw.GradientDescent(0.1, 2))
    with pytest.raises(ValueError, match="batch_size"):
        iw.solve(network, method=iw.GradientFlow(0.1))
    with pytest.raises(ValueError, match="population of its own"):
        iw.solve(network, np.ones((2, 5)), [1, -1], iw.GradientDescent(0.1, 2, batch_size=1))
    for arguments, name in (
        ({"dim": math.inf}, "dim"),
        ({"delta": 2.0}, "delta"),
        ({"width": 0}, "width"),
        ({"temperature": -1}, "temperature"),
    ):
        with pytest.raises(ValueError, match=f"^{name}:"):
            IsotropicNetwork(**({"dim": 5, "delta": 0.5, "width": 3} | arguments))
