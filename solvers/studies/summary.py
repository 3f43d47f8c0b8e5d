"""What follows from the gaps of a comparison: their means over time, and the power of the width; and whether a file says the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..files.stored import floats, integers
from .fitting import power_law

__all__ = ["check_saved", "summary"]

Array = np.ndarray


def summary(widths: Sequence[int] | Array, paths: Array) -> tuple[Array, float, float, str]:
    """Gaps (W, S) of their paths, slope and standard error, and why there are none: the gaps are kept all the same."""
    with np.errstate(over="ignore"):
        gaps: Array = np.sqrt((paths**2).mean(axis=2))
    fitted = ~np.isnan(gaps)
    try:
        return gaps, *power_law(np.repeat(widths, paths.shape[1])[fitted.ravel()], gaps[fitted]), ""
    except ValueError as reason:
        return gaps, np.nan, np.nan, str(reason)


def check_saved(content: dict[str, Any], fields: set[str]) -> None:
    """ValueError (or KeyError, TypeError) where these fields of a Comparison are missing, of another kind, or contradict each other."""
    if other := set(content) ^ fields:
        raise ValueError(f"it has, or has not, {', '.join(sorted(other, key=str))}")
    widths, seeds = (integers(name, content[name], (None,), least=least) for name, least in (("widths", 1), ("seeds", 0)))
    times = floats("t", content["t"], (None,), least=0)
    paths = floats("gap_paths", content["gap_paths"], (len(widths), len(seeds), len(times)), least=0, finite=False)
    gaps = floats("gaps", content["gaps"], paths.shape[:2], least=0, finite=False)
    stored = (gaps, *(content[name] for name in ("slope", "slope_error")))
    if not all(isinstance(value, float) for value in stored[1:]):
        raise ValueError("its slope is no number")
    follows = summary(widths, paths)[:3]
    for name, value, found in zip(("gaps", "slope", "slope_error"), stored, follows, strict=True):
        if not np.allclose(value, np.asarray(found), rtol=1e-6, atol=1e-9, equal_nan=True):
            raise ValueError(f"{name} do not follow from gap_paths")
    if not isinstance(content["failed"], list) or not all(isinstance(line, str) for line in content["failed"]):
        raise ValueError("failed is no list of messages")
