"""The mean-field PDE: laws of parameters as densities on grids, moved by the gradient of an energy.

``mean_field`` is the PDE of two-layer networks with one or two parameters per neuron, ``interaction`` that of your own potential and
interaction (with a ``singularity`` or without); both become a ``problem``, of those whose state is masses (``mass_problem``). ``circle``
is the exact reduction of relu networks on planar data, whose measures on a circle move, grow and decay (``circle_problem``). How densities
are moved is in :mod:`infwidth.solvers.grids` and :mod:`infwidth.solvers.methods`.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .circle import CircleMeanField as CircleMeanField
    from .circle_problem import dissipation as dissipation
    from .interaction import InteractionMeanField as InteractionMeanField
    from .mean_field import DensityMeanField as DensityMeanField
    from .problem import density as density
    from .problem import free_energy as free_energy
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
