r"""Powers of the width, with their errors."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import numbers, vector

__all__ = ["power_law"]


def power_law(sizes: Any, values: Any) -> tuple[float, float]:
    r"""Exponent of :math:`v \sim m^{p}` with its standard error, by least squares of :math:`\log v` on :math:`\log m`.

    Parameters
    ----------
    sizes : array_like, shape (W,)
        At least two different ones.
    values : array_like, shape (W,) or (W, S)
        S independent repetitions per size.

    Returns
    -------
    slope, error : float
        The standard error assumes independent values of one relative spread.

    Raises
    ------
    ValueError
        Where fewer than three values or two sizes are given, or a size or a value is not positive (its logarithm does not exist).

    Examples
    --------
    >>> from infwidth.solvers import power_law
    >>> slope, error = power_law([10, 100, 1000], [1.0, 0.1, 0.01])
    >>> round(slope, 6), error < 1e-6
    (-1.0, True)
    """
    values, sizes = numbers("values", values).astype(float), vector("sizes", sizes)
    if values.shape[:1] != sizes.shape:
        raise ValueError(f"values: need one row per size, got {values.shape} for sizes of shape {sizes.shape}")
    if values.size < 3 or len(np.unique(sizes)) < 2:
        raise ValueError(f"sizes: a slope with an error needs two sizes and three values, got {len(sizes)} and {values.size}; add more")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError("values: must be positive and finite; a gap of exactly 0 has no power law (is it 0 against 0?)")
    if not (sizes > 0).all():
        raise ValueError(f"sizes: must be positive, got {sizes.min():g}; a power law has no value there")
    x, z = np.repeat(np.log(sizes), values.size // len(sizes)), np.log(values).ravel()
    x, z = x - x.mean(), z - z.mean()
    slope = x @ z / (x @ x)
    rest = z - slope * x
    return float(slope), float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x)))
