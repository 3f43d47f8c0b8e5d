"""Finite networks of any architecture, written independently of the kernels: outputs and gradients of all parameters."""

import numpy as np

from infwidth.limits import activations
from infwidth.limits.kernels import Dense, Dropout, Elementwise, FanInSum, FanOut, Identity, LayerNorm
from infwidth.limits.kernels.combinators import Parallel, Serial


def forward(layer, xs, width, rng):
    """Values of the branches after a layer, and a function from their gradients to those before it; parameters' go to a list."""
    if isinstance(layer, Serial):
        backs = []
        for part in layer.layers:
            xs, back = forward(part, xs, width, rng)
            backs.append(back)

        def through(gs, store):
            for back in reversed(backs):
                gs = back(gs, store)
            return gs

        return xs, through
    if isinstance(layer, Parallel):
        pairs = [forward(part, [x], width, rng) for part, x in zip(layer.layers, xs, strict=True)]
        return [ys[0] for ys, _ in pairs], lambda gs, store: [back([g], store)[0] for (_, back), g in zip(pairs, gs, strict=True)]
    if isinstance(layer, FanOut):
        return xs * layer.number, lambda gs, store: [sum(gs)]
    if isinstance(layer, FanInSum):
        return [sum(xs)], lambda gs, store: gs * len(xs)
    (x,) = xs
    if isinstance(layer, Identity):
        return xs, lambda gs, store: gs
    return single(layer, x, width, rng)


def single(layer, x, width, rng):
    n = x.shape[1]
    if isinstance(layer, Dense):
        standard = layer.parameterization == "standard"
        W, b = rng.standard_normal((width, n)), rng.standard_normal(width)
        weight, bias = layer.W_std / np.sqrt(n), layer.b_std or 0.0

        def dense(gs, store):
            (g,) = gs
            store.append((1.0 if standard else weight, x, g))
            if layer.b_std is not None:
                store.append((1.0 if standard else bias, np.ones((len(x), 1)), g))
            return [weight * g @ W]

        return [weight * x @ W.T + bias * b], dense
    if isinstance(layer, Elementwise):
        phi = activations.get(layer.activation)
        return [phi.value(x)], lambda gs, store: [phi.derivative(x) * gs[0]]
    if isinstance(layer, Dropout):
        mask = (rng.random(x.shape) < layer.rate) / layer.rate
        return [mask * x], lambda gs, store: [mask * gs[0]]
    assert isinstance(layer, LayerNorm)
    scale = x.std(axis=1, keepdims=True)
    y = (x - x.mean(axis=1, keepdims=True)) / scale

    def norm(gs, store):
        (g,) = gs
        return [(g - g.mean(axis=1, keepdims=True) - y * (g * y).mean(axis=1, keepdims=True)) / scale]

    return [y], norm


def kernels(architecture, X, width, rng):
    """NNGP and NTK of one network: covariance over its last layer's neurons, and the tangent kernel of one of them."""
    (y,), back = forward(architecture, [X], width, rng)
    store = []
    g = np.zeros_like(y)
    g[:, 0] = 1
    back([g], store)
    ntk = sum(scale**2 * (a @ a.T) * (h @ h.T) for scale, a, h in store)
    return y @ y.T / width, ntk
