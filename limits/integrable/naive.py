r"""Naive integrable parameterization: centred kernels start at the zero operator, and every step is the same.

What moves from there needs a way around the zero kernels: with one hidden layer, with two (:math:`W_2 = -\eta\,\mathrm{mean}_i\,
\phi'(h^2_i)\, w^3 r_i \otimes \phi(h^1_i)` after step 0), with :math:`\phi(0) \ne 0`, or with biases. Otherwise f = 0 for all time
(:mod:`.stationary`). At a kink :math:`\phi'(h^2)` at :math:`h^2 = 0` is that of the sign of the vanishing field.
"""

from __future__ import annotations

import numpy as np

from .fields import Fields
from .start import Setting, Start, zero_residual
from .vanishing import VanishingField, undecided

__all__ = ["naive"]


def naive(setting: Setting) -> Start:
    """Independent Gaussian first and last weights, kernels of zero."""
    data, L, N, std = setting.data, setting.hidden_layers, setting.neurons, setting.weight_std
    fields, dtype = Fields(setting.rng, N), data.X.dtype
    first = std[0] * fields.independent(data.X.shape[1], "forward").T
    last = std[L] * fields.independent(data.outputs, "backward")
    biases, vanishing = [], {}
    if setting.bias_std is not None:
        biases = [b * fields.independent(1, "forward")[0] for b in setting.bias_std[:L]] + [np.zeros(data.outputs)]
    elif not setting.germ.linear:
        below = setting.activation.value(data.X.astype(float) @ first.T)
        for l in range(2, L + 1):
            field = fields.through(below, std[l - 1], "forward")
            stays = undecided(setting.germ.slope(field), zero_residual(data)) if l == L else np.ones(N, bool)
            vanishing[l] = VanishingField.draw(setting.rng, below, std[l - 1], field, stays | setting.dense, dtype)
            below = np.full_like(below, setting.activation.at_zero()[0])
    biases = [b.astype(dtype) for b in biases]
    return Start(first.astype(dtype), [None] * (L - 1), last.astype(dtype), biases, fields=vanishing)
