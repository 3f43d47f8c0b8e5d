"""The initialization-corrected limit, and its networks, on data."""

from __future__ import annotations

import numpy as np

from ..gaussian.draws import Drawn
from .scaled_problem import ScaledParticles

__all__ = ["CorrectedParticles"]

Array = np.ndarray


class CorrectedParticles(ScaledParticles, Drawn):
    r"""Particles with outputs :math:`c\,(F_t - F_0) + G`, replica by replica with a G of its own: draws of the limit."""

    def _judge_systems(self, f: Array, mean: Array, y: Array) -> tuple[float, Array]:
        """The mean of the losses of the draws."""
        return self._judge_each(f, y)
