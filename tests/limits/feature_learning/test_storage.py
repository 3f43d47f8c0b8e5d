"""Marches that go back, and that are stored and taken up again."""

import numpy as np
import pytest

from infwidth.limits import activations
from infwidth.limits.feature_learning.march import FieldTheory, March
from infwidth.limits.feature_learning.rows import Budget
from infwidth.limits.feature_learning.storage import cut, restore, snapshot

Z = np.array([[0.6, -0.2], [-0.4, 0.8]])
Y = np.array([[1.0, 0.5], [-1.0, 0.2]])


def new():
    theory = FieldTheory(3, activations.get("relu"), 1.0, (1.0,) * 4, (1.0,) * 4, 1024, 1e-2)
    return March(theory, Z, 2, np.random.SeedSequence(0), Budget(1e9))


def go_on(march, times):
    outputs = []
    while march.time < times:
        outputs.append(march.extend(np.full((march.time, 1), 0.5)))
        march.learn((outputs[-1] - Y) / len(Y))
    return np.array(outputs)


@pytest.mark.parametrize("times", [0, 1, 2, 5])
def test_the_same_bits_after_going_back_or_being_stored(times):
    march = new()
    outputs = go_on(march, 6)
    stored, other = snapshot(march, times), new()
    cut(march, times)
    restore(other, stored)
    for one in (march, other):
        np.testing.assert_array_equal(go_on(one, 6), outputs[times:])


def test_going_back_from_the_middle_of_a_time():
    """As where there is no memory for the rest of it."""
    march = new()
    outputs = go_on(march, 5)
    cut(march, 3)
    backward = march._backward

    def no_memory():
        raise MemoryError

    march._backward = no_memory
    with pytest.raises(MemoryError):
        march.extend(np.full((3, 1), 0.5))
    march._backward = backward
    cut(march, 2)
    np.testing.assert_array_equal(go_on(march, 5), outputs[2:])


def test_a_snapshot_is_a_copy():
    march = new()
    outputs = go_on(march, 4)
    stored = snapshot(march, 2)
    cut(march, 1)
    go_on(march, 4)
    for layer in march.layers:
        layer.from_below.values[:] = np.nan
    other = new()
    restore(other, stored)
    np.testing.assert_array_equal(go_on(other, 4), outputs[2:])


@pytest.mark.parametrize("part", ["drive", "kept", "tables", "drawn"])
def test_another_march_is_refused(part):
    march = new()
    go_on(march, 3)
    stored = snapshot(march, 2)
    stored[part] = stored[part][:, :1] if part == "drive" else [values[..., :-1] for values in stored[part]]
    with pytest.raises(ValueError, match="history: has an array of shape"):
        restore(new(), stored)
