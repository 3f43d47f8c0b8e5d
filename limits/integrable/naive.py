r"""Naive integrable parameterization: centred kernels start at the zero operator, and every step is the same.

What moves from there needs a way around the zero kernels: with one hidden layer, with two (:math:`W_2 = -\eta\,\mathrm{mean}_i\,
\phi'(h^2_i)\, w^3 r_i \otimes \phi(h^1_i)` after step 0), with :math:`\phi(0) \ne 0`, or with biases. Otherwise f = 0 for all time
(:mod:`.stationary`). Where the activation has a kink at 0, :math:`\phi'(h^l)` at :math:`h^l = 0` is that of the sign of the vanishing
field: in all layers l >= 2 without biases, or whose biases start at 0.
"""

from __future__ import annotations

import numpy as np

from .fields import Fields
from .start import Setting, Start, initial_biases, zero_residual
from .vanishing import VanishingField, undecided

__all__ = ["naive"]


def naive(setting: Setting) -> Start:
    """Independent Gaussian first and last weights, kernels of zero."""
    data, L, N, std = setting.data, setting.hidden_layers, setting.neurons, setting.weight_std
    fields, dtype = Fields(setting.rng, N), data.X.dtype
    first = std[0] * fields.independent(data.X.shape[1], "forward").T
    last = std[L] * fields.independent(data.outputs, "backward")
    biases, vanishing = initial_biases(setting, fields), {}
    shift = biases or [np.zeros(N)] * L
    below = setting.activation.value(data.X.astype(float) @ first.T + shift[0])
    for l in range(2, L + 1):
        if not setting.germ.linear and not shift[l - 1].any():
            field = fields.through(below, std[l - 1], "forward")
            stays = undecided(setting.germ.slope(field), zero_residual(data)) if l == L else np.ones(N, bool)
            vanishing[l] = VanishingField.draw(setting.rng, below, std[l - 1], field, stays | setting.dense, dtype)
        below = np.tile(setting.activation.value(shift[l - 1]), (data.n, 1))
    biases = [b.astype(dtype) for b in biases]
    return Start(first.astype(dtype), [None] * (L - 1), last.astype(dtype), biases, fields=vanishing)
