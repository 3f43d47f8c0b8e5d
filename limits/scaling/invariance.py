r"""Parameterizations that are one: :math:`(a_l + \theta, b_l - \theta, c_l - 2\theta)` is the same layer for every :math:`\theta`.

A layer's multiplier, initial scale and rate enter training only through :math:`a_l + b_l` and :math:`c_l + 2a_l`, layer by layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from ..networks.parameterization import Parameterization

__all__ = ["KNOWN", "same_limit", "which"]


def invariants(p: Parameterization) -> tuple[tuple[float, ...], ...]:
    """Exponents that survive the change of :math:`\\theta`: initial scale, rate, first rate, and those of the biases."""
    first = p.first_c or p.c
    biases = (p.bias_c or (), p.first_bias_c or p.bias_c or ())
    return (
        tuple(a + b for a, b in zip(p.a, p.b, strict=True)),
        tuple(c + 2 * a for a, c in zip(p.a, p.c, strict=True)),
        tuple(c + 2 * a for a, c in zip(p.a, first, strict=True)),
        *biases,
    )


def same_limit(p: Parameterization, q: Parameterization) -> bool:
    """Whether two parameterizations of one depth differ at most by :math:`\\theta` and by the spread of their weights.

    Examples
    --------
    >>> from infwidth.limits import Parameterization
    >>> mup = Parameterization.mup(2)
    >>> published = Parameterization(a=(-0.5, 0, 0.5), b=(0.5, 0.5, 0.5), c=(0, 0, 0))
    >>> same_limit(mup, published), same_limit(mup, Parameterization.integrable(2))
    (True, False)
    """
    mine, theirs = invariants(p), invariants(q)
    return (
        all(len(x) == len(y) and np.allclose(x, y, atol=1e-9) for x, y in zip(mine, theirs, strict=True))
        and np.allclose(p.mean, q.mean)
        and (p.bias_std is None or q.bias_std is None or np.array_equal(np.sign(p.bias_std), np.sign(q.bias_std)))
    )


KNOWN: Mapping[str, Callable[[int], Parameterization]] = {
    "naive": Parameterization.integrable,
    "large_lr": Parameterization.integrable_large_lr,
    "non_centered": Parameterization.integrable_non_centered,
    "bias": Parameterization.integrable_bias,
    "mup": Parameterization.mup,
}


def which(p: Parameterization) -> str | None:
    """Key of :data:`KNOWN` that this is, whatever its name says; None for another one.

    With one hidden layer, "naive", "large_lr" and "mup" are one parameterization, which is called "naive". "naive" and "non_centered" are
    so with hidden biases too, of any spread, and an output bias that starts at 0 (``Parameterization.with_biases``).
    """
    for key, build in KNOWN.items():
        plain = build(p.hidden_layers)
        if p.bias_std is not None and not p.bias_std[-1] and key in ("naive", "non_centered"):
            plain = replace(plain.with_biases(), bias_std=p.bias_std)
        if same_limit(p, plain):
            return key
    return None
