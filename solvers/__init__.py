"""How a limit is solved: problems, methods and solutions, one file per method."""

if __name__ == "solvers":
    raise ImportError(
        "this folder is a part of infwidth: write `import infwidth.solvers`, not `import solvers` "
        "(the bare name was found because the folder above is on sys.path)"
    )

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    # A public function never bears the name of its module: importing the module would put it in the function's place.
    from .comparison import Comparison as Comparison
    from .comparison import compare as compare
    from .comparison import power_law as power_law
    from .data import Data as Data
    from .gradient_descent import GradientDescent as GradientDescent
    from .gradient_flow import GradientFlow as GradientFlow
    from .grid import Grid as Grid
    from .grid_distance import wasserstein_of_grids as wasserstein_of_grids
    from .grid_distance import wasserstein_to_particles as wasserstein_to_particles
    from .heavy_ball import HeavyBall as HeavyBall
    from .implicit_transport import ImplicitTransport as ImplicitTransport
    from .langevin import Langevin as Langevin
    from .losses import Loss as Loss
    from .problem import Causal as Causal
    from .problem import Evaluation as Evaluation
    from .problem import Method as Method
    from .problem import Point as Point
    from .problem import Problem as Problem
    from .solution import Solution as Solution
    from .solving import solve as solve
    from .sweeping import Sweep as Sweep
    from .sweeping import sweep as sweep
    from .transport_flow import TransportFlow as TransportFlow
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
