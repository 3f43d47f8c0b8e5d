r"""Deep information propagation: how far signals and gradients reach in a wide random network.

``maps`` has the variance and correlation maps of a layer, their fixed points (``fixed_points``) and depth scales; ``phases`` the
critical line and the critical point, ``diagram`` order and chaos over a rectangle; ``geometry`` the bending of a circle on its way;
``jacobian`` the moments of the singular values of the input-output Jacobian, ``jacobian_density`` their law, ``input_jacobian`` the
sensitivity of trained networks; ``finite_width``, ``finite_width_tangent`` and, of several inputs, ``finite_width_gram`` (by
``finite_width_pairs``) the corrections of first order in 1/width; ``shaping`` activations made for a depth; ``advice`` what an
initialisation means for a network.

Every prediction has its check on random networks, one call that gives means, standard errors and variances over them (:class:`Measured`):

================================================================  ===============================
prediction                                                        measurement
================================================================  ===============================
``MeanFieldMaps.variances``, ``.correlations``, ``.gradients``    ``measure_signals``
``circle``                                                        ``measure_circle``
``singular_values``, ``singular_value_density``                   ``measure_singular_values``
``expected_sensitivity``                                          ``measure_sensitivity``
``corrections``, ``pair_corrections``, ``tangent_corrections``    ``measure_kernels``
``gram_corrections``                                              ``measure_gram``
================================================================  ===============================
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .advice import Advice as Advice
    from .advice import advise as advise
    from .advice import initialization as initialization
    from .diagram import PhaseDiagram as PhaseDiagram
    from .diagram import phase_diagram as phase_diagram
    from .finite_width import Corrections as Corrections
    from .finite_width import corrections as corrections
    from .finite_width import pair_corrections as pair_corrections
    from .finite_width_gram import GramCorrections as GramCorrections
    from .finite_width_gram import gram_corrections as gram_corrections
    from .finite_width_tangent import tangent_corrections as tangent_corrections
    from .geometry import Curve as Curve
    from .geometry import circle as circle
    from .input_jacobian import expected_sensitivity as expected_sensitivity
    from .input_jacobian import sensitivity as sensitivity
    from .jacobian import SingularValues as SingularValues
    from .jacobian import singular_values as singular_values
    from .jacobian_density import singular_value_density as singular_value_density
    from .maps import DepthScales as DepthScales
    from .maps import FixedPoint as FixedPoint
    from .maps import MeanFieldMaps as MeanFieldMaps
    from .measured import Signals as Signals
    from .measured import measure_signals as measure_signals
    from .measured_circle import MeasuredCurve as MeasuredCurve
    from .measured_circle import measure_circle as measure_circle
    from .measured_jacobian import MeasuredSingularValues as MeasuredSingularValues
    from .measured_jacobian import measure_sensitivity as measure_sensitivity
    from .measured_jacobian import measure_singular_values as measure_singular_values
    from .measured_kernels import Grams as Grams
    from .measured_kernels import Kernels as Kernels
    from .measured_kernels import measure_gram as measure_gram
    from .measured_kernels import measure_kernels as measure_kernels
    from .phases import CriticalPoint as CriticalPoint
    from .phases import critical_point as critical_point
    from .phases import critical_weight_variance as critical_weight_variance
    from .random_networks import Measured as Measured
    from .shaping import shaped as shaped
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
