"""Two-layer networks in the mean-field limit, followed by interacting particles.

``mean_field`` is the model, ``problem`` its particle system on data, ``gaussian_teacher`` and ``teacher_problem`` its population with a
closed-form risk, ``sampled_teacher`` one of your own, ``initial_laws`` where particles start, ``diagnostics`` what is conserved and spent
along a run, ``fluctuations`` the Gaussian law of what a finite width adds. ``plane_limit`` is the limit at every point of the plane of
scalings, ``plane_problems`` its particles or kernel on data, ``limit_loss`` the residuals of logits that vanish or diverge;
``initialization_corrected`` is the limit that has the start of one point and the training of another, ``corrected_problem`` that on data,
``scaled_problem`` what both have of the reference width. How particles are moved fast is in :mod:`infwidth.solvers.particles`.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from . import diagnostics as diagnostics
    from . import fluctuations as fluctuations
    from . import initial_laws as initial_laws
    from .gaussian_teacher import GaussianTeacher as GaussianTeacher
    from .initialization_corrected import InitCorrectedMeanField as InitCorrectedMeanField
    from .initialization_corrected import InitCorrectedNetwork as InitCorrectedNetwork
    from .mean_field import TwoLayerMeanField as TwoLayerMeanField
    from .plane_limit import PlaneLimit as PlaneLimit
    from .sampled_teacher import SampledTeacher as SampledTeacher
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
