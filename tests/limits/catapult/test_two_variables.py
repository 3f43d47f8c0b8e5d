"""The two-variable map: against a network step by step, its phases, its peak law, the law of its starts."""

import math

import numpy as np
import pytest
from scipy import stats

import infwidth as iw
from infwidth.limits import catapult


def test_equal_to_a_finite_network_step_by_step():
    """One sample x = 1, y = 0; the weights of the network give f_0 and lambda_0."""
    n, rate, steps = 50, 1.4, 60
    net = iw.Network(1, 1, n, "linear", iw.Parameterization.ntk(1))
    sol = iw.solve(net, [[1.0]], [0.0], iw.GradientDescent(rate, steps), rng=3)
    (u, v), _ = sol.problem.layers(sol.problem.start())
    u, v = u.ravel(), v.ravel()
    run = catapult.trajectory(u @ v / math.sqrt(n), (u @ u + v @ v) / n, rate, n, steps)
    assert run.losses.max() > 5 * run.losses[0]  # a catapult, not a lazy run
    np.testing.assert_allclose(run.outputs, sol.outputs[:, 0, 0], atol=1e-12)
    (u, v), _ = sol.problem.layers(sol.state)
    assert run.kernels[-1] == pytest.approx(float((u**2).sum() + (v**2).sum()) / n, rel=1e-12)


def test_lazy_as_the_width_grows():
    """f_t = (1 - eta lambda)^t f_0 up to O(1/n)."""
    gaps = [abs(catapult.trajectory(1.0, 2.0, 0.4, n, 5).outputs[-1] - 0.2**5) for n in (10**3, 10**4, 10**5)]
    slope, _ = iw.power_law([10**3, 10**4, 10**5], gaps)
    assert slope == pytest.approx(-1, abs=0.01)


@pytest.mark.parametrize(
    ("boundary", "grows"), [(2.0, lambda run: run.losses.max() > 2 * run.losses[0]), (4.0, lambda run: np.isinf(run.kernels[-1]))]
)
def test_boundaries_by_bisection(boundary, grows):
    low, high = boundary - 0.5, boundary + 0.5
    for _ in range(12):
        middle = (low + high) / 2
        run = catapult.trajectory(1.0, 2.0, middle / 2.0, 10**8, 3000)
        low, high = (low, middle) if grows(run) else (middle, high)
    assert low == pytest.approx(boundary, rel=0.01)


def test_peak_grows_like_the_width_and_the_kernel_ends_below_the_edge():
    """The peak of f^2 is of the order n up to a factor that repeats as log n grows: averaged over starts the exponent is 1."""
    widths, rate = 2 ** np.arange(8, 17), 1.5
    peaks = []
    for n in widths:
        f, kernel = catapult.draw(int(n), int(n), 400)
        inside = (rate * kernel > 2.2) & (rate * kernel < 3.8)
        run = catapult.trajectory(f[inside], kernel[inside], rate, int(n), 400)
        assert (run.kernels[-1] <= 2 / rate).all()
        assert np.median(run.losses[-1]) < 1e-10  # some kernels end so close to the edge that the rest takes long
        peaks.append(np.exp(np.log(run.losses.max(axis=0)).mean()))
    slope, error = iw.power_law(widths, peaks)
    assert error < 0.02
    assert slope == pytest.approx(1, abs=3 * error)


def test_time_of_the_peak():
    widths = [10**k for k in range(4, 13, 2)]
    measured = [catapult.trajectory(1.0, 2.0, 1.5, n, 100).losses.argmax() for n in widths]
    predicted = [catapult.peak_time(1.0, 2.0, 1.5, n) for n in widths]
    assert np.abs(np.subtract(measured, predicted)).max() < 1.5  # O(1), while both triple


def test_law_of_the_starts():
    """Against weights drawn in full: the same law of f, and of the kernel."""
    n, size = 7, 4000
    rng = np.random.default_rng(0)
    u, v = rng.standard_normal((2, size, n))
    f, kernel = catapult.draw(1, n, size)
    assert stats.ks_2samp(f, (u * v).sum(1) / math.sqrt(n)).pvalue > 0.01
    assert stats.ks_2samp(kernel, ((u**2).sum(1) + (v**2).sum(1)) / n).pvalue > 0.01
    assert stats.ks_2samp(kernel - 2 * abs(f) / n**0.5, ((u**2 + v**2).sum(1) / n - 2 * abs((u * v).sum(1)) / n)).pvalue > 0.01


def test_a_start_that_diverges_leaves_the_others_alone():
    together = catapult.trajectory(np.array([1.0, 1.0]), np.array([2.0, 5.0]), 1.0, 100, 300)
    np.testing.assert_array_equal(together.outputs[:, 0], catapult.trajectory(1.0, 2.0, 1.0, 100, 300).outputs)
    first = int(np.isinf(together.outputs[:, 1]).argmax())
    assert 0 < first < 300
    assert np.isinf(together.outputs[first:, 1]).all()
    assert np.isinf(together.kernels[first:, 1]).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: catapult.trajectory(1.0, 2.0, 0.0, 10, 5), "learning_rate: need a finite number > 0"),
        (lambda: catapult.trajectory(1.0, 0.1, 1.0, 10, 5), r"kernel: no network of width 10 .*; give 2 \|output\|"),
        (lambda: catapult.trajectory([1.0, 2.0], 2.0, 1.0, 10, 5), "kernel: need the shape of output"),
        (lambda: catapult.trajectory(np.nan, 2.0, 1.0, 10, 5), "output: need a finite number"),
        (lambda: catapult.trajectory([np.nan], [2.0], 1.0, 10, 5), "output: holds NaN .*; give finite"),
        (lambda: catapult.trajectory("a", 2.0, 1.0, 10, 5), "output: need an array of real numbers"),
        (lambda: catapult.trajectory(1.0, 2.0, 1.0, 0, 5), "width: need an integer >= 1"),
        (lambda: catapult.phase(-1.0, 1.0), "kernel: need a finite number >= 0"),
        (lambda: catapult.peak_time(1.0, 2.0, 0.5, 10), "learning_rate: a catapult needs"),
        (lambda: catapult.peak_time(0.0, 2.0, 1.5, 10), "output: is 0, .*; give another start"),
        (lambda: catapult.draw(0, 10, 0), "size: need an integer >= 1"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
