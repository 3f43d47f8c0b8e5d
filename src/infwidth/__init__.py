"""Infinite-width limits of neural networks.

``infwidth.limits`` says what a limit is (one folder per theory), ``infwidth.solvers`` how it is solved (one folder per kind
of means). The names used most are here too; all of them load on first use.

>>> import infwidth as iw
>>> iw.solve is iw.solvers.solve
True
"""

from typing import TYPE_CHECKING

from ._lazy import lazy_names

__version__ = "0.1.0"

if TYPE_CHECKING:
    from . import limits as limits
    from . import solvers as solvers
    from .limits import Activation as Activation
    from .limits import CircleMeanField as CircleMeanField
    from .limits import DeepIntegrable as DeepIntegrable
    from .limits import DeepLinearIntegrable as DeepLinearIntegrable
    from .limits import DeepLinearMuP as DeepLinearMuP
    from .limits import DensityMeanField as DensityMeanField
    from .limits import DynamicalMeanField as DynamicalMeanField
    from .limits import GaussianTeacher as GaussianTeacher
    from .limits import InteractionMeanField as InteractionMeanField
    from .limits import Network as Network
    from .limits import NeuralTangentLimit as NeuralTangentLimit
    from .limits import Parameterization as Parameterization
    from .limits import RadialMeanField as RadialMeanField
    from .limits import TwoLayerMeanField as TwoLayerMeanField
    from .limits import activations as activations
    from .limits import catapult as catapult
    from .limits import escape as escape
    from .limits import fluctuations as fluctuations
    from .limits import propagation as propagation
    from .limits import saddle as saddle
    from .limits import scaling as scaling
    from .limits import spectra as spectra
    from .solvers import Comparison as Comparison
    from .solvers import Data as Data
    from .solvers import GradientDescent as GradientDescent
    from .solvers import GradientFlow as GradientFlow
    from .solvers import Grid as Grid
    from .solvers import HeavyBall as HeavyBall
    from .solvers import ImplicitTransport as ImplicitTransport
    from .solvers import Langevin as Langevin
    from .solvers import Loss as Loss
    from .solvers import RMSProp as RMSProp
    from .solvers import Solution as Solution
    from .solvers import Sweep as Sweep
    from .solvers import TransportFlow as TransportFlow
    from .solvers import compare as compare
    from .solvers import power_law as power_law
    from .solvers import solve as solve
    from .solvers import sweep as sweep
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
