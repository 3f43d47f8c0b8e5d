"""Loss curves: against the flow itself, and at the ends of time."""

import numpy as np
import pytest
from scipy.linalg import expm

from infwidth.limits import spectra
from infwidth.solvers.machine import memory


def test_equal_to_the_flow():
    """d f/dt = -K (f - y)/n on eight points, two outputs."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((8, 3)), rng.standard_normal((8, 2))
    K = np.exp(X @ X.T)
    t = [0.0, 0.1, 1.0, 30.0]
    direct = [((expm(-K * s / 8) @ y) ** 2).sum() / 16 for s in t]
    np.testing.assert_allclose(spectra.loss_curve(spectra.measured_spectrum(K, X, y), t), direct, rtol=1e-10)


def test_what_no_time_learns():
    spectrum = spectra.Spectrum([1.0, 0.0], [2.0, 3.0], rest=5.0)
    np.testing.assert_allclose(spectra.loss_curve(spectrum, [0.0, 1e3]), [5.0, 4.0])


@pytest.mark.parametrize("t", [[-1.0], [np.nan], [[1.0, 2.0]]])
def test_bad_times(t):
    with pytest.raises(ValueError, match="t: need"):
        spectra.loss_curve(spectra.Spectrum([1.0], [1.0]), t)


def test_many_times_go_by_parts(monkeypatch):
    spectrum, t = spectra.Spectrum(np.linspace(1, 0, 50), np.ones(50)), np.linspace(0, 9, 40)
    at_once = spectra.loss_curve(spectrum, t)
    monkeypatch.setattr(memory, "PART", 300)
    np.testing.assert_allclose(spectra.loss_curve(spectrum, t), at_once, rtol=1e-14)
