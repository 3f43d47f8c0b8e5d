"""Fitted curves of escape times: exact ones are recovered."""

import numpy as np
import pytest

from infwidth.limits import escape

WIDTHS = (32, 48, 64, 96, 128, 192, 256)


def seeds(times, count=9, spread=1e-9):
    """Nearly exact times: the spread only keeps the weights finite."""
    return [t * (1 + spread * np.linspace(-1, 1, count)) for t in times]


@pytest.mark.parametrize(("p", "a", "b"), [(0.0, -3.0, 2.0), (0.5, -4.0, 1.5), (1.0, 20.0, 0.6), (-0.3, 1.0, 5.0)])
def test_exact_curves_are_recovered(p, a, b):
    growth = np.log(WIDTHS) if p == 0 else (np.array(WIDTHS, dtype=float) ** p - 1) / p
    fit = escape.fit_growth(WIDTHS, seeds(a + b * growth), exponent=p)
    assert fit.power.exponent == pytest.approx(p, abs=1e-4)
    assert [fit.predicted.offset, fit.predicted.slope] == pytest.approx([a, b], rel=1e-5)
    assert fit.predicted(np.array(WIDTHS)) == pytest.approx(a + b * growth, rel=1e-6)
    assert fit.predicted.prediction_error < 1e-6
    if p:
        assert fit.better is not fit.log
        assert fit.log.prediction_error > 1e-3
        offset, prefactor = a - b / p, b / p
        assert fit.predicted(500) == pytest.approx(offset + prefactor * 500**p, rel=1e-6)
    else:
        assert fit.curves == (fit.log, fit.power)


def test_the_curve_with_a_logarithm():
    m = np.array(WIDTHS, dtype=float)
    fit = escape.fit_growth(WIDTHS, seeds(3 + 0.4 * np.sqrt(m) * np.log(m)), exponent=0.5, logarithm=True)
    assert [fit.predicted.offset, fit.predicted.slope] == pytest.approx([3, 0.4], rel=1e-5)
    assert fit.predicted(1000) == pytest.approx(3 + 0.4 * np.sqrt(1000) * np.log(1000), rel=1e-6)
    assert fit.better is fit.predicted
    assert 0.5 < fit.power.exponent < 1  # a power law sees the logarithm as a larger exponent
