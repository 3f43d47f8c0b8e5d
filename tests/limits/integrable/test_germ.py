import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.limits.integrable.germ import Germ

SLOPES = {"relu": (1, 0), "leaky_relu": (1, 0.01), "abs": (1, -1), "linear": (1, 1), "tanh": (1, 1), "elu": (1, 1), "gelu": (0.5, 0.5)}


@pytest.mark.parametrize("name", [*SLOPES, "erf"])
def test_slopes_at_zero(name):
    expected = SLOPES.get(name, (2 / np.sqrt(np.pi),) * 2)
    germ = Germ.of(activations.get(name))
    assert germ == pytest.approx(expected, abs=1e-12)
    assert germ.linear == (expected[0] == expected[1])


def test_it_is_the_activation_near_zero():
    """phi(t h) / t tends to the germ, up to the curvature of phi: with a kink too."""
    h = np.array([-2.0, -0.3, 0.0, 0.7, 3.0])
    kinked = activations.custom(
        "bent", lambda h: np.where(h > 0, np.sin(h), 0.4 * h), lambda h: np.where(h > 0, np.cos(h), h.dtype.type(0.4))
    )
    for phi in (kinked, *map(activations.get, ("relu", "tanh", "gelu", "elu", "erf"))):
        np.testing.assert_allclose(Germ.of(phi).value(h), phi.value(1e-6 * h) / 1e-6, atol=1e-5)
    np.testing.assert_array_equal(Germ.of(kinked).slope(h), [0.4, 0.4, 0.4, 1, 1])
