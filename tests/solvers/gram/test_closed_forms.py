"""Every step with a closed form on one tile, alone, against its readable twin."""

import numpy as np
import pytest

from infwidth.solvers.gram import closed_forms
from infwidth.solvers.gram.program import Step
from infwidth.solvers.gram.reference import STEPS

ROWS, COLUMNS = 5, 7


def pairs():
    """delta from 0 to 2, both ends in it, and tangents."""
    delta = np.linspace(0, 2, ROWS * COLUMNS).reshape(ROWS, COLUMNS)
    return delta, np.random.default_rng(0).uniform(-1, 1, delta.shape)


def factors(n, seed):
    """eta and zeta on the circle, a scale, and two norms."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0.2, 1.3, n)
    return np.stack([np.sin(angle), np.cos(angle), *rng.random((3, n))])


CALLS = {
    "PIECEWISE": lambda d, t, f, g: closed_forms.piecewise(d, t, 0.3),
    "JUMP": lambda d, t, f, g: closed_forms.jump(d, t, 0.3),
    "ERF": lambda d, t, f, g: closed_forms.erf(d, t, f, g, np.empty((3, COLUMNS))),
    "GELU": lambda d, t, f, g: closed_forms.gelu(d, t, f, g, np.empty((3, COLUMNS))),
    "SINE": lambda d, t, f, g: closed_forms.waves(d, t, f, g, False, np.empty(COLUMNS), np.empty(COLUMNS)),
    "COSINE": lambda d, t, f, g: closed_forms.waves(d, t, f, g, True, np.empty(COLUMNS), np.empty(COLUMNS)),
    "GAUSSIAN": lambda d, t, f, g: closed_forms.gaussian(d, t, f, g, np.empty((3, COLUMNS))),
}


@pytest.mark.parametrize("code", CALLS)
def test_a_step_is_its_twin(code):
    f, g = factors(ROWS, 1), factors(COLUMNS, 2)
    delta, t = pairs()
    expected = STEPS[code](delta, t, Step(code, 0, 0, f, 0.3), Step(code, 0, 0, g, 0.3))
    assert np.ptp(expected[0]) > 0.01
    CALLS[code](delta, t, f, g)
    np.testing.assert_allclose(delta, expected[0], rtol=0, atol=2e-15)
    np.testing.assert_allclose(t, expected[1], rtol=1e-14, atol=2e-15)
