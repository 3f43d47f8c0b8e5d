from dataclasses import replace

import numpy as np
import pytest

import infwidth as iw
from infwidth.limits import Network, Parameterization

PRESETS = ["standard", "ntk", "mup", "integrable", "integrable_large_lr", "integrable_bias", "integrable_non_centered"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("L", [1, 2, 4])
def test_shift_of_exponents_is_the_same_network(preset, L):
    """(a + θ, b − θ, c − 2θ) describes the same trained network (arXiv:2011.14522, section 3)."""
    p = getattr(Parameterization, preset)(L)
    theta = np.linspace(-0.7, 0.9, L + 1)
    first = None if p.first_c is None else tuple(np.subtract(p.first_c, 2 * theta))
    shifted = replace(p, a=tuple(p.a + theta), b=tuple(p.b - theta), c=tuple(p.c - 2 * theta), first_c=first)
    X, y = np.random.default_rng(0).standard_normal((4, 3)), np.arange(4.0)
    runs = [iw.solve(Network(3, L, 8, "tanh", q), X, y, iw.GradientDescent(0.05, steps=5), rng=1).outputs for q in (p, shifted)]
    assert np.abs(np.diff(runs[0], axis=0)).max() > 1e-5  # it does move
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-9, atol=1e-12)


def test_table_of_exponents_at_four_hidden_layers():
    """THEORY table: layers 1, 2..L, output."""
    p = Parameterization
    assert (p.ntk(4).a, p.ntk(4).b, p.ntk(4).c) == ((0, 0.5, 0.5, 0.5, 0.5), (0,) * 5, (0,) * 5)
    assert (p.mup(4).a, p.mup(4).c) == ((0, 0.5, 0.5, 0.5, 1), (-1,) * 5)
    assert (p.standard(4).a, p.standard(4).b, p.standard(4, c=0).c) == ((0,) * 5, (0, 0.5, 0.5, 0.5, 0.5), (0,) * 5)
    assert (p.integrable(4).a, p.integrable(4).c) == ((0, 1, 1, 1, 1), (-1, -2, -2, -2, -1))
    assert p.standard(2).c == (1, 1, 1)  # the largest stable rate
    assert p.integrable_large_lr(4).first_c == (-2.5, -3, -3, -3, -2.5)
    assert p.integrable_large_lr(3, homogeneity=2).first_c == (-4, -4.5, -4.5, -4)  # G = 1 + 2 + 4
    bias = p.integrable_bias(4)
    assert bias.first_c == (-2.5, -3, -2.5, -2, -1)
    assert bias.first_bias_c == (-2.5, -2, -1.5, -1, 0)
    assert (bias.c, bias.bias_c) == (p.integrable(4).c, (-1, -1, -1, -1, 0))
    assert p.integrable_non_centered(4).mean == (0, 1, 1, 1, 1)


@pytest.mark.parametrize("preset", PRESETS)
def test_initial_law(preset):
    p = getattr(Parameterization, preset)(2)
    net = Network(50, 2, 200, "relu", p, output_dim=3)
    weights, biases = (problem := net.bind(_data(50, 3), np.random.default_rng(0))).layers(problem.start())
    for l, w in enumerate(weights):
        scale = 200.0 ** -p.b[l]
        se = p.weight_std[l] * scale / np.sqrt(w.size)
        assert abs(w.mean() - p.mean[l] * scale) < 5 * se
        assert abs(w.std() - p.weight_std[l] * scale) < 5 * se
    assert len(biases) == (3 if preset == "integrable_bias" else 0)
    if biases:
        assert abs(biases[0].std() - 1) < 0.2
        assert not biases[-1].any()


def test_biases_for_any_preset():
    p = Parameterization.mup(2).with_biases(std=0.5)
    assert p.bias_std == (0.5, 0.5, 0)
    assert p.bias_c == (-1, -1, 0)


def _data(d, k):
    from infwidth.solvers import Data

    return Data.check(np.zeros((2, d)) + 1, np.ones((2, k)))
