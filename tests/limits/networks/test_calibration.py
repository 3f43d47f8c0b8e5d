"""Calibrated first steps: moves of the sizes asked for, and factors that know the width."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import CalibratedNetwork, Network, Parameterization, activations
from infwidth.solvers import power_law

rows = np.linspace(-1, 1, 8)
X = np.stack([np.cos(2 * rows), np.sin(3 * rows), rows], axis=1)
Y = np.stack([np.cos(rows), rows], axis=1)
ONE = iw.GradientDescent(0.01, 1, first_learning_rate=1.0)


def network(L, width, activation="tanh", p=Parameterization.integrable_large_lr):
    return Network(3, L, width, activation, p(L), output_dim=2)


def moves(problem, state, v):
    """Means of the moves of every layer at inputs v, by matrices, with inputs from the layers below after the step."""
    phi = activations.get(problem.activation)
    found = []
    for scale, before, after in zip(problem.scales, problem.layers(problem.start())[0], problem.layers(state)[0], strict=True):
        found.append(float(np.abs(scale * v @ (after - before).T).mean()))
        v = phi.value(scale * v @ after.T)
    return found


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
def test_the_moves_have_the_sizes_asked_for(activation):
    for sizes in ((1.0, 0.1), (0.5, 0.25)):
        model = CalibratedNetwork(network(4, 60, activation), size=sizes[0], output_size=sizes[1], cap=1e9, first_layer=0.3)
        sol = iw.solve(model, X, Y, ONE, rng=1)
        assert np.allclose(moves(sol.problem, sol.state, X)[1:], [sizes[0]] * 3 + [sizes[1]], rtol=1e-10)
        assert model.factors(sol.problem)[0] == pytest.approx(0.3)
        plain = iw.solve(model.network, X, Y, iw.GradientDescent(0.01, 1, first_learning_rate=0.3), rng=1)
        first = [problem.layers(state)[0][0] for problem, state in ((sol.problem, sol.state), (plain.problem, plain.state))]
        assert np.allclose(*first, rtol=1e-12)


def test_two_batches():
    """Tried on the first samples, measured on the next."""
    model = CalibratedNetwork(network(3, 60), samples=4, cap=1e9)
    problem = iw.solve(model, X, Y, ONE, rng=1).problem
    state = problem.start()
    evaluation, update = problem.descend(state, step=0, rows=slice(4))
    assert evaluation.outputs.shape == (4, 2)
    update(1.0)
    assert np.allclose(moves(problem, state, X[4:])[1:], [1, 1, 0.1], rtol=1e-10)
    assert not np.allclose(moves(problem, state, X[:4])[1:], [1, 1, 0.1], rtol=1e-2)


def test_the_cap():
    model = CalibratedNetwork(network(6, 60), cap=2.0)
    factors = model.factors(iw.solve(model, X, Y, ONE, rng=0).problem)
    assert factors.max() == pytest.approx(2.0) and np.isclose(factors, 2.0).sum() >= 3


def test_later_steps_are_as_they_were():
    model = CalibratedNetwork(network(3, 20))
    problem, plain = (iw.solve(net, X, Y, ONE, rng=0).problem for net in (model, model.network))
    assert problem.rates == plain.rates and problem.first_rates != plain.first_rates
    assert np.array_equal(problem.start(), plain.start())


WIDTHS = (64, 128, 256, 512)


@pytest.mark.parametrize(("activation", "power"), [("tanh", 0.5), ("relu", 0.0)])
def test_factors_know_the_width_where_the_limit_breaks(activation, power):
    """From layer 3 on: tanh by the root of the width, relu not at all; layer 2 in neither."""
    model = {m: CalibratedNetwork(network(5, m, activation), cap=1e9) for m in WIDTHS}
    factors = np.array([[model[m].factors(iw.solve(model[m], X, Y, ONE, rng=s).problem) for s in range(40)] for m in WIDTHS])
    for layers, expected in ((slice(1, 2), 0.0), (slice(2, None), power)):
        slope, error = power_law(WIDTHS, np.exp(np.log(factors[:, :, layers]).mean(axis=2)))
        assert error < 0.06 and abs(slope - expected) < 2 * error + 0.05


def test_what_is_refused():
    with pytest.raises(TypeError, match="network: need a Network, got 3"):
        CalibratedNetwork(3)
    with pytest.raises(ValueError, match="network: has biases"):
        CalibratedNetwork(Network(3, 2, 8, "relu", Parameterization.integrable_bias(2)))
    for name in ("first_layer", "size", "output_size", "cap"):
        with pytest.raises(ValueError, match=f"{name}: need a"):
            CalibratedNetwork(network(2, 8), **{name: 0})
    with pytest.raises(ValueError, match="samples: is 5, and calibration needs twice as many of 8"):
        iw.solve(CalibratedNetwork(network(2, 8), samples=5), X, Y, ONE, rng=0)
    with pytest.raises(TypeError, match="problem: need a NetworkProblem"):
        CalibratedNetwork(network(2, 8)).factors(None)


def test_rates_of_layers_are_kept():
    p = replace(Parameterization.integrable_large_lr(2), rates=(1.0, 2.0, 3.0))
    net = replace(network(2, 16), parameterization=p)
    model = CalibratedNetwork(net)
    sol = iw.solve(model, X, Y, ONE, rng=0)
    assert np.allclose(moves(sol.problem, sol.state, X)[1:], [1, 0.1], rtol=1e-10)
    assert model.factors(sol.problem)[0] == pytest.approx(1.0)
