"""Equivalent forms are one network; the table of µP is the published one."""

from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits.networks import in_form
from infwidth.limits.networks.table import FORMS


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["mup", "ntk", "standard", "integrable_large_lr", "integrable_non_centered"])
def test_equivalent_forms_are_one_network(form, name):
    p = getattr(iw.Parameterization, name)(2)
    X, y = np.random.default_rng(0).standard_normal((5, 3)), np.arange(5.0)
    method = iw.GradientDescent(0.02, 4)
    first, second = (iw.solve(iw.Network(3, 2, 16, "tanh", q), X, y, method, rng=1).outputs for q in (p, in_form(p, form)))
    np.testing.assert_allclose(second, first, rtol=1e-12, atol=1e-14)


def rows(optimizer, form):
    table = iw.Parameterization.mup(2).table(64, base_width=16, optimizer=optimizer, form=form)
    return [(r.initial_std, r.multiplier, r.learning_rate) for r in table.rows]


# arXiv:2203.03466, input, hidden and output weights: initial standard deviations and multipliers, rates of SGD and of Adam; here m = 4
PUBLISHED = {
    "no multipliers": ("table 3", (1, 0.5, 0.25), (1, 1, 1), (4, 1, 0.25), (1, 0.25, 0.25)),
    "readout multiplier": ("table 8", (1, 0.5, 1), (1, 1, 0.25), (4, 1, 4), (1, 0.25, 1)),
    "equal rates": ("table 9", (0.5, 0.5, 0.5), (2, 1, 0.5), (1, 1, 1), (0.5, 0.25, 0.5)),
}


@pytest.mark.parametrize("form", PUBLISHED)
def test_published_tables(form):
    _, std, multiplier, sgd, adam = PUBLISHED[form]
    assert rows("sgd", form) == [*zip(std, multiplier, sgd, strict=True)]
    assert rows("adam", form) == [*zip(std, multiplier, adam, strict=True)]


def test_everything_is_one_at_the_base_width():
    for optimizer in ("sgd", "adam"):
        table = iw.Parameterization.mup(3).table(128, 128, optimizer=optimizer)
        assert {(r.initial_std, r.multiplier, r.learning_rate) for r in table.rows} == {(1.0, 1.0, 1.0)}
    assert [r.layer for r in table.rows] == ["input", "hidden 2", "hidden 3", "output"]


def test_standard_deviations_are_kept():
    p = replace(iw.Parameterization.mup(1), weight_std=(2.0, 3.0))
    assert [r.initial_std for r in p.table(4).rows] == [2.0, 3.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optimizer": "adamw"}, "optimizer: 'adamw' is not one of sgd, adam"),
        ({"form": "mine"}, "form: 'mine' is not one of stored"),
        ({"width": 0}, "width: need an integer >= 1"),
        ({"base_width": 0}, "base_width: need an integer >= 1"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        iw.Parameterization.mup(1).table(**({"width": 8} | options))
    with pytest.raises(ValueError, match=r"optimizer: the rates of Adam are known for µP alone.*; take sgd"):
        iw.Parameterization.ntk(1).table(8, optimizer="adam")


def test_one_hidden_layer_has_the_rates_of_adam_too():
    """Where µP and the integrable parameterization are the same network."""
    table = iw.Parameterization.mup(1).table(1024, base_width=256, optimizer="adam", form="no multipliers")
    assert [(row.initial_std, row.multiplier, row.learning_rate) for row in table.rows] == [(1, 1, 1), (0.25, 1, 0.25)]
