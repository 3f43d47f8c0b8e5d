r"""IP-bias: hidden biases of order 1 keep the signal alive, and the rates of step 0 bring every update to order 1.

At step 0 the initial weights carry a vanishing signal: :math:`h^l = b^l` for :math:`l \ge 2`, whatever the input. Backward,
:math:`m\,\partial\mathrm{loss}/\partial h^l = m^{-(L-l)/2}\,\tilde g^l` with

.. math::
    \tilde g^L = \phi'(b^L)\, w^{L+1} r, \qquad
    \tilde z^l \sim \mathrm{GP}(\sigma_{l+1}^2\langle\tilde g^{l+1},\tilde g^{l+1}\rangle), \qquad \tilde g^l = \phi'(h^l)\,\tilde z^l .

Hence :math:`W_l = -\eta_0\,\mathrm{mean}_i\,\tilde g^l_i \otimes \phi(h^{l-1}_i)`: the input enters through :math:`W_1` and
:math:`W_2` alone, and reaches the output through L - 1 small overlaps. Biases move by :math:`-\eta_0\,\mathrm{mean}_i\,\tilde g^l_i`.

References
----------
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596 (IP-bias). The limit of its first step is derived here.
"""

from __future__ import annotations

import numpy as np

from .fields import Fields
from .start import FirstPass, Setting, Start, initial_biases, zero_residual

__all__ = ["bias"]


def bias(setting: Setting) -> Start:
    """Weights and biases before the first step, and the factors of that step.

    Mirrored samples: the output is then exactly 0 at the start, as in the limit.
    """
    data, L, phi, std = setting.data, setting.hidden_layers, setting.activation, setting.weight_std
    fields, dtype = Fields(setting.rng, setting.neurons, mirrored=True), data.X.dtype
    first = std[0] * fields.independent(data.X.shape[1], "forward").T
    last = std[L] * fields.independent(data.outputs, "backward")
    biases = initial_biases(setting, fields)
    X = data.X.astype(float)
    h = [X @ first.T + biases[0]] + [np.tile(b, (data.n, 1)) for b in biases[1:L]]
    residual = zero_residual(data)
    signals = [phi.derivative(h[-1]) * (residual @ last), residual]
    for l in range(L - 1, 0, -1):
        signals.insert(0, phi.derivative(h[l - 1]) * fields.through(signals[0], std[l], "backward"))
    first_pass = FirstPass([X.astype(dtype)] + [phi.value(v).astype(dtype) for v in h], [g.astype(dtype) for g in signals])
    return Start(first.astype(dtype), [None] * (L - 1), last.astype(dtype), [b.astype(dtype) for b in biases], first_pass)
