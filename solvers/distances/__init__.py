"""Wasserstein distances: between particles, between measures on a circle, between densities on grids and particles."""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .circle import circular_wasserstein as circular_wasserstein
    from .grids import wasserstein_of_grids as wasserstein_of_grids
    from .grids import wasserstein_to_particles as wasserstein_to_particles
    from .particles import wasserstein as wasserstein
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
