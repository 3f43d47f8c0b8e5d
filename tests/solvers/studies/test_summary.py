import numpy as np
import pytest

from infwidth.solvers.studies.summary import check_saved, summary

WIDTHS, T = np.array([16, 64]), 3
PATHS = np.array([[1.0, 2.0, 2.0], [2.0, 1.0, 4.0]])[:, None] * np.ones((2, 2, 1))
FIELDS = {"widths", "seeds", "t", "gaps", "gap_paths", "slope", "slope_error", "failed"}


def content(**changed):
    gaps, slope, error, _ = summary(WIDTHS, PATHS)
    good = dict(widths=WIDTHS, seeds=np.arange(2), t=np.arange(3.0), gaps=gaps, gap_paths=PATHS, slope=slope, slope_error=error, failed=[])
    return good | changed


def test_means_and_power():
    gaps, slope, error, reason = summary(WIDTHS, PATHS)
    np.testing.assert_allclose(gaps, np.sqrt([[3.0, 3.0], [7.0, 7.0]]))
    assert slope == pytest.approx(np.log(7 / 3) / 2 / np.log(4)) and error == pytest.approx(0, abs=1e-7) and not reason


def test_gaps_without_a_power_are_kept():
    gaps, slope, error, reason = summary(WIDTHS, 0 * PATHS)
    assert not gaps.any() and np.isnan([slope, error]).all() and "0 against 0" in reason
    assert summary(WIDTHS, 1e300 * PATHS)[0].max() == np.inf


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"slope": 0.1}, "slope do not follow"),
        ({"slope": 1}, "slope is no number"),
        ({"gaps": np.ones((2, 2))}, "gaps do not follow"),
        ({"widths": np.array([0, 64])}, "widths is below 1"),
        ({"t": np.arange(4.0)}, "gap_paths has the shape"),
        ({"failed": "none"}, "no list of messages"),
        ({"more": 1}, "has, or has not, more"),
    ],
)
def test_a_file_that_contradicts_itself(changed, message):
    check_saved(content(), FIELDS)
    with pytest.raises(ValueError, match=message):
        check_saved(content(**changed), FIELDS)
