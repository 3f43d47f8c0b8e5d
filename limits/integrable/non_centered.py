r"""IP-non-centered: weights N(1, :math:`\sigma^2`) above the first layer, so that kernels start at 1 and not at 0.

The law of large numbers makes the middle layers 2..L-1 one neuron each: every neuron there has the pre-activation
:math:`\langle\phi(h^{l-1})\rangle`, and keeps it. Layer L is indexed by its output weight :math:`w^{L+1} \sim N(1, \sigma_{L+1}^2)`, layer
1 by its input weights. The limit is the mean-field network of widths :math:`(N, 1, \ldots, 1, N)` with middle weights 1; for L = 2 a
full kernel that starts at 1. Hidden biases tell the neurons of a layer apart, and every kernel is full.

References
----------
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596 (IP-non-centered). The reduction is derived here.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from .fields import Fields
from .start import Kernel, Setting, Start, initial_biases, layer_sizes

__all__ = ["non_centered"]


def non_centered(setting: Setting) -> Start:
    """Gaussian first weights, kernels of 1, output weights of mean 1, and Gaussian hidden biases where there are any."""
    data, L, N, std = setting.data, setting.hidden_layers, setting.neurons, setting.weight_std
    fields, dtype = Fields(setting.rng, N), data.X.dtype
    first = (std[0] * fields.independent(data.X.shape[1], "forward").T).astype(dtype)
    last = (1 + std[L] * fields.independent(data.outputs, "backward")).astype(dtype)
    biases = [b.astype(dtype) for b in initial_biases(setting, fields)]
    sizes = layer_sizes("non_centered", L, N, bool(biases))
    kernels: list[Kernel] = [(np.ones((above, 1), dtype), np.ones((below, 1), dtype)) for below, above in pairwise(sizes)]
    return Start(first, kernels, last, biases)
