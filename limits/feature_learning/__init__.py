"""The limit of the maximal update parameterization (µP), in which every layer learns features.

``deep_linear`` is the model of linear networks, ``order_parameters`` its exact dynamics.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .deep_linear import DeepLinearMuP as DeepLinearMuP
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
