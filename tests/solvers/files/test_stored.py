import numpy as np
import pytest

from infwidth.solvers.files.stored import finite_parts, floats, integers, number

GOOD = np.array([[1.0, 2.0, 3.0]])


def test_what_it_should_be_passes_as_it_is():
    assert floats("x", GOOD, (1, None), least=1) is GOOD
    assert integers("n", np.array([0, 3]), (2,)).tolist() == [0, 3]
    assert number("h", np.float64(0.5), above=0) == 0.5
    finite_parts("history", {"a": [GOOD, (np.array(1), "text", None, True, 2)]})


@pytest.mark.parametrize(
    "odd",
    [
        None,
        1.0,
        [1.0],
        "x",
        GOOD.astype(complex),
        GOOD.astype(">f8"),
        GOOD.astype(np.float16),
        GOOD > 1,
        GOOD.astype(int),
        GOOD.astype(str),
    ],
    ids=lambda odd: str(getattr(odd, "dtype", odd)),
)
def test_another_type_is_refused(odd):
    with pytest.raises(ValueError, match=r"^x is "):
        floats("x", odd, (1, 3))


@pytest.mark.parametrize(
    ("odd", "shape", "message"),
    [
        (GOOD, (3,), r"has the shape \(1, 3\) in place of \(3\)"),
        (GOOD, (1, 2), r"in place of \(1, 2\)"),
        (GOOD * np.nan, (1, 3), "not finite"),
        (-GOOD, (1, 3), "below 0"),
    ],
)
def test_another_shape_or_range_is_refused(odd, shape, message):
    with pytest.raises(ValueError, match=message):
        floats("x", odd, shape, least=0)


def test_nan_where_it_may_be():
    assert np.isnan(floats("x", GOOD * np.nan, (1, 3), least=0, finite=False)).all()


@pytest.mark.parametrize("odd", [np.array([-1]), np.array([1.0]), np.array([True]), np.array([1], np.int32), np.array(1), 1])
def test_no_integers(odd):
    with pytest.raises(ValueError, match=r"^n "):
        integers("n", odd, (1,))


@pytest.mark.parametrize("odd", [True, 1, "1", None, np.nan, np.inf, 0.0, -1.0, np.array(1.0)])
def test_no_number(odd):
    with pytest.raises(ValueError, match=r"^h is "):
        number("h", odd, above=0)


@pytest.mark.parametrize(
    "odd", [np.array([np.nan]), np.array(["x"]), np.array([1], ">i8"), np.array([1j]), np.array([1], np.float16), np.inf]
)
def test_a_part_that_is_none(odd):
    with pytest.raises(ValueError, match=r"^history\['a'\]\[1\] is "):
        finite_parts("history", {"a": [GOOD, odd]})
