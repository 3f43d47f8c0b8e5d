"""The step of elu on one tile: its rules, and the whole against its readable twin."""

import numpy as np
import pytest

from infwidth.solvers.gram import elu
from infwidth.solvers.gram.program import Step
from infwidth.solvers.gram.reference import STEPS


def test_rules_integrate_polynomials():
    for size, start in zip(elu.RULES, elu.STARTS, strict=True):
        x, w = elu.NODES[start : start + size], elu.WEIGHTS[start : start + size]
        assert len(x) == size and w @ x**9 == pytest.approx(0.1, rel=1e-14)


@pytest.mark.parametrize("rule", range(len(elu.RULES)))
def test_a_step_is_its_twin(rule):
    """Scales of order one, for which the shortest rule suffices: all of them agree."""
    rng = np.random.default_rng(0)
    delta, t = np.linspace(0, 2, 12).reshape(3, 4), rng.uniform(-1, 1, (3, 4))
    f, g = rng.random((5, 3)), rng.random((5, 4))
    expected = STEPS["ELU"](delta, t, Step("ELU", 0, 0, f), Step("ELU", 0, 0, g))
    elu.elu(delta, t, f, g, rule, np.empty(4), np.empty(4))
    np.testing.assert_allclose(delta, expected[0], rtol=0, atol=3e-15)
    np.testing.assert_allclose(t, expected[1], rtol=0, atol=3e-15)
    assert np.ptp(delta) > 0.01
