"""The signs of vanishing pre-activations, and that the limit of relu needs them."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DeepIntegrable, Network, Parameterization, activations
from infwidth.limits.integrable.germ import Germ
from infwidth.limits.integrable.history import HistoryProblem
from infwidth.limits.integrable.nonlinear import SCHEMES
from infwidth.limits.integrable.start import Setting
from infwidth.limits.integrable.vanishing import VanishingField, undecided

from .runs import Bound

X, Y = np.array([[1.0, 0.0], [-0.6, 0.8]]), np.array([1.0, -1.0])
METHOD = iw.GradientDescent(0.5, 2, first_learning_rate=2.0)
MASKED = 0.2658  # share of layer 2 that is off on both samples at step 0, and of these, the share that is on at step 1
WOKEN = 0.37


def draw(kept, N=30, below=20):
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((3, below))
    first = 0.7 / np.sqrt(below) * vectors @ rng.standard_normal((below, N))
    return vectors, first, VanishingField.draw(rng, vectors, 0.7, first, kept, np.dtype(float))


def test_it_is_the_field_of_the_first_step_there():
    kept = np.arange(30) % 3 == 0
    vectors, first, field = draw(kept)
    neurons = np.flatnonzero(kept)
    np.testing.assert_allclose(field.at(neurons, vectors), first[:, kept], atol=1e-12)
    np.testing.assert_allclose(field.at(neurons[:1], vectors), first[:, :1], atol=1e-12)  # few of them: copied rows
    np.testing.assert_array_equal(field.at(np.array([1]), vectors), 0)
    np.testing.assert_array_equal(draw(np.zeros(30, bool))[2].at(np.array([1, 4]), vectors), np.zeros((3, 2)))


def test_covariance_with_the_first_step():
    """For vectors x', given the field of x: Var = s^2 <x', x'> in all, and the covariance with the first field is s^2 <x, x'>."""
    rng = np.random.default_rng(3)
    N, vectors, other = 20_000, rng.standard_normal((2, 8)), rng.standard_normal((1, 8))
    first = 0.7 / np.sqrt(8) * vectors @ rng.standard_normal((8, N))
    later = VanishingField.draw(rng, vectors, 0.7, first, np.ones(N, bool), np.dtype(float)).at(np.arange(N), other)
    expected = 0.49 * np.concatenate([vectors, other]) @ other.T / 8
    found = np.concatenate([first, later]) @ later.T / N
    scale = 0.49 * np.sqrt((np.concatenate([vectors, other]) ** 2).mean(axis=1) * (other**2).mean())[:, None]
    assert np.abs((found - expected) / scale).max() < 4.5 * np.sqrt(2 / N)


def test_slope_takes_the_sign_where_h_vanishes_and_nowhere_else():
    vectors, first, field = draw(np.ones(30, bool))
    h = np.where(np.arange(30) < 10, 0.0, np.linspace(-1, 1, 30)) * np.ones((3, 1))
    slope = field.slope(Germ(1.0, 0.0), (h > 0) * 1.0, h, vectors)
    np.testing.assert_array_equal(slope[:, :10], first[:, :10] > 0)
    np.testing.assert_array_equal(slope[:, 10:], h[:, 10:] > 0)


RELU = activations.get("relu")
ROWS = np.random.default_rng(5).standard_normal((4, 3)) + 0.7


@pytest.mark.parametrize("scheme", ["naive", "large_lr"])
@pytest.mark.parametrize(
    ("X", "y"),
    [
        (ROWS, [1.0, -0.5, 0.3, 0.8]),
        (ROWS, [1.0, 0.0, 0.0, 0.0]),  # residuals of 0 teach nothing
        (np.array([[1.0], [-0.7], [0.4]]), [1.0, 0.6, -0.2]),  # inputs of opposite signs see disjoint neurons
    ],
)
def test_no_sign_is_asked_for_of_which_there_is_no_row(scheme, X, y):
    """Factored kernels keep rows of the neurons that need them alone: the run is that with all rows."""
    data = iw.solvers.Data.check(X, np.array(y))
    some, every = (
        SCHEMES[scheme](Setting(data, 2, 40, RELU, Germ.of(RELU), (1.3,) * 3, None, dense, np.random.default_rng(4))).fields[2]
        for dense in (False, True)
    )
    start = SCHEMES[scheme](Setting(data, 2, 40, RELU, Germ.of(RELU), (1.3,) * 3, None, True, np.random.default_rng(4)))
    np.testing.assert_array_equal(some.first, every.first)
    assert 0 < (some.row >= 0).sum() < 40
    fewer = replace(start, fields={2: replace(every, row=np.where(some.row >= 0, every.row, -1))})
    method = iw.GradientDescent(0.3, 6, first_learning_rate=3.0)
    a, b = (iw.solve(Bound(HistoryProblem(data, RELU, Germ.of(RELU), s)), X, np.array(y), method).outputs for s in (start, fewer))
    assert np.abs(a[-1]).max() > 0.1
    np.testing.assert_allclose(a, b, atol=1e-13)


def test_neurons_learn_where_they_are_on_and_there_is_something_to_learn():
    slope = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])
    np.testing.assert_array_equal(undecided(slope, np.ones((3, 2))), [False, False, True])
    np.testing.assert_array_equal(undecided(slope, np.array([[0.0, 0.3], [0.0, 0.0], [0.0, 0.0]])), [False, True, True])
    np.testing.assert_array_equal(undecided(slope, np.zeros((3, 1))), [True, True, True])


def woken(h_first, h_second):
    """Share of neurons off on all samples at step 0, and of these the share on at step 1."""
    masked = (h_first <= 0).all(axis=0)
    return masked.mean(), (h_second[:, masked] > 0).any(axis=0).mean()


def test_neurons_wake_up_at_every_width():
    """No effect of a finite width: the share of neurons that only a vanishing sign wakes up does not fall with m."""
    shares = {}
    for m in (128, 512, 1024):
        net = Network(2, 2, m, "relu", replace(Parameterization.integrable_large_lr(2), weight_std=2**0.5))
        found = []
        for seed in range(8):
            sol = iw.solve(net, X, Y, replace(METHOD, steps=1), rng=seed)
            found.append(woken(*(sol.problem.forward(state, X)[1][1] for state in (sol.problem.start(), sol.state))))
        shares[m] = np.mean(found, axis=0)
    for masked, on in shares.values():
        assert masked == pytest.approx(MASKED, abs=0.03)
        assert on == pytest.approx(WOKEN, abs=0.06)


@pytest.mark.parametrize("kernels", ["dense", "factored"])
def test_they_wake_up_in_the_limit(kernels):
    """The particles' own share of learned rows: 1 - MASKED after step 0, and WOKEN of the rest after step 1."""
    model = DeepIntegrable(2, "relu", 2048, weight_std=2**0.5, kernels=kernels)
    learned = []
    for steps in (1, 2):
        sol = iw.solve(model, X, Y, replace(METHOD, steps=steps), rng=0)
        system = sol.problem.systems[0]
        W = system.layers(sol.state)[0][1] if kernels == "dense" else system.history(steps)["signals"][1].T
        learned.append((W != 0).any(axis=1))
    assert 1 - learned[0].mean() == pytest.approx(MASKED, abs=0.03)
    assert learned[1][~learned[0]].mean() == pytest.approx(WOKEN, abs=0.06)


@pytest.mark.slow
def test_without_the_signs_the_limit_is_another_one():
    """f_2 of networks of width 2048 lies with the limit, and not with the one whose masked neurons never wake up."""
    model, R = DeepIntegrable(2, "relu", 60_000, weight_std=2**0.5, replicas=40), 40
    net = Network(2, 2, 2048, "relu", replace(Parameterization.integrable_large_lr(2), weight_std=2**0.5))
    limits = {}
    for signs in (True, False):
        problem = model.bind(iw.solvers.Data.check(X, Y), np.random.default_rng(0))
        if not signs:
            for system in problem.systems:
                system._initial.fields.clear()
        state = problem.start()
        for step in range(2):
            problem.descend(state, step=step)[1](METHOD.rate(step))
        limits[signs] = problem.replica_outputs(state)
    nets = np.array([iw.solve(net, X, Y, METHOD, rng=seed).outputs[2] for seed in range(32)])
    away = {signs: np.abs(nets.mean(axis=0) - outputs.mean(axis=0)).max() for signs, outputs in limits.items()}
    difference = limits[True] - limits[False]  # of the same draws: its error is small
    assert np.abs(difference.mean(axis=0) / (difference.std(axis=0) / np.sqrt(R))).max() > 10
    spread = np.sqrt(nets.var(axis=0) / 32 + limits[True].var(axis=0) / R).max()
    assert away[True] < 2.5 * spread
    assert away[True] < away[False]
