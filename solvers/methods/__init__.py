"""The methods: one per file, each a way to follow a problem through time.

``clock`` is how a method counts time, ``pace`` whether a flow gets to its end. Of limits that are their own history ``causal`` takes the
steps and ``causal_flow`` the flow; ``mass_flow`` is what flows of densities have in common.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .gradient_descent import GradientDescent as GradientDescent
    from .gradient_flow import GradientFlow as GradientFlow
    from .heavy_ball import HeavyBall as HeavyBall
    from .implicit_transport import ImplicitTransport as ImplicitTransport
    from .langevin import Langevin as Langevin
    from .rmsprop import RMSProp as RMSProp
    from .transport_flow import TransportFlow as TransportFlow
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
