"""Gram matrices of the first forward and backward pass of finite networks, in units of their size."""

from dataclasses import replace

import numpy as np

from infwidth.limits import Network, Parameterization, activations
from infwidth.limits.integrable.germ import Germ
from infwidth.limits.integrable.start import Setting, zero_residual
from infwidth.solvers import Data

RNG = np.random.default_rng(11)
DATA = Data.check(RNG.standard_normal((3, 2)), RNG.standard_normal((3, 2)))


def grams(fields):
    return np.array([v @ v.T / v.shape[1] for v in fields])


def of_networks(preset, L, activation, std, forward_power, width=1024, seeds=24):
    """Mean and standard error of <x^l, x^l> (l = 1..L) and <g^l, g^l>, g = m dloss/dh with the residuals at 0, both rescaled."""
    p = replace(getattr(Parameterization, preset)(L), weight_std=std)
    rows = []
    for seed in range(seeds):
        problem = Network(2, L, width, activation, p, output_dim=2).bind(DATA, np.random.default_rng(seed))
        state = problem.start()
        x, h = problem.forward(state, DATA.X)
        signals = problem.signals(state, zero_residual(DATA), x, h, 1, None)
        g = [width * g for l, g, _ in signals if l < L][::-1]
        x = [v * width ** (forward_power * l) for l, v in enumerate(x[1:])]
        g = [v * width ** ((L - l) / 2) for l, v in enumerate(g, start=1)]
        rows.append([grams(x), grams(g)])
    rows = np.array(rows)
    return rows.mean(axis=0), rows.std(axis=0, ddof=1) / np.sqrt(seeds)


def of_limit(scheme, L, activation, std, bias_std=None, neurons=8000):
    phi = activations.get(activation)
    setting = Setting(DATA, L, neurons, phi, Germ.of(phi), (std,) * (L + 1), bias_std, False, np.random.default_rng(0))
    start = scheme(setting)
    return np.array([grams(start.first_pass.inputs[1:]), grams(start.first_pass.signals[:-1])])


def close(preset, scheme, L, activation, std, forward_power, bias_std=None):
    """Within 4.5 standard errors, and the correction of a finite width: m^{-1/2} relative, a few percent at 1024."""
    mean, error = of_networks(preset, L, activation, std, forward_power)
    limit = of_limit(scheme, L, activation, std, bias_std)
    size = np.sqrt(np.einsum("...ii,...jj->...ij", limit, limit))
    np.testing.assert_array_less(np.abs(mean - limit), 4.5 * error + 0.05 * size)
