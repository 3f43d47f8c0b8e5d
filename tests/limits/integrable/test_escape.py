"""Escape times and how they grow: exact cases, and the coverage of the stated errors."""

import math
from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import escape

from .runs import problem, trajectory

WIDTHS = (32, 48, 64, 96, 128, 192, 256)


# The escape time of one run


def test_the_crossing_is_interpolated():
    run = trajectory([0.0, 2.0, 6.0], [1.0, 0.95, 0.75])
    assert escape.escape_time(run, reference=1.0) == pytest.approx(3.0)
    assert escape.escape_time(run, fraction=0.975, reference=1.0) == pytest.approx(1.0)
    assert escape.escape_time(run, fraction=0.5, reference=1.0) == math.inf
    assert escape.escape_time(run, reference=2.0) == 0.0  # below from the start


def test_the_first_crossing_counts():
    run = trajectory([0, 1, 2, 3], [1.0, 0.8, 1.2, 0.1])
    assert escape.escape_time(run, reference=1.0) == pytest.approx(0.5)


@pytest.mark.parametrize(("loss", "reference"), [("squared", None), ("logistic", math.log(2))])
def test_the_reference_is_the_loss_of_zero_outputs(loss, reference):
    X, y = problem()
    y = y if loss == "squared" else np.sign(y)
    reference = (y**2).mean() / 2 if reference is None else reference
    limit = iw.DeepLinearIntegrable(1, "naive")
    run = iw.solve(limit, X, y, iw.GradientDescent(0.05, steps=60), loss=loss)
    assert escape.escape_time(run) == pytest.approx(escape.escape_time(run, reference=reference), rel=1e-12)
    k = int(np.argmax(run.loss < 0.9 * reference))
    assert run.t[k - 1] < escape.escape_time(run) <= run.t[k]


def test_what_cannot_be_an_escape_time():
    run = trajectory([0.0, 1.0], [1.0, 0.99])
    with pytest.raises(ValueError, match="reference: this solution carries no data"):
        escape.escape_time(run)
    with pytest.raises(ValueError, match=r"fraction: need a finite number > 0 and < 1, got 1.0; 0.9"):
        escape.escape_time(run, 1.0, reference=1.0)
    with pytest.raises(ValueError, match=r"^fraction: need a finite number > 0 and < 1, got -0\.5; 0\.9"):
        escape.escape_time(run, -0.5, reference=1.0)
    with pytest.raises(ValueError, match="reference: need a finite number > 0, got nan"):
        escape.escape_time(run, reference=math.nan)
    with pytest.raises(ValueError, match="solution: holds no saved times"):
        escape.escape_time(trajectory([], []), reference=1.0)
    with pytest.raises(ValueError, match=r"ended before it escaped \(diverged at step 1\)"):
        escape.escape_time(replace(run, success=False, message="diverged at step 1"), reference=1.0)


def test_a_run_that_diverges_after_its_escape_has_an_escape_time():
    run = trajectory([0.0, 1.0, 2.0], [1.0, 0.8, 1e9], success=False)
    assert escape.escape_time(run, reference=1.0) == pytest.approx(0.5)


# The curves


def seeds(times, count=9, spread=1e-9):
    """Nearly exact times: the spread only keeps the weights finite."""
    return [t * (1 + spread * np.linspace(-1, 1, count)) for t in times]


@pytest.mark.parametrize("p", [0.0, 0.5])
def test_the_standard_errors_cover_the_truth(p):
    # 40 studies of 24 seeds, declared beforehand; log-normal times of spread .25, as those of networks are.
    rng = np.random.default_rng(2024)
    truth = np.log(WIDTHS) if p == 0 else (np.array(WIDTHS, dtype=float) ** p - 1) / p
    free, slope = [], []
    for _ in range(40):
        times = (1 + truth)[:, None] * np.exp(0.25 * rng.standard_normal((len(WIDTHS), 24)))
        fit = escape.fit_growth(WIDTHS, times, p, resamples=50, rng=rng)
        free.append((fit.power.exponent - p) / fit.power.exponent_error)
        slope.append((fit.predicted.slope - 1) / fit.predicted.slope_error)
    for scores in (np.array(free), np.array(slope)):
        assert 0.8 < np.std(scores) < 1.35
        assert np.mean(np.abs(scores) < 2) > 0.85


def test_the_laws_are_told_apart():
    rng = np.random.default_rng(7)
    noise = np.exp(0.1 * rng.standard_normal((len(WIDTHS), 32)))
    m = np.array(WIDTHS, dtype=float)
    logarithm = escape.fit_growth(WIDTHS, (1 + 2 * np.log(m))[:, None] * noise, exponent=0.5)
    root = escape.fit_growth(WIDTHS, (3 * np.sqrt(m) - 2)[:, None] * noise, exponent=0.5)
    assert logarithm.log.aic + 10 < logarithm.predicted.aic
    assert root.predicted.aic + 10 < root.log.aic
    for fit in (logarithm, root):  # twice the number of fitted parameters
        assert [curve.aic - curve.chi2 for curve in (fit.log, fit.power, fit.predicted)] == pytest.approx([4, 6, 4])
    assert logarithm.log.prediction_error < logarithm.predicted.prediction_error
    assert root.predicted.prediction_error < root.log.prediction_error


def test_seeds_that_did_not_escape_count_as_late():
    times = np.array(seeds(np.sqrt(WIDTHS)))
    times[:, -2:] = math.inf
    fit = escape.fit_growth(WIDTHS, times, 0.5)
    assert np.isfinite(fit.errors).all()
    assert fit.medians == pytest.approx(np.sqrt(WIDTHS), rel=1e-6)
    times[0, -6:] = math.inf
    with pytest.raises(ValueError, match="times: the median at width 32 is inf; solve longer"):
        escape.fit_growth(WIDTHS, times, 0.5)


def test_medians_that_are_finite_by_luck_are_refused():
    times = np.array(seeds(np.sqrt(WIDTHS)))
    times[:, -4:] = math.inf  # 4 of 9 at all seven widths: few resamples are finite everywhere
    with pytest.raises(ValueError, match=r"times: only \d+ of 400 resamples of the seeds have finite medians at every width"):
        escape.fit_growth(WIDTHS, times, 0.5)
    times = np.array(seeds(np.sqrt(WIDTHS)))
    times[3, -4:] = math.inf
    assert np.isfinite(escape.fit_growth(WIDTHS, times, 0.5).errors).all()  # about two thirds are


def test_bad_studies_are_refused():
    good = seeds(np.sqrt(WIDTHS))
    with pytest.raises(ValueError, match="widths: need different ones"):
        escape.fit_growth([32, 32, 64, 128], good[:4], 0.5)
    with pytest.raises(ValueError, match="times: has 6 rows but there are 7 widths"):
        escape.fit_growth(WIDTHS, good[:6], 0.5)
    with pytest.raises(ValueError, match="times: need at least 8 seeds at every width, got 7 at width 32"):
        escape.fit_growth(WIDTHS, [good[0][:7], *good[1:]], 0.5)
    with pytest.raises(ValueError, match=r"^exponent: need a finite number >= -20 and <= 20, got inf"):
        escape.fit_growth(WIDTHS, good, math.inf)
