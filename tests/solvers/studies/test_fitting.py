"""Powers of the width: exact ones, and the coverage of their errors."""

import numpy as np
import pytest

from infwidth.solvers import power_law


def test_power_law_covers_the_truth():
    rng = np.random.default_rng(0)
    sizes = np.array([64, 128, 256, 512])
    inside = 0
    for _ in range(500):
        slope, error = power_law(sizes, sizes[:, None] ** -0.5 * np.exp(0.4 * rng.standard_normal((4, 10))))
        inside += abs(slope + 0.5) <= 2 * error
    assert 0.92 < inside / 500 < 0.98  # 2 s.e. of a t law with 38 degrees of freedom: .947


@pytest.mark.parametrize("p", [-1.0, -0.5, 0.0, 2.0])
def test_exact_powers_have_no_error(p):
    sizes = np.array([10, 20, 70])
    for values in (3.0 * sizes**p, np.repeat(3.0 * sizes[:, None] ** p, 4, axis=1)):
        slope, error = power_law(sizes, values)
        assert slope == pytest.approx(p, abs=1e-12) and error < 1e-7


def test_slope_and_error_by_hand():
    """log v = 0, 1, 1 at log m = 0, 1, 2: slope 1/2, residuals -1/6, 1/3, -1/6, so s.e. = sqrt((1/6) / 1 / 2)."""
    slope, error = power_law(np.exp([0.0, 1.0, 2.0]), np.exp([0.0, 1.0, 1.0]))
    assert slope == pytest.approx(1 / 2, rel=1e-12) and error == pytest.approx(np.sqrt(1 / 12), rel=1e-12)


@pytest.mark.parametrize(
    ("sizes", "values", "words"),
    [
        ([1, 2], [1.0, 2.0, 3.0], "values: need one row per size"),
        ([1, 2], [1.0, 2.0], "sizes: a slope with an error needs two sizes and three values, got 2 and 2; add more"),
        ([4, 4, 4], [1.0, 2.0, 3.0], "sizes: a slope with an error needs two sizes and three values, got 3 and 3; add more"),
        ([1, 2, 3], [1.0, 0.0, 3.0], r"values: must be positive and finite; a gap of exactly 0 has no power law \(is it 0 against 0\?\)"),
        ([1, 2, 3], [1.0, np.nan, 3.0], "values: must be positive and finite"),
    ],
)
def test_what_has_no_power_is_refused(sizes, values, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        power_law(sizes, values)
