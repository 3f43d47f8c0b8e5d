"""First and second derivatives of the built-in activations against differences of what they derive."""

import numpy as np
import pytest

from infwidth.limits import activations

EVERY = [activations.get(name) for name in activations.names()] + [
    activations.leaky_relu(0.1),
    *(activations.hermite(k) for k in range(5)),
    *(activations.monomial(p) for p in range(4)),
]
JUMPS = {"relu", "leaky_relu(0.01)", "leaky_relu(0.1)", "abs", "sign", "step"}  # of the derivative, or of the value
POINTS = np.linspace(-3, 3, 41) + 0.0123


def differences(function):
    """Central, of step 1e-5: right to about 1e-10."""
    return (function(POINTS + 1e-5) - function(POINTS - 1e-5)) / 2e-5


@pytest.mark.parametrize("activation", EVERY, ids=lambda a: a.name)
def test_derivatives_against_differences(activation):
    np.testing.assert_allclose(activation.derivative(POINTS), differences(activation.value), rtol=1e-8, atol=1e-8)
    if activation.name in JUMPS:
        assert activation.second_derivative is None
    else:
        np.testing.assert_allclose(activation.second_derivative(POINTS), differences(activation.derivative), rtol=1e-8, atol=1e-8)
