"""Kernels that are singular at equal points."""

import numpy as np
import pytest
from scipy.integrate import dblquad

from infwidth.limits.densities.singularity import cell_average, grows

CONTINUOUS = {
    "constant": lambda z: np.ones(len(z)),
    "square": lambda z: (z**2).sum(axis=1),
    "cosine": lambda z: np.cos(z[:, 0]),
    "distance": lambda z: np.linalg.norm(z, axis=1),
    "its root": lambda z: np.linalg.norm(z, axis=1) ** 0.5,
    "its tenth root": lambda z: np.linalg.norm(z, axis=1) ** 0.1,
    "smeared": lambda z: -np.log(np.linalg.norm(z, axis=1) + 0.01),
}
SINGULAR = {
    "logarithm": lambda z: -np.log(np.linalg.norm(z, axis=1)),
    "with a value at 0": lambda z: np.where(z.any(axis=1), -np.log(np.linalg.norm(z, axis=1) + ~z.any(axis=1)), 3.0),
    "a little of it": lambda z: np.cos(z[:, 0]) - 1e-3 * np.log(np.linalg.norm(z, axis=1)),
    "integrable power": lambda z: np.linalg.norm(z, axis=1) ** -0.3,
    "Coulomb": lambda z: 1 / np.linalg.norm(z, axis=1),
}


@pytest.mark.parametrize("widths", [[0.3], [0.01], [0.1, 0.4]])
def test_what_grows_towards_equal_points_is_singular(widths):
    found = {name: grows(kernel, np.array(widths)) for name, kernel in (CONTINUOUS | SINGULAR).items()}
    assert found == {name: name in SINGULAR for name in found}


def test_averages_over_cells():
    """In closed form on a line; on a plane by scipy."""
    for h in (1e-3, 0.5):
        line = np.array([h])
        assert cell_average(SINGULAR["logarithm"], line) == pytest.approx(1 - np.log(h / 2), rel=1e-12)
        assert cell_average(SINGULAR["integrable power"], line) == pytest.approx((h / 2) ** -0.3 / 0.7, rel=1e-9)
        assert cell_average(CONTINUOUS["square"], line) == pytest.approx(h**2 / 12, rel=1e-12)
    plane = np.array([0.2, 0.3])
    expected = dblquad(lambda y, x: -np.log(np.hypot(x, y)), 0, 0.1, 0, 0.15)[0] / 0.015
    assert cell_average(SINGULAR["logarithm"], plane) == pytest.approx(expected, rel=1e-9)
    skew = cell_average(lambda z: 1 + z[:, 0] * z[:, 1], plane)  # both pairs of quadrants
    assert skew == pytest.approx(1, rel=1e-12)
