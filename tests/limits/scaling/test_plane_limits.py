"""One call from a point of the plane to its limit."""

import pytest

from infwidth.limits import scaling
from infwidth.limits.two_layer import PlaneLimit


def test_arguments_arrive():
    found = scaling.plane_limit(-0.75, 0.5, "tanh", 8, weight_std=0.5, output_std=2.0, reference_width=4, quasi_random=True)
    assert found == PlaneLimit(-0.75, 0.5, "tanh", 8, 0.5, 2.0, 4, True)


@pytest.mark.parametrize("found", scaling.plane_classes(), ids=lambda c: c.name)
def test_every_class_has_a_limit(found):
    limit = scaling.plane_limit(found.q_sigma, found.q_tilde, "relu")
    assert limit.where == found and limit.exponent == pytest.approx(found.exponents()["change"])
    assert -0.5 <= limit.gap_exponent < 0


def test_outside_the_band_is_none():
    with pytest.raises(ValueError, match=r"^q_tilde: .*without a limit"):
        scaling.plane_limit(-1, 1.5, "relu")
