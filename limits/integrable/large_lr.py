r"""The first step of IP-LLR.

At step 0 of width m, :math:`h^l = m^{-(l-1)/2}\,\tilde h^l` and :math:`g^l = m\,\partial\mathrm{loss}/\partial h^l
= m^{-(L-l)/2}\,\tilde g^l`; the large rates bring every update to order 1. The tilde network has, from layer 2 on, the germ
:math:`\phi_0` of the activation at 0 (:class:`.germ.Germ`: relu itself, but a line for tanh, elu, gelu, erf):

.. math::
    \tilde x^1 &= \phi(w^1 x), & \tilde h^l &\sim \mathrm{GP}(\sigma_l^2\langle\tilde x^{l-1},\tilde x^{l-1}\rangle), &
    \tilde x^l &= \phi_0(\tilde h^l), \\
    \tilde g^L &= \phi_0'(\tilde h^L)\,w^{L+1} r, &
    \tilde z^l &\sim \mathrm{GP}(\sigma_{l+1}^2\langle\tilde g^{l+1},\tilde g^{l+1}\rangle), & \tilde g^l &= \phi_0'(\tilde h^l)\,\tilde z^l
    \quad (\phi' \text{ in layer 1}),

with r the residuals at f = 0. Then :math:`W_l = -\eta_0\,\mathrm{mean}_i\,\tilde g^l_i \otimes \tilde x^{l-1}_i` for :math:`2 \le l \le L`,
and :math:`w^1`, :math:`w^{L+1}` move likewise. Forward and backward fields are independent.

References
----------
.. [hajjar2021] Hajjar, Chizat and Giraud, arXiv:2110.15596 (IP-LLR, homogeneous activations). For other activations derived here.
"""

from __future__ import annotations

from .fields import Fields
from .start import FirstPass, Setting, Start, zero_residual
from .vanishing import VanishingField, undecided

__all__ = ["large_lr"]


def large_lr(setting: Setting) -> Start:
    """Weights before the first step, and the factors of that step."""
    data, L, phi, germ, std = setting.data, setting.hidden_layers, setting.activation, setting.germ, setting.weight_std
    if phi.at_zero()[0] != 0 or germ == (0, 0):
        raise ValueError(
            f"activation: the exponents of IP-LLR are those of an activation with phi(0) = 0 and a slope there, {phi.name!r} has"
            f" phi(0) = {phi.at_zero()[0]:g} and slopes {germ.up:g}, {germ.down:g}; take another activation, or scheme='bias'"
        )
    # Mirrored where sampling must not make up what is 0: the output of one layer at the start, the overlaps of forward and backward fields.
    fields = Fields(setting.rng, setting.neurons, mirrored=L == 1 or (germ.linear and L >= 3))
    first = std[0] * fields.independent(data.X.shape[1], "forward").T
    last = std[L] * fields.independent(data.outputs, "backward")
    X, residual = data.X.astype(float), zero_residual(data)
    h = X @ first.T
    inputs, slopes, vanishing = [X, phi.value(h)], [phi.derivative(h)], {}
    for l in range(2, L + 1):
        h = fields.through(inputs[-1], std[l - 1], "forward")
        slope = germ.slope(h)
        if not germ.linear:
            kept = undecided(slope, residual) | setting.dense
            vanishing[l] = VanishingField.draw(setting.rng, inputs[-1], std[l - 1], h, kept, data.X.dtype)
        inputs.append(germ.value(h))
        slopes.append(slope)
    signals = [slopes[-1] * (residual @ last), residual]
    for l in range(L - 1, 0, -1):
        signals.insert(0, slopes[l - 1] * fields.through(signals[0], std[l], "backward"))
    dtype = data.X.dtype
    first_pass = FirstPass([x.astype(dtype) for x in inputs], [g.astype(dtype) for g in signals])
    return Start(first.astype(dtype), [None] * (L - 1), last.astype(dtype), first_pass=first_pass, fields=vanishing)
