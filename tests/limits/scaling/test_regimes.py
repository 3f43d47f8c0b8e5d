"""Regimes against the closed formula of Yang and Hu, and on the named parameterizations."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from infwidth.limits import Parameterization, activations, scaling

ACTIVATIONS = ("relu", "tanh", "linear", "gelu")
TOLERANCE = 1e-6


def yang_hu_case(rng):
    """Random exponents with pre-activations of order 1: stable ones, as often as not at the edge where something still moves."""
    while True:
        L = int(rng.integers(1, 6))
        coarse = rng.random() < 0.5  # multiples of 1/4 tie exponents

        def draw(low, high, coarse=coarse):
            value = rng.uniform(low, high)
            return round(4 * value) / 4 if coarse else value

        a = [draw(-1, 1) for _ in range(L + 1)]
        output = max(0.5, draw(0.25, 1.5))
        b = [-a[0], *(0.5 - x for x in a[1:-1]), output - a[-1]]
        inner = min(2 * x + (l == 0) for l, x in enumerate(a[:-1])) - 1
        edges = [1 - 2 * a[-1]]  # output weights learn at the largest rate
        for r in (0.0, 1 - output):  # features move; the initial output weights make f move
            edges += [r - output - inner, (r - 2 * a[-1] - inner) / 2]
        edges = [c for c in edges if scaling.yang_hu(a, b, c).name != "unstable"]
        c = min(edges) if edges and rng.random() < 0.7 else draw(-1, 3)
        if scaling.yang_hu(a, b, c).name != "unstable":
            return L, a, b, c


@pytest.mark.parametrize("cases", [600, pytest.param(6000, marks=pytest.mark.slow)])
def test_the_formula_on_random_stable_parameterizations(cases):
    rng = np.random.default_rng(2011_14522)
    seen = Counter()
    for i in range(cases):
        L, a, b, c = yang_hu_case(rng)
        formula = scaling.yang_hu(a, b, c)
        p = Parameterization(a, b, (c,) * (L + 1))
        found = scaling.regime(p, ACTIVATIONS[i % len(ACTIVATIONS)], steps=1)
        assert found.name == formula.name, (a, b, c)
        assert abs(found.exponents.moved[2, -1] + formula.r) < TOLERANCE, (a, b, c)
        seen[formula.name] += 1
        seen[L] += 1
    assert sum(seen[L] for L in range(1, 6)) == cases and min(seen[L] for L in range(1, 6)) > cases / 10
    assert min(seen[name] for name in ("trivial", "kernel", "feature_learning")) > cases / 40, seen


def test_the_formula_on_random_unstable_parameterizations():
    rng = np.random.default_rng(3)
    for _ in range(200):
        L, a, b, c = yang_hu_case(rng)
        c -= rng.uniform(0.05, 1)
        formula = scaling.yang_hu(a, b, c)
        found = scaling.regime(Parameterization(a, b, (c,) * (L + 1)), "relu")
        assert (found.name == "unstable") == (formula.name == "unstable"), (a, b, c)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "elu", "gelu", "sigmoid", "abs"])
@pytest.mark.parametrize("L", [1, 2, 3, 5])
def test_named_parameterizations(L, activation):
    P = Parameterization
    names = {
        "kernel": [P.ntk(L), P.standard(L)],
        "feature_learning": [P.mup(L), P.integrable_non_centered(L), P.integrable_bias(L), P.integrable(L).with_biases()],
        "trivial": [P.standard(L, c=1.5), P.ntk(L)._named("slow", L, (0, 0.5, 0.5), (0, 0, 0), (0.1, 0.1, 0.1))],
        "unstable": [P.ntk(L)._named("fast", L, (0, 0.5, 0.5), (0, 0, 0), (-0.6, -0.6, -0.6))],
    }
    for name, members in names.items():
        for p in members:
            assert scaling.regime(p, activation).name == name, p.name


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "elu", "gelu"])
def test_naive_integrable_networks_stall_from_three_hidden_layers_on(activation):
    found = [scaling.regime(Parameterization.integrable(L), activation) for L in range(1, 7)]
    assert [f.name for f in found] == ["feature_learning"] * 2 + ["trivial"] * 4
    assert "stationary point" in found[2].why and "a time of order log m" in found[2].why
    assert "a time of order m^(1/2)" in found[3].why and "a time of order m^(3/2)" in found[5].why
    assert "layer 2, is of order m^(-1/2)" in found[2].why


@pytest.mark.parametrize("activation", ["linear", "tanh", "elu", "gelu"])
def test_the_second_stationary_point(activation):
    found = [scaling.regime(Parameterization.integrable_large_lr(L), activation) for L in range(1, 8)]
    assert [f.name for f in found] == ["feature_learning"] * 4 + ["trivial"] * 3
    assert "second stationary point" in found[4].why and "a time of order log m" in found[4].why
    assert "a time of order log m" in found[5].why and "a time of order m^(1/2) log m" in found[6].why


@pytest.mark.parametrize("L", [3, 5, 7])
def test_relu_learns_after_a_large_first_step_at_every_depth(L):
    assert scaling.regime(Parameterization.integrable_large_lr(L), "relu").name == "feature_learning"


def test_the_explanation_follows_the_exponents_not_the_name():
    p = Parameterization.integrable(3)
    shifted = replace(p, a=tuple(x + 0.5 for x in p.a), b=tuple(x - 0.5 for x in p.b), c=tuple(x - 1 for x in p.c), name="mine")
    assert scaling.regime(shifted).why == scaling.regime(p).why
    almost = replace(p, c=(*p.c[:-1], -0.9))
    assert "stationary point" not in scaling.regime(almost).why


def test_a_rescaling_between_layers_changes_no_regime():
    # The features of the last layer are m^{-1/2} small, the output weights m^{1/2} large: relative to their size nothing changes.
    for p in (Parameterization.mup(2), Parameterization.ntk(2)):
        moved = replace(p, a=(p.a[0], p.a[1] + 0.5, p.a[2] - 0.5))  # the same function of the weights
        assert scaling.regime(moved).name == scaling.regime(p).name
        assert scaling.regime(moved).exponents.h[0, 1] == -0.5


def test_reasons_name_layer_and_power():
    assert "f grows like m^(1/4) at step 0" in scaling.regime(Parameterization((0, 0.25), (0, 0), (0, 0))).why
    fast = scaling.regime(Parameterization.standard(2, c=0)).why
    assert "h^2 grows like m^(1/2) at step 1" in fast and "layer 3 in step 0: m^1" in fast
    assert "only by m^(-1/2)" in scaling.regime(Parameterization.ntk(3), "tanh").why
    assert "hidden layers 1, 2, 3 learn at full speed" in scaling.regime(Parameterization.mup(3)).why


@pytest.mark.parametrize("steps", [0, 1.5])
def test_bad_numbers_of_steps(steps):
    with pytest.raises(ValueError, match="steps: need an integer >= 1"):
        scaling.regime(Parameterization.mup(1), steps=steps)


def test_a_squared_relu_stalls_one_layer_earlier():
    squared = activations.custom("relu^2", lambda h: np.maximum(h, 0) ** 2, lambda h: 2 * np.maximum(h, 0), 2)
    found = [scaling.regime(Parameterization.integrable(L), squared).name for L in (1, 2)]
    assert found == ["feature_learning", "trivial"]
    assert scaling.regime(Parameterization.integrable_large_lr(3, homogeneity=2), squared).name == "feature_learning"


def test_features_that_are_zero_do_not_move():
    # Layer 2 starts at zero, where relu has no slope: f is the output bias.
    p = replace(Parameterization.mup(2).with_biases(std=0), weight_std=(1, 0, 1), bias_c=(-1.0, 9.0, 0.0))
    found = scaling.regime(p, "relu")
    assert found.name == "kernel" and "only by 0 (exactly)" in found.why
    assert "changes by at most 0 (exactly)" in scaling.regime(replace(p, bias_c=None, bias_std=None), "relu").why


def test_what_grows_after_the_last_step_counts():
    p = Parameterization((0.25, 1), (0.25, 0.75), (-1.5, -1.5))
    assert np.array_equal(scaling.exponents(p, "relu", 2).f_change, [-0.5, 0, 0.5])
    assert scaling.regime(p, steps=1).name == "feature_learning"  # so far
    for steps in (2, 3, None):
        found = scaling.regime(p, steps=steps)
        assert found.name == "unstable" and "f grows like m^(1/2) at step 3" in found.why
        assert "layer 2 in step 2: m^(1/2)" in found.why


def test_powers_that_build_up_slowly_are_waited_for():
    rng = np.random.default_rng(8)
    longer = 0
    for _ in range(300):
        L = int(rng.integers(1, 3))
        a, b, c = (tuple(np.round(4 * rng.uniform(low, high, L + 1)) / 4) for low, high in ((0, 1), (0, 1), (-2, 1)))
        p = Parameterization(a, b, c)
        found = scaling.regime(p, "tanh")
        longer += found.exponents.steps > L + 1
        if found.name != "unstable" and found.exponents.steps < 4 * (L + 1):
            assert scaling.regime(p, "tanh", steps=found.exponents.steps + 2).name == found.name
    assert longer > 0


def test_the_cause_of_growth_is_one_that_the_table_shows():
    rng = np.random.default_rng(5)
    seen = Counter()
    for _ in range(300):
        L = int(rng.integers(1, 4))
        a, b, c = (tuple(np.round(4 * rng.uniform(low, high, L + 1)) / 4) for low, high in ((0, 1), (0, 1), (-2, 1)))
        found = scaling.regime(Parameterization(a, b, c), "relu")
        if found.name != "unstable":
            continue
        table, step = found.exponents, int(re.search(r"at step (\d+):", found.why)[1])
        assert max(table.h[:step].max(initial=-np.inf), table.f[:step].max(initial=-np.inf)) <= 0
        named = re.findall(r"layer (\d+) in step (\d+)", found.why)
        if step == 0:
            kind = "start"
            assert "initial weights" in found.why and not named
        elif "no update by itself" in found.why:
            kind = "together"
            assert table.update[int(named[0][1]), int(named[0][0]) - 1] <= 0
        else:
            kind = "update"
            assert named and all(table.update[int(s), int(k) - 1] > 0 and int(s) == step - 1 for k, s in named)
        seen[kind, step > 1] += 1
    assert set(seen) == {("start", False), ("update", False), ("update", True), ("together", False), ("together", True)}, seen


def test_rates_of_the_first_step_are_named():
    fast = replace(Parameterization.mup(2), first_c=(-2, -2, -2))
    assert scaling.regime(fast).why.endswith("raise their first_c.")
    assert scaling.regime(Parameterization.integrable_large_lr(3), "cos").why.endswith("raise their first_c.")
    slow_first = replace(Parameterization.standard(2, c=0), first_c=(1, 1, 1))
    assert "at step 2" in (why := scaling.regime(slow_first).why) and why.endswith("raise their c.")
    biases = replace(Parameterization.integrable_bias(2), first_bias_c=(-9.0, -9.0, 0.0))
    assert scaling.regime(biases).why.endswith("raise their first_c or first_bias_c.")


@pytest.mark.parametrize(
    ("p", "who"),
    [
        (replace(Parameterization.integrable(3), weight_std=(1, 0, 0, 1)), "the weights of layers 2, 3 start"),
        (replace(Parameterization.integrable_large_lr(6), weight_std=(1, 1, 0, 1, 1, 1, 1)), "the weights of layer 3 start"),
    ],
)
def test_no_escape_is_promised_where_a_layer_starts_at_zero(p, who):
    why = scaling.regime(p, "tanh").why
    assert who in why and "escape" not in why


def test_the_layers_that_learn_are_compared_in_their_own_units():
    # Layer 1 is of order m^{-1/2}, its square of order 1/m; an update of order m^{-3/4} is small for it.
    squared = activations.custom("relu^2", lambda h: np.maximum(h, 0) ** 2, lambda h: 2 * np.maximum(h, 0), 2)
    p = Parameterization((0.5, -0.5, 1), (0, 0, 0), (-0.75, -1, -1))
    found = scaling.regime(p, squared)
    assert np.array_equal(found.exponents.update[0], [-0.75, 0, 0]) and np.array_equal(found.exponents.x[0], [-1, 0])
    assert "hidden layer 2 learns at full speed" in found.why
