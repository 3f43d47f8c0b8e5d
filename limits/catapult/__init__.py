"""Large learning rates: catapults, the edge of stability, and where gradient descent diverges.

``two_variables`` is the exact map of a two-layer linear network on one sample, ``linear_network`` its exact reduction for any data,
``curvature`` measures the sharpness and the tangent kernel's largest eigenvalue of any network along a run, and the largest rate that
trains.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .curvature import largest_stable_rate as largest_stable_rate
    from .curvature import sharpness as sharpness
    from .curvature import tangent_sharpness as tangent_sharpness
    from .linear_network import TwoLayerLinearNetwork as TwoLayerLinearNetwork
    from .two_variables import Trajectory as Trajectory
    from .two_variables import draw as draw
    from .two_variables import peak_time as peak_time
    from .two_variables import phase as phase
    from .two_variables import trajectory as trajectory
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
