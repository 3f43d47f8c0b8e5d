"""Critical line, critical points, and the phase diagram."""

import math

import mpmath
import numpy as np
import pytest

from infwidth.limits import activations, gaussian, propagation
from infwidth.limits.propagation import MeanFieldMaps


def test_critical_weight_variance_of_tanh():
    """1.76095 at bias variance .05, against quadrature of mpmath; a public code has 1.7604, at which chi_1 = .99988."""
    found = propagation.critical_weight_variance("tanh", 0.05)

    def mean(f, q):
        return mpmath.quad(lambda z: f(mpmath.sqrt(q) * z) * mpmath.npdf(z), [-12, -4, 0, 4, 12])

    q = mpmath.findroot(lambda q: found * mean(lambda h: mpmath.tanh(h) ** 2, q) + 0.05 - q, 0.57)
    assert found * mean(lambda h: mpmath.sech(h) ** 4, q) == pytest.approx(1, abs=1e-9)
    assert found == pytest.approx(1.760955, abs=1e-6)
    assert MeanFieldMaps("tanh", found, 0.05).depth_scales().correlation > 1e6


@pytest.mark.parametrize("activation", ["tanh", "erf", "sin", "elu"])
def test_the_line_is_critical(activation):
    for bias in (0.1, 0.15):
        weight = propagation.critical_weight_variance(activation, bias)
        below, above = (MeanFieldMaps(activation, f * weight, bias).fixed_point() for f in (0.99, 1.01))
        assert below.chi_1 < 1 < above.chi_1


def test_erf_in_closed_form():
    """chi_1 = w (4/pi)/sqrt(1 + 4q), V = w (2/pi) arcsin(2q/(1 + 2q)) + b: the line through q = 1."""
    w = math.pi / 4 * math.sqrt(5)
    b = 1 - w * 2 / math.pi * math.asin(2 / 3)
    assert propagation.critical_weight_variance("erf", b) == pytest.approx(w, rel=1e-10)
    assert propagation.critical_weight_variance("erf", 0.0) == pytest.approx(math.pi / 4, rel=1e-12)
    assert propagation.critical_weight_variance("relu", 0.0) == 2


@pytest.mark.parametrize(
    ("activation", "weight", "bias", "q"),
    [("silu", 1.98800468, 0.55514317, 14.3201736), ("gelu", 1.98305826, 0.17292239, 3.5615528)],
)
def test_half_stable_points(activation, weight, bias, q):
    """Swish and GELU of arXiv:2106.10165, chapter 5 (for swish a public table has the bias variance ten times too small)."""
    found = propagation.critical_point(activation)
    assert found.kind == "half-stable"
    np.testing.assert_allclose([found.weight_variance, found.bias_variance, found.q], [weight, bias, q], rtol=1e-7)
    maps = MeanFieldMaps(activation, found.weight_variance, found.bias_variance)
    assert maps.variance_slope(found.q) == pytest.approx(1, abs=1e-9)
    assert maps.gradient_growth(found.q) == pytest.approx(1, abs=1e-9)
    assert maps.variance_map(found.q) == pytest.approx(found.q, rel=1e-10)


@pytest.mark.parametrize(
    ("activation", "kind", "weight"),
    [("relu", "scale invariant", 2.0), ("abs", "scale invariant", 1.0), ("tanh", "at zero", 1.0), ("sin", "at zero", 1.0)],
)
def test_other_kinds(activation, kind, weight):
    found = propagation.critical_point(activation)
    assert (found.kind, found.bias_variance) == (kind, 0.0)
    assert found.weight_variance == pytest.approx(weight)


def test_half_stable_points_need_biases_that_are_not_negative():
    """A Gaussian bump beside 0: E phi phi'' changes its sign at q = .13, but on the critical line with a bias variance of -.35 there."""
    bump = activations.custom("bump", lambda h: np.exp(-((h - 1) ** 2)), lambda h: -2 * (h - 1) * np.exp(-((h - 1) ** 2)))
    below, above = gaussian.moments(bump, [0.12, 0.15]).curvature
    assert below * above < 0
    assert propagation.critical_point(bump).kind == "line"


def test_where_the_critical_variance_repels():
    """gelu between 0 and its critical point: the variance of chi_1 = 1 is left by every other one."""
    with pytest.raises(ValueError, match=r"bias_variance: at 0.1 gelu is critical only at .*, which repels .*; take other biases"):
        propagation.critical_weight_variance("gelu", 0.1)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_zero_repels_where_the_variance_grows_away_from_it(activation):
    """E phi(h)^2 > phi'(0)^2 q at small q: at weight variance 1/phi'(0)^2 variances explode. That of tanh shrinks."""
    with pytest.raises(ValueError, match=rf"bias_variance: without biases {activation} is critical only at the variance 0, which repels"):
        propagation.critical_weight_variance(activation, 0.0)
    assert propagation.MeanFieldMaps(activation, 4.0, 0.0).variances(1.0, 30)[-1] > 1e6
    assert propagation.critical_weight_variance("tanh", 0.0) == 1


@pytest.mark.parametrize(("activation", "kind"), [("softplus", "none"), ("sigmoid", "line"), ("cos", "line")])
def test_no_critical_point(activation, kind):
    """A line of critical networks, or none at all."""
    found = propagation.critical_point(activation)
    assert found.kind == kind
    assert math.isnan(found.weight_variance)
    if kind == "line":
        assert propagation.critical_weight_variance(activation, 0.0) > 0
    else:
        with pytest.raises(ValueError, match="bias_variance: no critical network"):
            propagation.critical_weight_variance(activation, 0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: propagation.critical_weight_variance("relu", 0.1),
            "bias_variance: no critical network .* the line of relu there is 0",
        ),
        (lambda: propagation.critical_weight_variance("tanh", -1), "bias_variance: need a finite number >= 0"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
