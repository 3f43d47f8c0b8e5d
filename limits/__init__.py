"""What the limits are: one folder per theory, each with its equations, its model and its problem.

``networks`` has the finite networks and their parameterizations, ``scaling`` says which limit a network has, and the other folders are
the limits. An ``activation`` is what stands between layers; ``activations`` are those that have a name, ``derivatives`` theirs. How
limits are solved is in :mod:`infwidth.solvers`.
"""

if __name__ == "limits":
    raise ImportError(
        "this folder is a part of infwidth: write `import infwidth.limits`, not `import limits` "
        "(the bare name was found because the folder above is on sys.path)"
    )

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from ..solvers.distances import wasserstein as wasserstein
    from ..solvers.studies import replicas as replicas
    from . import activations as activations
    from . import catapult as catapult
    from . import densities as densities
    from . import estimators as estimators
    from . import feature_learning as feature_learning
    from . import gaussian as gaussian
    from . import integrable as integrable
    from . import isotropic as isotropic
    from . import kernels as kernels
    from . import networks as networks
    from . import propagation as propagation
    from . import scaling as scaling
    from . import spectra as spectra
    from . import two_layer as two_layer
    from .activations import Activation as Activation
    from .densities import CircleMeanField as CircleMeanField
    from .densities import DensityMeanField as DensityMeanField
    from .densities import InteractionMeanField as InteractionMeanField
    from .feature_learning import DeepLinearMuP as DeepLinearMuP
    from .feature_learning import DynamicalMeanField as DynamicalMeanField
    from .feature_learning import LinearTeacher as LinearTeacher
    from .integrable import DeepIntegrable as DeepIntegrable
    from .integrable import DeepLinearIntegrable as DeepLinearIntegrable
    from .integrable import escape as escape
    from .integrable import saddle as saddle
    from .isotropic import IsotropicNetwork as IsotropicNetwork
    from .isotropic import PiecewiseLinear as PiecewiseLinear
    from .isotropic import RadialMeanField as RadialMeanField
    from .isotropic import minimum_risk as minimum_risk
    from .isotropic import one_atom_transition as one_atom_transition
    from .kernels import NeuralTangentLimit as NeuralTangentLimit
    from .networks import CalibratedNetwork as CalibratedNetwork
    from .networks import HybridNetwork as HybridNetwork
    from .networks import LinearizedNetwork as LinearizedNetwork
    from .networks import Network as Network
    from .networks import Parameterization as Parameterization
    from .two_layer import GaussianTeacher as GaussianTeacher
    from .two_layer import InitCorrectedMeanField as InitCorrectedMeanField
    from .two_layer import InitCorrectedNetwork as InitCorrectedNetwork
    from .two_layer import SampledTeacher as SampledTeacher
    from .two_layer import TwoLayerMeanField as TwoLayerMeanField
    from .two_layer import diagnostics as particle_diagnostics  # noqa: F401 (an alias is a public name here too)
    from .two_layer import fluctuations as fluctuations
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
