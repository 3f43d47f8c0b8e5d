"""The time that a request takes at least: told where it is hours, refused where it is months."""

import itertools
import re
import warnings

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import catapult, fluctuations, propagation, scaling, spectra
from infwidth.solvers.machine import work

P, GD = iw.Parameterization, iw.GradientDescent(0.1, 2)
MAPS = propagation.MeanFieldMaps("tanh", 1.5, 0.1)
X, Y = np.array([[1.0, 0.5], [0.0, 1.0], [-1.0, 0.3]]), np.array([1.0, -1.0, 0.5])


def test_cores_share_products_and_not_calls(monkeypatch):
    monkeypatch.setattr(work, "_cores", lambda: 1)
    one = work.least_seconds(products=1e15), work.least_seconds(calls=1e9)
    monkeypatch.setattr(work, "_cores", lambda: 8)
    eight = work.least_seconds(products=1e15), work.least_seconds(calls=1e9)
    assert [a / b for a, b in zip(one, eight, strict=True)] == pytest.approx([8, 1])


def test_an_hour_is_told_and_a_month_refused():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        work.refuse_above_patience("steps", "3 steps", work.LONG, "lower it")
    with pytest.warns(RuntimeWarning, match=r"^steps: 3 steps would take 3636 seconds or more on \d+ cores; lower it$"):
        work.refuse_above_patience("steps", "3 steps", 1.01 * work.LONG, "lower it")
    with pytest.raises(ValueError, match=r"^steps: 3 steps would take 60 days or more on \d+ cores; lower it$"):
        work.refuse_above_patience("steps", "3 steps", 60 * work.DAY, "lower it")


def clock(monkeypatch, seconds):
    times = itertools.count(0.0, seconds)
    monkeypatch.setattr(work.time, "perf_counter", lambda: next(times))


def test_a_loop_of_days_is_told_of_once(monkeypatch):
    """Half a minute each: of 10 000, the first two show that the rest takes three days."""
    clock(monkeypatch, 30.0)
    with pytest.warns(RuntimeWarning) as told:
        assert list(work.watched("draws", range(10_000))) == list(range(10_000))
    assert [str(line.message) for line in told] == [
        "draws: at the pace of the last 60 seconds (2 of them) the rest takes 3.5 days; give fewer"
    ]


def test_a_loop_of_hours_is_not(monkeypatch):
    clock(monkeypatch, 30.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(work.watched("draws", "abc" * 300)) == list("abc" * 300)


def test_a_pace_is_that_of_the_last_minute(monkeypatch):
    """What begins slowly, as a compilation does, is told once it has gone on for a minute, and not after it was fast."""
    clock(monkeypatch, 1.0)
    watch = work.Watch("t_end", 1.0, "time", "lower it")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for done in np.linspace(0, 1, 1000):
            watch.look(done)
    clock(monkeypatch, 1.0)
    slow = work.Watch("t_end", 1.0, "time", "lower it")
    with pytest.warns(RuntimeWarning, match=r"^t_end: at the pace of the last 60 seconds \(6e-06 time\) the rest takes 116 days; lower it"):
        for i in range(100):
            slow.look(1e-7 * i)


def test_what_slows_down_is_told_of_by_its_last_minute_and_what_is_left(monkeypatch):
    """Half of it took ten minutes; then it is a millionth every ten seconds. While nothing is done, there is no pace."""
    clock(monkeypatch, 1.0)
    watch = work.Watch("t_end", 1.0, "time", "lower it")
    for done in np.linspace(0, 0.5, 601):
        watch.look(done)
    with pytest.warns(RuntimeWarning, match=r"^t_end: at the pace of the last 60 seconds \(6e-06 time\) the rest takes 58 days; lower it"):
        for i in range(1, 200):
            watch.look(0.5 + 1e-7 * i)
    still = work.Watch("t_end", 1.0, "time", "lower it")
    for _ in range(100):
        still.look(0.0)


@pytest.mark.parametrize(
    ("argument", "loop"),
    [
        ("networks", lambda: propagation.measure_signals(MAPS, 4, 2, networks=3)),
        ("networks", lambda: propagation.measure_singular_values(MAPS, 4, 2, networks=3)),
        ("networks", lambda: propagation.measure_circle(MAPS, 4, 1, networks=3, points=128)),
        ("draws", lambda: spectra.measure_curve(lambda a, b: a @ b.T, X, Y, [1], draws=3)),
        ("sizes", lambda: spectra.measure_curve(lambda a, b: a @ b.T, X, Y, [1, 1, 2], draws=2)),
        ("draws", lambda: fluctuations.linearized_fluctuations(iw.TwoLayerMeanField("tanh", 8), X, Y, GD, X, draws=3)),
        ("seeds", lambda: scaling.slopes(P.mup(1), "tanh", X, Y, widths=(2, 4), seeds=(0, 1, 2), steps=1)),
        ("widths", lambda: scaling.output_term_slopes(P.mup(1), "relu", X, np.sign(Y), GD, widths=(2, 4, 8), seeds=(0, 1))),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_loops_whose_result_comes_at_the_end_are_watched(argument, loop, monkeypatch):
    clock(monkeypatch, 1e5)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        loop()
    assert any(re.match(f"{argument}: at the pace of the last .* the rest takes .*; give fewer", str(line.message)) for line in told)


def test_steps_of_a_map_that_never_end():
    """Memory does not bound those of an empty ensemble."""
    with pytest.raises(ValueError, match=r"^steps: "):
        catapult.trajectory(np.empty(0), np.empty(0), 0.5, 16, 10**15)


@pytest.mark.parametrize("seconds", [1.0, 7100.0, 7300.0, 1e5, 2e5, 1e8, 1e30])
def test_spans_are_the_times_they_say(seconds):
    number, unit = re.fullmatch(r"(\S+) (seconds|hours|days|years)", work.span(seconds)).groups()
    length = {"seconds": 1.0, "hours": 3600.0, "days": 86400.0, "years": 365.25 * 86400.0}[unit]
    assert float(number) * length == pytest.approx(seconds, rel=0.05)
