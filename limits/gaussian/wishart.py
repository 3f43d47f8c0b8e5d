"""Second moments of Gaussian vectors, drawn from their own law: at the cost of their size, however many vectors there are."""

from __future__ import annotations

import numpy as np

__all__ = ["wishart_root"]

Array = np.ndarray


def wishart_root(rng: np.random.Generator, vectors: int, size: int) -> Array:
    """R (min(vectors, size), size) with the law of R^T R that of G^T G, G (vectors, size) standard Gaussian: G itself, or where that is
    fewer numbers the triangle of Bartlett's decomposition, Gaussian beside a diagonal of chi variables."""
    if vectors < size:
        return rng.standard_normal((vectors, size))
    R = np.triu(rng.standard_normal((size, size)), 1)
    R[np.diag_indices(size)] = np.sqrt(rng.chisquare(vectors - np.arange(size)))
    return R
