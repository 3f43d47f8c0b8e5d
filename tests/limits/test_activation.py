import numpy as np
import pytest

from infwidth.limits import activations


def test_value_and_slope_at_zero():
    assert activations.get("gelu").at_zero() == (0.0, 0.5)
    assert activations.get("sigmoid").at_zero() == (0.5, 0.25)


def test_an_activation_by_hand_must_keep_float32():
    with pytest.raises(ValueError, match=r"value: must keep float32.*activations\.custom"):
        activations.Activation("scaled", lambda h: np.float64(2.0) * h, lambda h: 2 * np.ones_like(h))


@pytest.mark.parametrize(
    ("value", "homogeneity"),
    [(np.tanh, 1.0), (np.abs, 2.0), (lambda h: np.minimum(np.maximum(h, 0), 6), 1.0), (lambda h: np.maximum(h - 0.01, 0), 1.0)],
    ids=["tanh", "abs", "clipped beyond 6", "shifted by .01"],
)
def test_a_false_homogeneity_is_refused(value, homogeneity):
    """Solvers take a 1-homogeneous function to be piecewise linear: it would train as another function."""
    with pytest.raises(ValueError, match="homogeneity: value"):
        activations.Activation("mine", value, np.sign, homogeneity)


def test_the_name_of_another_activation_is_refused():
    """Solvers have compiled forms by name."""
    with pytest.raises(ValueError, match="name: 'tanh' is a built-in activation, which is another function"):
        activations.Activation("tanh", np.sin, np.cos)
    assert activations.Activation("tanh", np.tanh, lambda h: 1 - np.tanh(h) ** 2) == activations.get("tanh")
