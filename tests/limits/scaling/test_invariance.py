"""Parameterizations that are one."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from infwidth.limits import Parameterization
from infwidth.limits.scaling.invariance import KNOWN, same_limit, which


def shifted(p, theta):
    """Factors m^-theta of each layer moved from its weights to its multiplier."""
    first = None if p.first_c is None else tuple(np.subtract(p.first_c, 2 * theta))
    return replace(p, a=tuple(p.a + theta), b=tuple(p.b - theta), c=tuple(p.c - 2 * theta), first_c=first)


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("L", [2, 3])
def test_a_shift_of_any_layer_is_the_same_limit(name, L):
    p = KNOWN[name](L)
    theta = np.linspace(-0.7, 0.9, L + 1)
    assert which(p) == which(shifted(p, theta)) == which(replace(shifted(p, theta), name="mine")) == name
    assert same_limit(p, shifted(p, theta)) and same_limit(p, replace(p, weight_std=tuple(np.arange(1.0, L + 2))))


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("exponent", ["a", "b", "c"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_an_exponent_changed_alone_is_another_limit(name, exponent, layer):
    p = KNOWN[name](2)
    values = np.array(getattr(p, exponent), float)
    values[layer] += 0.01
    assert not same_limit(p, replace(p, **{exponent: tuple(values)}))


def test_the_known_ones_differ_from_two_hidden_layers_on():
    for one, other in combinations(KNOWN, 2):
        assert not same_limit(KNOWN[one](3), KNOWN[other](3)), (one, other)
    assert not same_limit(Parameterization.mup(2), Parameterization.mup(3))
    assert which(Parameterization.ntk(3)) is None


def test_with_one_hidden_layer_three_of_them_are_one():
    assert [which(KNOWN[name](1)) for name in ("naive", "large_lr", "mup")] == ["naive"] * 3


def test_two_of_them_may_have_biases():
    for name in ("naive", "non_centered"):
        for std in (0.0, 0.3):
            p = KNOWN[name](3).with_biases(std)
            assert which(p) == name
            assert which(replace(p, bias_c=(-1.0, -1.0, -0.5, 0.0))) is None
            assert which(replace(p, bias_std=(std, std, std, 1.0))) is None  # of the output: f_0 would be random
    assert which(KNOWN["mup"](3).with_biases()) is None


def test_biases_that_start_otherwise_are_another_limit():
    p = Parameterization.integrable_bias(3)
    still = replace(p, bias_std=(0.0,) * 4)
    assert which(p) == "bias" and which(still) is None and not same_limit(p, still)
    assert same_limit(p, replace(p, bias_std=(2.0, 2.0, 2.0, 0.0)))
