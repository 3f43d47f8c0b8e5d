"""Integrable (mean-field) parameterizations of deep networks: their limits, and the stationary points that they start at.

``deep_linear`` has the exact limit, a product of small matrices (``chain`` is its compiled gradient). ``saddle`` says how long a finite
network stays at a stationary point, ``escape`` measures it.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from . import escape as escape
    from . import saddle as saddle
    from .deep_linear import DeepLinearIntegrable as DeepLinearIntegrable
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
