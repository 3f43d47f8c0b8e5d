"""The equations with their whole past: exact cases, networks, and what happens where a response is left out."""

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import DynamicalMeanField, activations
from infwidth.limits.feature_learning.uncompressed import ABLATIONS, Uncompressed
from infwidth.solvers import losses

X = np.array([[0.6, -0.2, 0.5], [-0.4, 0.8, 0.1], [0.3, 0.5, -0.7]])
Y = np.array([1.0, -1.0, 0.5])
METHOD = iw.GradientDescent(0.6, 8)
TWO, SHORT = slice(0, 2), iw.GradientDescent(0.6, 5)  # responses along the path take memory and time


def runs(activation, L, samples, seeds, y=Y, loss="squared", method=METHOD, **options):
    """Outputs (seeds, steps + 1, n, k) of the reference; with fewer targets, on the first inputs."""
    judge = losses.get(loss)
    targets = judge.check(y, np.dtype(float))
    found = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        model = Uncompressed(activations.get(activation), L, X[: len(y)], targets.shape[1], samples, rng, **options)
        found.append(model.train(lambda f: judge.judge(f, targets)[1], method.learning_rate, method.steps))
    return np.array(found)


def distance(one, other):
    """Root mean square of the difference of two means over runs, in units of what chance makes of it. Step 0 has no more than chance."""
    gap = one.mean(axis=0) - other.mean(axis=0)
    chance = sum(values.var(axis=0, ddof=1) / len(values) for values in (one, other))
    return float(np.sqrt((gap[1:] ** 2).mean() / chance[1:].mean()))


@pytest.fixture(scope="module")
def networks():
    network = iw.Network(3, 2, 512, "relu", iw.Parameterization.mup(2))
    return np.array([iw.solve(network, X, 2 * Y, METHOD, rng=seed).outputs for seed in range(64)])


@pytest.mark.parametrize(("responses", "samples"), [("path", 2000), ("stein", 16000)])
def test_linear_networks(responses, samples):
    exact = iw.solve(iw.DeepLinearMuP(3), X[TWO], Y[TWO], SHORT).outputs
    found = runs("linear", 3, samples, range(6), Y[TWO], method=SHORT, responses=responses)
    z = (found.mean(axis=0) - exact) / (found.std(axis=0, ddof=1) / np.sqrt(6))
    assert np.sqrt((z[1:] ** 2).mean()) < 2
    assert np.abs(exact[-1]).max() > 15 * found.std(axis=0).max() / np.sqrt(6)


@pytest.mark.parametrize(("activation", "L"), [("tanh", 3), pytest.param("gelu", 2, marks=pytest.mark.slow)])
def test_the_two_responses_agree(activation, L):
    """Along the path and by Stein's identity, of the same noise: what differs is chance, and little of that."""
    path, stein = (runs(activation, L, 4000, range(6), Y[TWO], method=SHORT, responses=way) for way in ("path", "stein"))
    difference = path - stein
    z = difference.mean(axis=0) / (difference.std(axis=0, ddof=1) / np.sqrt(6) + 1e-12)
    assert np.sqrt((z[2:] ** 2).mean()) < 2.5
    assert np.abs(difference.mean(axis=0)).max() < 0.02 < 0.2 < np.abs(path[:, -1].mean(axis=0)).max()


@pytest.mark.slow
def test_every_response_matters(networks):
    """The equations agree with networks; without one of the responses, none of them does."""
    found = {
        left_out: runs("relu", 2, 16000, range(6), 2 * Y, responses="stein", dropped=left_out)
        for left_out in ((), *((name,) for name in ABLATIONS))
    }
    away = {left_out: distance(own, networks) for left_out, own in found.items()}
    assert away[()] < 2
    assert min(away[(name,)] for name in ABLATIONS) > 3.5, away


def test_the_forward_response_matters(networks):
    whole, without = (runs("relu", 2, 16000, range(4), 2 * Y, responses="stein", dropped=left_out) for left_out in ((), ("A",)))
    assert distance(whole, networks) < 2
    assert distance(without, networks) > 6


@pytest.mark.parametrize(
    ("activation", "L", "y", "loss"),
    [
        ("gelu", 2, np.column_stack([Y, Y[::-1]]), "squared"),
        ("tanh", 3, [1, -1, 1], "logistic"),
    ],
)
def test_the_compressed_march_agrees(activation, L, y, loss):
    found = iw.solve(DynamicalMeanField(L, activation, 8192), X, y, METHOD, loss=loss, rng=0)
    uncompressed = runs(activation, L, 16000, range(4), y, loss, responses="stein")
    gap = np.abs(uncompressed.mean(axis=0) - found.outputs)
    error = np.sqrt(uncompressed.var(axis=0, ddof=1).mean() / 4)
    assert (gap < 5 * error + found.error[:, None, None]).all()
    assert np.abs(found.outputs[-1]).max() > 40 * error


def test_what_it_cannot_do():
    with pytest.raises(ValueError, match="responses: relu has no second derivative"):
        runs("relu", 2, 10, [0])
    with pytest.raises(ValueError, match=r"dropped: \['C'\] is not among"):
        runs("tanh", 2, 10, [0], dropped=["C"])
