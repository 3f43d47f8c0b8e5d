"""The coordinate check: right parameterizations pass, planted bugs are found at the first line that they spoil."""

from dataclasses import replace

import numpy as np
import pytest

from infwidth.limits import Parameterization, scaling

WIDTHS = (32, 128, 512)
MUP = Parameterization.mup(2)


@pytest.mark.parametrize(
    ("parameterization", "activation"),
    [
        (MUP, "relu"),
        (MUP, "tanh"),
        (Parameterization.ntk(2), "relu"),
        (Parameterization.standard(2), "relu"),
        (MUP.with_biases(0.0), "relu"),
    ],
    ids=["mup", "mup tanh", "ntk", "sp", "mup with biases"],
)
def test_right_ones_pass(parameterization, activation):
    found = scaling.coordinate_check(parameterization, activation, WIDTHS)
    assert found.ok, str(found)
    assert str(found).endswith("all lines hold")


BUGS = {
    "readout rate unscaled": (replace(MUP, c=(*MUP.c[:-1], 0.0)), "update of output"),
    "readout rate over the root of the width": (replace(MUP, c=(*MUP.c[:-1], -0.5)), "update of output"),
    "µP rates on SP initialisation": (replace(MUP, a=(0, 0.5, 0.5)), "f"),
    "1/width for the root of it in a hidden layer": (replace(MUP, a=(0, 1.0, 1.0)), "h2"),
    "an extra 1/width in a hidden layer": (replace(MUP, a=(0, 1.5, 1.0)), "h2"),
}


@pytest.mark.parametrize("name", BUGS)
def test_planted_bugs_are_found(name):
    built, line = BUGS[name]
    found = scaling.coordinate_check(MUP, "relu", WIDTHS, built=built, seeds=6)
    assert not found.ok
    assert any(line in offender for offender in found.offenders), found.offenders
    assert "lines are off" in str(found)


def test_a_bias_rate_over_fan_in_is_found_behind_the_weights_of_its_layer():
    """The weights of a layer move its pre-activations as predicted, so only the row of the bias tells."""
    right = MUP.with_biases(0.0)
    built = replace(right, bias_c=tuple(c + 1 for c in right.bias_c[:-1]) + right.bias_c[-1:])
    found = scaling.coordinate_check(right, "relu", WIDTHS, built=built, seeds=6)
    assert not found.ok
    assert found.offenders[0].startswith("step 0, update of bias 1: slope -1.0")
    assert not any("update of layer" in offender for offender in found.offenders)
    with pytest.raises(ValueError, match=r"built: one of the two parameterizations has biases.*; give both or neither"):
        scaling.coordinate_check(MUP, "relu", WIDTHS, built=built)


def test_a_line_that_is_predicted_to_slope_is_no_bug():
    """The output of µP at the start falls like m^{-1/2}: not flat, and right."""
    found = scaling.coordinate_check(MUP, "relu", WIDTHS, steps=0)
    row = found.names.index("f")
    assert found.predicted[row, 0] == -0.5
    assert found.holds[row, 0]


def test_plot():
    found = scaling.coordinate_check(MUP, "relu", (32, 512), built=BUGS["readout rate unscaled"][0], steps=0, seeds=4)
    axes = found.plot().axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(labels) == len(found.names)
    assert "update of output (off)" in labels
    drawn = axes.get_lines()[0].get_ydata()
    np.testing.assert_allclose(np.log(drawn), found.measured.log_sizes.mean(axis=1)[:, found.measured.names.index(found.names[0]), 0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"built": Parameterization.mup(3)}, ValueError, "built: has 3 hidden layers, not 2; compare one depth"),
        ({"built": "mup"}, TypeError, "built: need a Parameterization"),
        ({"seeds": 1}, ValueError, "seeds: need an integer from 2"),
        ({"band": -1}, ValueError, "band: need a finite number >= 0"),
        ({"widths": (32,)}, ValueError, "widths: need 2 integers or more"),
    ],
)
def test_bad_arguments(options, error, message):
    with pytest.raises(error, match=message):
        scaling.coordinate_check(MUP, "relu", **options)
