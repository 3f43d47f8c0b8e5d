"""The limit of the maximal update parameterization (µP), in which every layer learns features.

Linear networks, exactly: ``deep_linear`` is the model, ``growing_network`` its equations, ``deep_linear_problem`` the training,
``linear_teacher`` a population and ``deep_linear_population`` the training on it, ``weight_law`` the law of the weights. Nonlinear
networks: ``dynamical`` is the model, ``dynamical_problem`` the training, ``march`` the equations and their solution by samples
(``bases``, ``innovations``, ``rows``, past ``gradients``), ``storage`` its past, ``uncompressed`` its readable twin, ``passive`` the
predictions.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .deep_linear import DeepLinearMuP as DeepLinearMuP
    from .dynamical import DynamicalMeanField as DynamicalMeanField
    from .linear_teacher import LinearTeacher as LinearTeacher
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
