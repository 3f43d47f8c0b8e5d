"""Losses of logits that vanish or diverge, against the loss itself at small and large units."""

import numpy as np
import pytest

from infwidth.limits.two_layer.limit_loss import LimitLoss
from infwidth.solvers import losses

CASES = {
    "logistic": ((4, 1), lambda rng: rng.choice([-1.0, 1.0], (4, 1))),
    "cross_entropy": ((4, 3), lambda rng: np.eye(3)[rng.integers(0, 3, 4)]),
}
cases = pytest.mark.parametrize("name", CASES)


def drawn(name, seed=0):
    rng = np.random.default_rng(seed)
    shape, targets = CASES[name]
    return losses.get(name), rng.standard_normal(shape), targets(rng)


@cases
def test_residuals_are_those_of_the_unit(name):
    """Unit 1e-9 and 1e9, and the loss itself."""
    loss, g, y = drawn(name)
    for change, unit, tolerance in ((-1, 1e-9, 1e-8), (0, 1.0, 0.0), (1, 1e9, 1e-12)):
        value, residual = LimitLoss(loss, -1, change).judge(g, np.zeros_like(g), y)
        exact, other = loss.judge(unit * g, y)
        np.testing.assert_allclose(residual, other, atol=tolerance)
        start, _ = loss.judge(np.zeros_like(g), y)
        expected = exact if change == 0 else (exact - (start if change < 0 else 0)) / unit
        assert value == pytest.approx(expected, abs=1e-6)


@cases
@pytest.mark.parametrize("change", [-1, 0, 1])
def test_residuals_are_the_gradient_of_the_loss_in_its_unit(name, change):
    loss, g, y = drawn(name, 1)
    judge = lambda h: LimitLoss(loss, 0, change).judge(h, np.ones_like(g), y)  # noqa: E731
    direction = np.random.default_rng(2).standard_normal(g.shape)
    slope = (judge(g + 1e-6 * direction)[0] - judge(g - 1e-6 * direction)[0]) / 2e-6
    assert slope == pytest.approx((judge(g)[1] * direction).sum(), abs=1e-8)


@pytest.mark.parametrize(("start", "expected"), [(-1, [0.5, 0.5]), (0, [1 / (1 + np.e), 1 / (1 + np.exp(-2.0))]), (1, [0, 1])])
def test_before_logits_move_the_start_says_what_residuals_are(start, expected):
    """Of two samples of target 1 that start at 1 and -2; the third has moved, by little but to the wrong side."""
    loss = LimitLoss(losses.get("logistic"), start, 1)
    value, residual = loss.judge(np.array([[0.0], [1e-16], [-1e-3]]), np.array([[1.0], [-2.0], [7.0]]), np.ones((3, 1)))
    np.testing.assert_allclose(-3 * residual[:, 0], [*expected, 1], atol=1e-12)
    assert value == pytest.approx(1e-3 / 3)


def test_unbounded_residuals_are_refused_where_logits_diverge():
    y = np.ones((2, 1))
    for start, change in ((-1, -1), (0, 0), (-1, 0)):
        LimitLoss(losses.get("squared"), start, change).refuse_unbounded(y)
    LimitLoss(losses.get("logistic"), 1, 1).refuse_unbounded(y)
    with pytest.raises(ValueError, match=r"^loss: logits diverge in this class, and with them the residuals of 'squared'; take"):
        LimitLoss(losses.get("squared"), 0, 1).refuse_unbounded(y)
