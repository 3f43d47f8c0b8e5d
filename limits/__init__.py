"""What the limits are: parameterizations, networks and their infinite-width limits, one file per theory."""

if __name__ == "limits":
    raise ImportError(
        "this folder is a part of infwidth: write `import infwidth.limits`, not `import limits` "
        "(the bare name was found because the folder above is on sys.path)"
    )

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from . import activations as activations
    from . import escape as escape
    from . import fluctuations as fluctuations
    from . import particle_diagnostics as particle_diagnostics
    from . import saddle as saddle
    from . import scaling as scaling
    from .activations import Activation as Activation
    from .circle_measure import CircleMeanField as CircleMeanField
    from .deep_linear_integrable import DeepLinearIntegrable as DeepLinearIntegrable
    from .deep_linear_mup import DeepLinearMuP as DeepLinearMuP
    from .density_mean_field import DensityMeanField as DensityMeanField
    from .gaussian_teacher import GaussianTeacher as GaussianTeacher
    from .interaction_mean_field import InteractionMeanField as InteractionMeanField
    from .isotropic_network import IsotropicNetwork as IsotropicNetwork
    from .network import Network as Network
    from .parameterization import Parameterization as Parameterization
    from .radial_mean_field import RadialMeanField as RadialMeanField
    from .radial_statics import minimum_risk as minimum_risk
    from .transport_distance import wasserstein as wasserstein
    from .two_layer_mean_field import TwoLayerMeanField as TwoLayerMeanField
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
