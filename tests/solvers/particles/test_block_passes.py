"""Compiled activations against those of numpy and scipy."""

import numpy as np

from infwidth.limits import activations
from infwidth.solvers.particles import block_passes, blocks


def test_functions_are_accurate():
    """Absolute error at most 4e-16 for the bounded ones, relative to |h| for silu and gelu; NaN and infinity pass."""
    h = np.concatenate([np.linspace(-40, 40, 50001), np.geomspace(1e-12, 1, 500)])
    for name, code in blocks.CODES.items():
        value, slope = h.copy(), np.empty_like(h)
        block_passes._values_and_slopes(code, (0.0, 0.0, 0.0), value, slope)
        size = np.maximum(1, np.abs(h)) if name in ("silu", "gelu") else 1
        assert (np.abs(value - activations.get(name).value(h)) / size).max() < 5e-16
        assert (np.abs(slope - activations.get(name).derivative(h)) / size).max() < 1e-15
        odd = np.array([np.nan, 1e3, -1e3, 0.0])
        block_passes._values(code, (0.0, 0.0, 0.0), odd)
        assert np.isnan(odd[0])
        np.testing.assert_allclose(odd[1:], activations.get(name).value(np.array([1e3, -1e3, 0.0])), rtol=1e-15)
