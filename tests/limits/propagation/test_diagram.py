"""Fixed points over a rectangle, against the maps one by one."""

import math
import warnings

import numpy as np
import pytest
from matplotlib import pyplot

from infwidth.limits import propagation
from infwidth.limits.propagation import MeanFieldMaps


@pytest.mark.parametrize("activation", ["tanh", "relu", "elu"])
def test_the_diagram_is_the_maps(activation):
    """Interpolated and all at once, against one fixed point at a time."""
    weights, biases = [0.3, 1.2, 1.9, 5.0], [0.0, 0.05, 1.0]
    diagram = propagation.phase_diagram(activation, weights, biases)
    for i, w in enumerate(weights):
        for j, b in enumerate(biases):
            point = MeanFieldMaps(activation, w, b).fixed_point()
            if point.q <= 1e-9 or math.isinf(point.q):
                assert diagram.q[i, j] == (0 if point.q <= 1e-9 else math.inf)
            else:
                np.testing.assert_allclose([diagram.q[i, j], diagram.chi_1[i, j]], [point.q, point.chi_1], rtol=1e-6)


def test_plot_shows_what_was_computed():
    diagram = propagation.phase_diagram("tanh", np.linspace(0.5, 4, 12), np.linspace(0, 0.3, 5))
    figure = diagram.plot()
    mesh = figure.axes[0].collections[0]
    np.testing.assert_allclose(mesh.get_array().reshape(5, 12), np.log(diagram.chi_1.T))
    assert len(repr(diagram)) < 60


def test_chi_at_zero():
    """erf: 4/pi of its slope squared."""
    diagram = propagation.phase_diagram("erf", [0.5], [0.0])
    assert diagram.q[0, 0] == 0
    assert diagram.chi_1[0, 0] == pytest.approx(2 / math.pi, rel=1e-12)


@pytest.mark.parametrize(
    ("weights", "biases", "message"),
    [
        ([0.0], [0.1], "weight_variances: need a vector of finite numbers > 0"),
        ([1.0], [np.nan], "bias_variances: need a vector of finite numbers >= 0"),
        ([1e60], [0.1], r"weight_variances: need numbers up to 1e\+50"),
    ],
)
def test_bad_arguments(weights, biases, message):
    with pytest.raises(ValueError, match=message):
        propagation.phase_diagram("tanh", weights, biases)


def test_the_figure_is_in_order_and_has_single_rows_and_points():
    ordered = propagation.phase_diagram("tanh", [1.0, 2.0, 3.0], [0.1, 0.2])
    shuffled = propagation.phase_diagram("tanh", [3.0, 1.0, 2.0], [0.2, 0.1])
    images = [diagram.plot().axes[0].collections[0].get_array() for diagram in (ordered, shuffled)]
    np.testing.assert_array_equal(*images)
    for weights, biases in (([1.0, 2.0, 3.0], [0.1]), ([1.5], [0.0])):
        diagram = propagation.phase_diagram("tanh", weights, biases)
        image = diagram.plot().axes[0].collections[0]
        np.testing.assert_allclose(np.ravel(image.get_array()), np.log(diagram.chi_1).ravel())
        corners = image.get_coordinates()
        assert (np.ptp(corners.reshape(-1, 2), axis=0) > 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        propagation.phase_diagram("relu", [3.0, 4.0], [0.1, 0.2]).plot()  # variances diverge everywhere
    pyplot.close("all")
