"""Which engine follows the particles."""

from __future__ import annotations

from typing import Any

from .activations import Activation
from .particle_reference import NumpyEngine

__all__ = ["engine"]


def engine(activation: Activation, dim: int, compiled: bool) -> Any:
    """The fastest engine for that activation and number of weights per particle."""
    return NumpyEngine(activation)
