"""Infinite-width limits of neural networks.

``infwidth.limits`` says what a limit is (one file per theory), ``infwidth.solvers`` how it is solved (one file per
method). The names used most are here too; all of them load on first use.

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
    from .limits import DeepLinearIntegrable as DeepLinearIntegrable
    from .limits import DeepLinearMuP as DeepLinearMuP
    from .limits import Network as Network
    from .limits import Parameterization as Parameterization
    from .limits import RadialMeanField as RadialMeanField
    from .limits import TwoLayerMeanField as TwoLayerMeanField
    from .limits import activations as activations
    from .solvers import GradientDescent as GradientDescent
    from .solvers import GradientFlow as GradientFlow
    from .solvers import HeavyBall as HeavyBall
    from .solvers import Langevin as Langevin
    from .solvers import Solution as Solution
    from .solvers import TransportFlow as TransportFlow
    from .solvers import compare as compare
    from .solvers import solve as solve
    from .solvers import sweep as sweep
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
