"""What the measurements share: a quantity over an ensemble of random networks, their inputs and their weights."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import instance, integer
from .maps import DEEPEST, EXAMPLE, MeanFieldMaps

__all__ = ["Measured", "checked_networks", "inputs", "over_networks", "refuse_large", "refuse_too_many", "weight_matrix"]

Array = np.ndarray

LARGEST = 4e9  # bytes
MOST_WEIGHTS = 1e12  # drawn in one call: some hours
LEAST_WORK = 1e4  # weights whose layer takes as long as the calls


class Measured(NamedTuple):
    """A quantity over random networks: arrays of one shape.

    Attributes
    ----------
    mean : ndarray
        Over networks.
    error : ndarray
        Standard error of the mean.
    variance : ndarray
        Over networks.
    """

    mean: Array
    error: Array
    variance: Array


def over_networks(values: Any) -> Measured:
    """From values (networks, ...)."""
    table = np.asarray(values)
    variance = table.var(axis=0, ddof=1)
    return Measured(table.mean(axis=0), np.sqrt(variance / len(table)), variance)


def checked_networks(maps: Any, width: Any, depth: Any, networks: Any) -> tuple[MeanFieldMaps, int, int, int]:
    """The arguments of an ensemble, where they are one."""
    return (
        instance("maps", maps, MeanFieldMaps, EXAMPLE),
        integer("width", width, least=2),
        integer("depth", depth, least=1, most=DEEPEST),
        integer("networks", networks, least=2),
    )


def refuse_large(what: str, size: float, instead: str) -> None:
    """ValueError where what a width makes takes too many bytes."""
    if size > LARGEST:
        raise ValueError(f"width: {what} {1e-9 * size:.1f} GB; lower {instead} (limit {LARGEST / 1e9:g} GB)")


def refuse_too_many(width: int, depth: int, networks: int) -> None:
    """ValueError where an ensemble is the work of hours."""
    weights = max(float(width) ** 2, LEAST_WORK) * depth * networks
    if weights > MOST_WEIGHTS:
        raise ValueError(
            f"networks: {networks} of {depth} layers have {weights:.1e} weights, hours of work; lower networks, depth or width"
        )


def inputs(rng: np.random.Generator, m: int, q: float, c: float) -> Array:
    """Two vectors (2, m) of mean square q and correlation c exactly, in a random plane."""
    plane = np.linalg.qr(rng.standard_normal((m, 2)))[0].T * math.sqrt(m * q)
    return np.stack([plane[0], c * plane[0] + math.sqrt(1 - c * c) * plane[1]])


def weight_matrix(rng: np.random.Generator, m: int, kind: str) -> Array:
    """Of variance 1/m, or orthogonal."""
    W = rng.standard_normal((m, m))
    if kind == "gaussian":
        return W / math.sqrt(m)
    Q, R = np.linalg.qr(W)
    return Q * np.sign(np.diagonal(R))  # uniform over the orthogonal group
