"""The isotropic Gaussian model: two classes that differ in their spread, where the mean-field PDE has one dimension, the radius.

``mean_field`` is the model, ``directions`` the average of the activation over directions, ``population`` the law of the data,
``particles`` and ``density`` the two discretisations of the radial equation, ``statics`` its minimisers (by the convex
program of ``radial_fields``), ``network`` the finite network.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .directions import MEI_MONOTONE as MEI_MONOTONE
    from .directions import MEI_NON_MONOTONE as MEI_NON_MONOTONE
    from .directions import PiecewiseLinear as PiecewiseLinear
    from .mean_field import RadialMeanField as RadialMeanField
    from .network import IsotropicNetwork as IsotropicNetwork
    from .network import weight_radii as weight_radii
    from .statics import RadialMinimum as RadialMinimum
    from .statics import minimum_risk as minimum_risk
    from .statics import one_atom_transition as one_atom_transition
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
