"""What benchmarks over every parameterization share: the parameterizations, and one small problem."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from infwidth.limits import Parameterization

Array = np.ndarray


def parameterizations(hidden_layers: int) -> list[Parameterization]:
    """The seven that have names."""
    P, L = Parameterization, hidden_layers
    return [
        P.standard(L),
        P.ntk(L),
        P.mup(L),
        P.integrable(L),
        P.integrable_large_lr(L),
        P.integrable_bias(L),
        P.integrable_non_centered(L),
    ]


def unit_vectors(seed: int | Sequence[int], samples: int, dim: int, mean: float, slope: float) -> tuple[Array, Array]:
    """Inputs of length 1, and a linear target of that mean and slope."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, dim))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    direction = rng.standard_normal(dim)
    return X, mean + slope * (X - X.mean(axis=0)) @ direction / np.linalg.norm(direction)
