"""What a figure of a Solution draws: everything that the Solution has, and no empty panel."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib import pyplot

import infwidth as iw
from infwidth.limits import kernels
from infwidth.solvers import Grid, TransportFlow, figures

X, Y = np.eye(2), np.array([[1.0, -1.0], [0.5, 2.0]])


@pytest.fixture(autouse=True)
def close_figures():
    yield
    pyplot.close("all")


def square(x):
    return (x**2).sum(axis=1) / 2


def test_every_output_with_its_targets_and_test_points():
    net = iw.Network(2, 1, 8, "tanh", iw.Parameterization.mup(1), output_dim=2)
    sol = iw.solve(net, X, Y, iw.GradientDescent(0.1, 20), rng=0, X_test=np.ones((1, 2)))
    panel = sol.plot().axes[1]
    drawn = [line.get_ydata() for line in panel.lines]
    for i, c in np.ndindex(2, 2):
        assert any(np.array_equal(row, sol.outputs[:, i, c]) for row in drawn)
        assert any(np.array_equal(np.ravel(row), [Y[i, c]]) for row in drawn)
    for c in range(2):
        assert any(np.array_equal(row, sol.test_outputs[:, 0, c]) for row in drawn)
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["output 0", "output 1", "targets", "test points"]


def test_a_random_limit_has_bands_of_one_standard_deviation():
    kernel = kernels.of(iw.Network(2, 1, 8, "relu", iw.Parameterization.ntk(1)))
    limit, descent = iw.NeuralTangentLimit(kernel, "gaussian", 20), iw.GradientDescent(0.5, 9)
    sol = iw.solve(limit, X, Y[:, 0], descent, X_test=[[0.6, 0.8]], rng=0)
    panel = sol.plot().axes[1]
    means = [sol.outputs[:, 0, 0], sol.outputs[:, 1, 0], sol.test_outputs[:, 0, 0]]
    for place, (band, mean) in enumerate(zip(panel.collections, means, strict=True)):
        edges = band.get_paths()[0].vertices[:, 1]
        sd = np.sqrt(sol.covariance[:, place, 0, place, 0])
        assert edges.max() == pytest.approx((mean + sd).max()) and edges.min() == pytest.approx((mean - sd).min())
    assert [text.get_text() for text in panel.get_legend().get_texts()] == ["targets", "test points", "mean ± standard deviation"]


def test_one_saved_time_is_seen():
    sol = iw.solve(iw.DeepLinearMuP(1), X, Y, iw.GradientDescent(0.1, 5), save_at=[5])
    loss, outputs = sol.plot().axes
    assert loss.lines[0].get_marker() == "o"
    assert [line.get_marker() for line in outputs.lines].count("o") == 4


def test_a_density_is_drawn_in_place_of_outputs_that_there_are_not():
    model = iw.InteractionMeanField(Grid.uniform(-4, 4, 40), lambda x: np.exp(-square(x)), square)
    sol = iw.solve(model, method=TransportFlow(0.1, estimate_error=False))
    _, panel = sol.plot().axes
    values, edges, _ = panel.patches[0].get_data()
    assert values @ np.diff(edges) == pytest.approx(1)
    np.testing.assert_allclose(values, sol.state / (8 / 40))


def test_both_signs_of_a_measure_on_the_circle():
    sol = iw.solve(iw.CircleMeanField("relu", 16), X, Y[:, 0], iw.GradientFlow(0.1, estimate_error=False))
    panel = sol.plot().axes[2]
    masses = [patch.get_data().values.sum() * 2 * np.pi / 16 for patch in panel.patches]
    np.testing.assert_allclose(masses, sol.problem.measures(sol.state).sum(axis=1))


def test_a_map_of_two_axes():
    model = iw.InteractionMeanField(Grid.uniform((-3, -3), (3, 3), (10, 12)), lambda x: np.exp(-square(x)), square)
    sol = iw.solve(model, method=TransportFlow(0.05, estimate_error=False))
    mesh = sol.plot().axes[1].collections[0]
    np.testing.assert_allclose(np.asarray(mesh.get_array()), sol.problem.density(sol.state).T)


def test_one_axes_takes_the_loss_and_a_third_stays_empty():
    sol = iw.solve(iw.DeepLinearMuP(1), X, Y, iw.GradientDescent(0.1, 5))
    figure, one = pyplot.subplots()
    assert sol.plot(axes=one) is figure
    np.testing.assert_array_equal(one.lines[0].get_ydata(), sol.loss)
    _, three = pyplot.subplots(1, 3)
    sol.plot(axes=three)
    assert three[1].lines and not three[2].axison


@pytest.mark.parametrize("axes", [3, "axes", [], [1, 2]])
def test_what_are_no_axes_is_refused(axes):
    sol = iw.solve(iw.DeepLinearMuP(1), X, Y, iw.GradientDescent(0.1, 5))
    with pytest.raises(TypeError, match=r"^axes: need matplotlib Axes, one for the loss alone"):
        sol.plot(axes=axes)


def test_small_times_have_few_ticks():
    sol = iw.solve(iw.DeepLinearMuP(1), X, Y, iw.GradientDescent(2e-4, 100))
    figure = sol.plot()
    figure.canvas.draw()
    for ax in figure.axes:
        boxes = [
            label.get_window_extent()
            for label in ax.get_xticklabels()
            if label.get_text() and ax.get_xlim()[0] <= label.get_position()[0] <= ax.get_xlim()[1]
        ]
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def labels_in_view(axis):
    """Numbers at the ticks that are seen, minor ones included, and the boxes that they are written in."""
    axis.get_figure().canvas.draw()
    low, high = axis.get_view_interval()
    place = 0 if axis.axis_name == "x" else 1
    labels = [label for which in (axis.get_majorticklabels(), axis.get_minorticklabels()) for label in which if label.get_text()]
    seen = sorted((label for label in labels if low <= label.get_position()[place] <= high), key=lambda label: label.get_position()[place])
    boxes = [label.get_window_extent() for label in seen]
    return [label.get_text() for label in seen], [(box.x0, box.x1) if place == 0 else (box.y0, box.y1) for box in boxes]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.37, 7.5, ["0.5", "1", "2", "5"]),
        (5, 40, ["5", "10", "20"]),
        (0.12, 0.75, ["0.2", "0.5"]),
        (0.03, 0.1, ["0.05", "0.1"]),
        (1.2, 1.9, None),  # evenly apart
        (1.2, 4, None),
        (0.5, 20, [r"$\mathdefault{10^{0}}$", r"$\mathdefault{10^{1}}$"]),  # as matplotlib has it
    ],
)
@pytest.mark.parametrize("name", ["x", "y"])
def test_few_powers_of_ten_have_plain_numbers_that_can_be_read(name, low, high, expected):
    axes = pyplot.figure(figsize=(3, 3)).add_subplot(**{f"{name}scale": "log", f"{name}lim": (low, high)})
    axis = getattr(axes, f"{name}axis")
    figures.plain_ticks(axis)
    texts, boxes = labels_in_view(axis)
    assert len(texts) > 1 and texts == (expected or texts)
    assert all(a[1] < b[0] for a, b in pairwise(boxes))


def test_the_figures_of_results_have_plain_numbers():
    sol = iw.solve(iw.DeepLinearMuP(1), X, Y, iw.GradientDescent(0.05, 10))
    networks = [iw.Network(2, 1, m, "linear", iw.Parameterization.mup(1), 2) for m in (16, 32)]
    compared = iw.compare(iw.DeepLinearMuP(1), networks, X, Y, iw.GradientDescent(0.1, 3), seeds=3)
    spectrum = iw.limits.spectra.Spectrum([1.0, 0.1], [1.0, 1.0], [3, 100])
    curve = iw.limits.spectra.predicted_curve(spectrum, [5, 10, 20, 40], 0.1)
    for figure in (sol.plot(), compared.plot(), curve.plot()):
        for axis in (figure.axes[0].xaxis, figure.axes[0].yaxis):
            texts, boxes = labels_in_view(axis)
            assert len(texts) > 1 and not any("times" in text for text in texts), texts
            assert all(a[1] < b[0] for a, b in pairwise(boxes))


def test_widths_are_named_as_far_as_they_can_be_read():
    widths = [100, 110, 120, 200, 210, 1000, 3900, 4000]
    axes = pyplot.figure().add_subplot()
    axes.set_xscale("log")
    figures.label_widths(axes, widths)
    assert axes.get_xticks().tolist() == widths and axes.get_xticks(minor=True).size == 0
    assert [label.get_text() for label in axes.get_xticklabels()] == ["100", "", "", "200", "", "1000", "", "4000"]


def test_outputs_of_a_population_are_spread_over_it():
    sol = iw.solve(iw.RadialMeanField(4, 0.5, discretisation="particles", size=8), method=iw.GradientDescent(0.01, 2), rng=0)
    last = sol.outputs.shape[1] - 1
    lines = sol.plot(samples=3).axes[1].lines
    np.testing.assert_array_equal([line.get_ydata()[-1] for line in lines], sol.outputs[-1, [0, round(last / 2), last], 0])


@pytest.mark.parametrize("axes", [3, "axes", [], dict])
def test_what_is_no_axes(axes):
    with pytest.raises(TypeError, match=r"^axes: need matplotlib Axes, got .*; for example matplotlib\.pyplot\.subplots\(\)\[1\]"):
        figures.one_axes(axes, (3, 3))
