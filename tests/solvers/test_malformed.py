"""Every malformed call names the argument and the way out."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import Network, Parameterization, activations

X, Y = np.eye(3), np.array([1.0, -1.0, 2.0])
NET = Network(3, 2, 8, "tanh", Parameterization.mup(2))
GD = iw.GradientDescent(0.1, 3)


def solve(model=NET, X=X, y=Y, method=GD, **options):
    return iw.solve(model, X, y, method, **options)


# call, argument that the message must begin with, words that must be in it (the way out)
MALFORMED = {
    "X has NaN": (lambda: solve(X=X * np.nan), "X", "remove or impute"),
    "X is infinite in row 1": (lambda: solve(X=X + np.diag([0, np.inf, 0])), "X", "row 1"),
    "X is empty": (lambda: solve(X=np.zeros((0, 3))), "X", "at least one sample"),
    "X is 3-D": (lambda: solve(X=np.zeros((3, 1, 3))), "X", "reshape"),
    "X is text": (lambda: solve(X=[["a"]]), "X", "array of real numbers"),
    "X is complex": (lambda: solve(X=X + 1j), "X", "array of real numbers"),
    "X is ragged": (lambda: solve(X=[[1, 2], [3]]), "X", "array of real numbers"),
    "X is missing": (lambda: solve(X=None), "X", "give the training inputs"),
    "y is missing": (lambda: solve(y=None), "y", "give the targets"),
    "y is too short": (lambda: solve(y=Y[:2]), "y", "same samples"),
    "y has NaN": (lambda: solve(y=Y * np.nan), "y", "remove or impute"),
    "X has wrong columns": (lambda: solve(X=X[:, :2]), "X", "input_dim=3"),
    "y has wrong columns": (lambda: solve(y=np.ones((3, 2))), "y", "output_dim=1"),
    "X_test has wrong columns": (lambda: solve(X_test=X[:, :2]), "X_test", "need 3 columns"),
    "no data for a network": (lambda: iw.solve(NET, method=GD), "X", "give X and y"),
    "no data for a limit": (lambda: iw.solve(iw.DeepLinearIntegrable(2), method=GD), "X", "give X and y"),
    "no data for a causal limit": (lambda: iw.solve(iw.DeepLinearMuP(2), method=GD), "X", "give X and y"),
    "unknown loss": (lambda: solve(loss="mse"), "loss", "squared, logistic, cross_entropy"),
    "logistic wants signs": (lambda: solve(y=[0, 1, 1], loss="logistic"), "y", "2 * y - 1"),
    "classes must be integers": (lambda: solve(y=[0.5, 1, 1], loss="cross_entropy"), "y", "one-hot"),
    "probabilities must sum to 1": (lambda: solve(y=np.ones((3, 2)), loss="cross_entropy"), "y", "sum to 1"),
    "rate is zero": (lambda: iw.GradientDescent(0, 5), "learning_rate", "> 0"),
    "rate is NaN": (lambda: iw.GradientDescent(np.nan, 5), "learning_rate", "finite"),
    "rate is text": (lambda: iw.GradientDescent("fast", 5), "learning_rate", "finite number"),
    "first rate is negative": (lambda: iw.GradientDescent(0.1, 5, first_learning_rate=-1), "first_learning_rate", "> 0"),
    "steps are negative": (lambda: iw.GradientDescent(0.1, -1), "steps", "from 0"),
    "steps are fractional": (lambda: iw.GradientDescent(0.1, 2.5), "steps", "integer"),
    "batch is zero": (lambda: iw.GradientDescent(0.1, 5, batch_size=0), "batch_size", ">= 1"),
    "batch exceeds the data": (lambda: solve(method=iw.GradientDescent(0.1, 5, batch_size=9)), "batch_size", "only 3 samples"),
    "implicit flow for a causal limit": (
        lambda: solve(iw.DeepLinearMuP(2), method=iw.GradientFlow(1.0, stepper="Radau")),
        "stepper",
        "RK45",
    ),
    "flow without its first step": (
        lambda: solve(iw.DeepLinearIntegrable(2), method=iw.GradientFlow(1.0)),
        "first_learning_rate",
        "give GradientFlow its base rate",
    ),
    "t_end is zero": (lambda: iw.GradientFlow(0), "t_end", "> 0"),
    "rtol is below rounding": (lambda: iw.GradientFlow(1.0, rtol=1e-16), "rtol", "at least"),
    "unknown stepper": (lambda: iw.GradientFlow(1.0, stepper="Euler"), "stepper", "RK45"),
    "too much friction": (lambda: iw.HeavyBall(0.5, 4.0, 5), "friction", "lower step_size to 0.25"),
    "step size is negative": (lambda: iw.HeavyBall(-0.5, 1.0, 5), "step_size", "> 0"),
    "save_at beyond the end": (lambda: solve(save_at=[9]), "save_at", "raise steps"),
    "save_at between steps": (lambda: solve(save_at=[0.5]), "save_at", "counts steps"),
    "save_at is negative": (lambda: solve(method=iw.GradientFlow(1.0), save_at=[-1]), "save_at", ">= 0"),
    "save_at is empty": (lambda: solve(save_at=[]), "save_at", "at least one"),
    "rng is negative": (lambda: solve(rng=-1), "rng", "non-negative integer"),
    "rng is text": (lambda: solve(rng="seed"), "rng", "Generator"),
    "method is missing": (lambda: solve(method=None), "method", "GradientDescent(learning_rate"),
    "method is a class": (lambda: solve(method=iw.GradientDescent), "method", "GradientDescent(learning_rate"),
    "model is no model": (lambda: solve("network"), "model", "need a network or a limit"),
    "callback is no function": (lambda: solve(callback=3), "callback", "need a function"),
    "observable is no function": (lambda: solve(observables={"a": 3}), "observables['a']", "need a function"),
    "unknown activation": (lambda: Network(3, 2, 8, "rellu", Parameterization.mup(2)), "activation", "relu"),
    "activation is a function": (lambda: Network(3, 2, 8, np.tanh, Parameterization.mup(2)), "activation", "activations.custom"),
    "width is zero": (lambda: Network(3, 2, 0, "relu", Parameterization.mup(2)), "width", ">= 1"),
    "another depth": (lambda: Network(3, 2, 8, "relu", Parameterization.mup(3)), "parameterization", "hidden_layers=2"),
    "parameterization by name": (lambda: Network(3, 2, 8, "relu", "mup"), "parameterization", "Parameterization.mup(2)"),
    "no hidden layer": (lambda: Parameterization.mup(0), "hidden_layers", "from 1 to 10000"),
    "exponents of unequal length": (lambda: Parameterization((0, 1), (0, 0, 0), (0, 0)), "b", "one per weight layer"),
    "one exponent": (lambda: Parameterization((0,), (0,), (0,)), "a", "at least 2"),
    "negative spread": (lambda: Parameterization((0, 1), (0, 0), (0, 0), weight_std=-1), "weight_std", "negative"),
    "half a bias": (lambda: Parameterization((0, 1), (0, 0), (0, 0), bias_std=1), "bias_c", "with_biases"),
    "homogeneity is zero": (lambda: Parameterization.integrable_large_lr(2, 0), "homogeneity", "> 0"),
    "unknown scheme": (lambda: iw.DeepLinearIntegrable(2, "large"), "scheme", "large_lr"),
    "gamma is zero": (lambda: iw.DeepLinearMuP(2, gamma=0), "gamma", ">= 1e-50"),
    "hermite degree": (lambda: activations.hermite(-1), "degree", "0 to 60"),
    "slope is infinite": (lambda: activations.leaky_relu(np.inf), "slope", "finite"),
    "no networks": (lambda: iw.compare(iw.DeepLinearMuP(2), [], X, Y, GD), "networks", "at least one"),
    "no seeds": (lambda: iw.compare(iw.DeepLinearMuP(2), [NET], X, Y, GD, seeds=[]), "seeds", "give a number"),
    "seed is negative": (lambda: iw.compare(iw.DeepLinearMuP(2), [NET], X, Y, GD, seeds=[-1]), "seeds", ">= 0"),
    "one width": (lambda: iw.compare(iw.DeepLinearMuP(2), [NET, NET], X, Y, GD, seeds=4), "networks", "give each width once"),
    "biases with a large first step": (
        lambda: Parameterization.integrable_large_lr(2).with_biases(),
        "first_c",
        "integrable_bias",
    ),
    "bias rates without biases": (
        lambda: Parameterization((0, 1), (0, 0), (0, 0), first_bias_c=(0, 0)),
        "first_bias_c",
        "give bias_std",
    ),
    "class is missing": (
        lambda: solve(Network(3, 1, 8, "relu", Parameterization.mup(1), output_dim=3), y=[0, 1, 1], loss="cross_entropy"),
        "y",
        "one-hot rows where a class is missing",
    ),
    "class is huge": (lambda: solve(y=[0, 1, 10**9], loss="cross_entropy"), "y", "number the classes"),
    "observable returns objects": (lambda: solve(observables={"a": lambda t, s, p: {"b": t}}), "observables['a']", "numbers"),
    "observable changes its shape": (
        lambda: solve(observables={"a": lambda t, s, p: np.zeros(int(10 * t) + 1)}),
        "observables['a']",
        "pad it to one shape",
    ),
    "flows without common times": (
        lambda: iw.compare(iw.DeepLinearMuP(2), [NET, replace(NET, width=16)], X, Y, iw.GradientFlow(1.0)),
        "save_at",
        "give the times",
    ),
    "checkpoint every negative seconds": (lambda: solve(rng=0, checkpoint="x", checkpoint_seconds=-1), "checkpoint_seconds", ">= 0"),
    "predict with wrong columns": (lambda: solve(rng=0).predict(X[:, :2]), "X", "need 3 columns"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_call(name):
    call, argument, way_out = MALFORMED[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    message = str(caught.value)
    assert message.startswith(f"{argument}:"), message
    assert way_out in message, message
