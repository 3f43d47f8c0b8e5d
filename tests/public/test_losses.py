"""Every model with every loss: right, or refused with the way out.

Right: what is recorded is the loss of what is recorded; a first step is that of the squared loss towards the targets ``f - residual``,
whose residuals are the same; and all steps with squares that a user writes are those of the squared loss, for which some models have
faster ways.
"""

from dataclasses import fields, replace

import numpy as np
import pytest
from pair_catalogue import ROWS, descent

import infwidth as iw
from infwidth.solvers import losses
from infwidth.solvers.data import Data

LABELS, SIGNS = np.array([0, 1, 1]), np.array([1.0, -1.0, 1.0])
RATE = 1e-2


def huber(f, y):
    r = f - y
    size = np.sqrt((r**2).sum(axis=1, keepdims=True))
    return np.where(size < 1, size**2 / 2, size - 0.5)[:, 0], r / np.maximum(size, 1)


def squares(f, y):
    return ((f - y) ** 2).sum(axis=1) / 2, f - y


def column(y, dtype):
    return np.asarray(y, dtype).reshape(len(y), -1)


OWN = {name: losses.Loss(name, function, column) for name, function in (("huber", huber), ("squares", squares))}
TARGETS = {"logistic": SIGNS, "cross_entropy": LABELS, "huber": 3 * SIGNS, "squares": SIGNS}
WITH_DATA = [name for name, (_, data, _) in ROWS.items() if data]
ONE_OUTPUT = ("CircleMeanField", "DensityMeanField")
ALONE = [name for name, (_, data, _) in ROWS.items() if not data]


def single(model):
    """One system: each of several would move by its own residual."""
    return replace(model, replicas=1) if "replicas" in {field.name for field in fields(model)} else model


def with_two_outputs(model):
    """The model for two classes, where it has a number of outputs."""
    if isinstance(model, iw.limits.CalibratedNetwork | iw.limits.LinearizedNetwork):
        return replace(model, network=with_two_outputs(model.network))
    return replace(model, output_dim=2) if "output_dim" in {field.name for field in fields(model)} else model


def run(model, X, y, loss, steps):
    return iw.solve(model, X, y, descent(model, RATE, steps), loss=loss, rng=2)


@pytest.mark.parametrize("loss", TARGETS)
@pytest.mark.parametrize("name", WITH_DATA)
def test_right(name, loss):
    model, (X, _), _ = ROWS[name]
    model = single(model)
    if loss == "cross_entropy" and name in ONE_OUTPUT:
        with pytest.raises(ValueError, match=r"y: a .* has one output, got 2 columns; use TwoLayerMeanField"):
            run(model, X, LABELS, loss, 1)
        return
    model = with_two_outputs(model) if loss == "cross_entropy" else model
    chosen, y = OWN.get(loss, loss), TARGETS[loss]
    sol = run(model, X, y, chosen, 3)
    judge = losses.get(chosen)
    data = Data.check(X, y, chosen)
    np.testing.assert_allclose(sol.loss, [judge.judge(f, data.y)[0] for f in sol.outputs], rtol=1e-12)
    if loss == "squares":
        np.testing.assert_allclose(sol.outputs, run(model, X, y, "squared", 3).outputs, rtol=1e-9, atol=1e-12)
        return
    residual = judge.judge(sol.outputs[0], data.y)[1] * len(X)
    same = run(model, X, sol.outputs[0] - residual, "squared", 1)
    np.testing.assert_allclose(sol.outputs[1] - sol.outputs[0], same.outputs[1] - same.outputs[0], rtol=1e-7, atol=1e-12)


@pytest.mark.parametrize("name", ALONE)
def test_a_population_has_a_loss_of_its_own(name):
    model, _, _ = ROWS[name]
    with pytest.raises(ValueError, match=r"^loss: .*leave loss out"):
        iw.solve(model, method=iw.GradientDescent(1e-3, 1, batch_size=2), loss="logistic", rng=0)
