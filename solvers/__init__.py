"""How a limit is solved.

The contract lies flat: ``problem`` (what models and methods are) with what only some can do (``abilities``, ``noise_abilities``,
``model_abilities``), ``data``, ``losses``, ``checks`` of arguments, ``solution`` (``figures`` draws it, a ``checkpoint`` keeps it), and
``solving``, which joins them. Beside it, one folder per kind of means: ``methods``, what happens while a run goes (``running``),
``grids`` and ``particles``, ``gram`` matrices by tiles, ``distances`` between laws, ``datasets`` of images, ``files`` read without
trust, ``studies`` of many runs, and the ``machine`` below.
"""

if __name__ == "solvers":
    raise ImportError(
        "this folder is a part of infwidth: write `import infwidth.solvers`, not `import solvers` "
        "(the bare name was found because the folder above is on sys.path)"
    )

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from . import datasets as datasets
    from . import distances as distances
    from . import grids as grids
    from . import losses as losses
    from . import methods as methods
    from . import particles as particles
    from . import studies as studies

    # A public function never bears the name of its module: importing the module would put it in the function's place.
    from .abilities import Batched as Batched
    from .abilities import FirstStep as FirstStep
    from .abilities import Foreseen as Foreseen
    from .abilities import Fused as Fused
    from .abilities import ImplicitSteps as ImplicitSteps
    from .abilities import NormalisedOnly as NormalisedOnly
    from .abilities import OnGrid as OnGrid
    from .abilities import Population as Population
    from .abilities import RandomLimit as RandomLimit
    from .abilities import Rated as Rated
    from .abilities import Refinable as Refinable
    from .abilities import Replicated as Replicated
    from .abilities import Retractable as Retractable
    from .abilities import Settling as Settling
    from .abilities import Stepwise as Stepwise
    from .abilities import Transported as Transported
    from .abilities import WithError as WithError
    from .abilities import WithRemark as WithRemark
    from .abilities import WithWaysOut as WithWaysOut
    from .data import Data as Data
    from .distances import circular_wasserstein as circular_wasserstein
    from .distances import wasserstein as wasserstein
    from .distances import wasserstein_of_grids as wasserstein_of_grids
    from .distances import wasserstein_to_particles as wasserstein_to_particles
    from .grids import Grid as Grid
    from .losses import Loss as Loss
    from .methods import GradientDescent as GradientDescent
    from .methods import GradientFlow as GradientFlow
    from .methods import HeavyBall as HeavyBall
    from .methods import ImplicitTransport as ImplicitTransport
    from .methods import Langevin as Langevin
    from .methods import RMSProp as RMSProp
    from .methods import TransportFlow as TransportFlow
    from .model_abilities import FiniteModel as FiniteModel
    from .model_abilities import HasLimit as HasLimit
    from .model_abilities import RandomStart as RandomStart
    from .noise_abilities import CommonParameters as CommonParameters
    from .noise_abilities import NoiseUnits as NoiseUnits
    from .noise_abilities import Noisy as Noisy
    from .problem import Causal as Causal
    from .problem import Evaluation as Evaluation
    from .problem import Method as Method
    from .problem import MethodFailed as MethodFailed
    from .problem import Model as Model
    from .problem import Point as Point
    from .problem import Problem as Problem
    from .problem import Refining as Refining
    from .problem import Rescaled as Rescaled
    from .solution import Solution as Solution
    from .solving import solve as solve
    from .studies import Comparison as Comparison
    from .studies import Sweep as Sweep
    from .studies import compare as compare
    from .studies import power_law as power_law
    from .studies import replicas as replicas
    from .studies import sweep as sweep
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
