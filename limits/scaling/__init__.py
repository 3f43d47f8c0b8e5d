r"""Which limit a network has: exponents of the width, regimes, and the choice of the limit model.

``exponents`` propagates powers of the width through a training run, ``regime`` reads off what the limit is like, ``limit`` returns the
limit model of a network. Two checks of the calculus are public too: ``yang_hu``, a closed formula for a special case, and ``slopes``,
measurements on finite networks. ``output_terms`` takes the output of a trained network apart by the layers that have moved.

Underneath, exponents are those of ``labels``: sizes of vectors along independent directions. ``label_run`` is a training run in them,
``nonlinearity`` what an activation does to them, ``plane_calculus`` what they say of the plane of scalings of deeper networks, and
``invariance`` which parameterizations are one.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .choice import limit as limit
    from .closed_formula import YangHu as YangHu
    from .closed_formula import yang_hu as yang_hu
    from .coordinates import CoordinateCheck as CoordinateCheck
    from .coordinates import coordinate_check as coordinate_check
    from .decomposition import output_term_names as output_term_names
    from .decomposition import output_term_slopes as output_term_slopes
    from .decomposition import output_terms as output_terms
    from .exponent_calculus import exponents as exponents
    from .exponent_table import Exponents as Exponents
    from .measured import Slopes as Slopes
    from .measured import slopes as slopes
    from .plane import PlaneClass as PlaneClass
    from .plane import plane_class as plane_class
    from .plane_limits import plane_limit as plane_limit
    from .plane_points import plane_classes as plane_classes
    from .regimes import Regime as Regime
    from .regimes import regime as regime
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
