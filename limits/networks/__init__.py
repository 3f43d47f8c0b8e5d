"""Finite fully connected networks under abc-parameterizations: what every limit is a limit of, and is held against.

``parameterization`` has the exponents of the width (``table`` shows them), ``network`` the specification, ``initial_weights`` its start,
``layers`` the forward and backward pass, ``problem`` what the width puts into it. ``hybrids`` change their parameterization after the
first step, and ``calibration`` sets the rates of that step by what it does. ``tangent`` has the tangent kernel of a finite network,
``linearized`` the network that it would make.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .calibration import CalibratedNetwork as CalibratedNetwork
    from .hybrids import HybridNetwork as HybridNetwork
    from .linearized import LinearizedNetwork as LinearizedNetwork
    from .network import Network as Network
    from .parameterization import Parameterization as Parameterization
    from .table import LayerRow as LayerRow
    from .table import ParameterizationTable as ParameterizationTable
    from .table import in_form as in_form
    from .tangent import empirical_ntk as empirical_ntk
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
