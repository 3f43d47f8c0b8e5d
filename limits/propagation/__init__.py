r"""Deep information propagation: how far signals and gradients reach in a wide random network.

``maps`` has the variance and correlation maps of a layer, their fixed points and depth scales; ``phases`` the order-to-chaos diagram, the
critical line and the critical point; ``geometry`` the bending of a circle on its way; ``jacobian`` the singular values of the
input-output Jacobian, ``input_jacobian`` the sensitivity of trained networks; ``finite_width`` corrections of first order in 1/width;
``shaping`` activations made for a depth; ``advice`` what an initialisation means for a network; ``measured`` the same on finite networks.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .advice import Advice as Advice
    from .advice import advise as advise
    from .advice import initialization as initialization
    from .finite_width import Corrections as Corrections
    from .finite_width import corrections as corrections
    from .finite_width import pair_corrections as pair_corrections
    from .geometry import Curve as Curve
    from .geometry import circle as circle
    from .input_jacobian import expected_sensitivity as expected_sensitivity
    from .input_jacobian import sensitivity as sensitivity
    from .jacobian import SingularValues as SingularValues
    from .jacobian import singular_values as singular_values
    from .maps import DepthScales as DepthScales
    from .maps import FixedPoint as FixedPoint
    from .maps import MeanFieldMaps as MeanFieldMaps
    from .measured import MeasuredCurve as MeasuredCurve
    from .measured import Signals as Signals
    from .measured import measure as measure
    from .measured import measure_circle as measure_circle
    from .phases import CriticalPoint as CriticalPoint
    from .phases import PhaseDiagram as PhaseDiagram
    from .phases import critical_point as critical_point
    from .phases import critical_weight_variance as critical_weight_variance
    from .phases import phase_diagram as phase_diagram
    from .shaping import shaped as shaped
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
