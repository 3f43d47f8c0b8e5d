"""The time that a request takes at least: told where it is hours, refused where it is months."""

import re
import warnings

import pytest

from infwidth.solvers.machine import work


def test_cores_share_products_and_not_calls(monkeypatch):
    monkeypatch.setattr(work, "_cores", lambda: 1)
    one = work.least_seconds(products=1e15), work.least_seconds(elements=1e15), work.least_seconds(calls=1e9)
    monkeypatch.setattr(work, "_cores", lambda: 8)
    eight = work.least_seconds(products=1e15), work.least_seconds(elements=1e15), work.least_seconds(calls=1e9)
    assert [a / b for a, b in zip(one, eight, strict=True)] == pytest.approx([8, 8, 1])


def test_an_hour_is_told_and_a_month_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work.refuse_above_patience("steps", "3 steps", work.LONG, "lower it")
    with pytest.warns(RuntimeWarning, match=r"^steps: 3 steps would take 2 hours or more on \d+ cores; lower it$"):
        work.refuse_above_patience("steps", "3 steps", 2 * work.LONG, "lower it")
    with pytest.raises(ValueError, match=r"^steps: 3 steps would take 60 days or more on \d+ cores; lower it$"):
        work.refuse_above_patience("steps", "3 steps", 60 * work.DAY, "lower it")


@pytest.mark.parametrize("seconds", [1.0, 7100.0, 7300.0, 1e5, 2e5, 1e8, 1e30])
def test_spans_are_the_times_they_say(seconds):
    number, unit = re.fullmatch(r"(\S+) (seconds|hours|days|years)", work.span(seconds)).groups()
    length = {"seconds": 1.0, "hours": 3600.0, "days": 86400.0, "years": 365.25 * 86400.0}[unit]
    assert float(number) * length == pytest.approx(seconds, rel=0.05)
