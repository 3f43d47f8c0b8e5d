r"""Which limit a network has: exponents of the width, regimes, and the choice of the limit model.

``exponents`` propagates powers of the width through a training run, ``regime`` reads off what the limit is like, ``limit`` returns the
limit model of a network. Two checks of the calculus are public too: ``yang_hu``, a closed formula for a special case, and ``slopes``,
measurements on finite networks.
"""

from .choice import limit as limit
from .closed_formula import YangHu as YangHu
from .closed_formula import yang_hu as yang_hu
from .exponent_table import Exponents as Exponents
from .finite_width import Slopes as Slopes
from .finite_width import slopes as slopes
from .propagation import exponents as exponents
from .regimes import Regime as Regime
from .regimes import regime as regime

__all__ = ["Exponents", "Regime", "Slopes", "YangHu", "exponents", "limit", "regime", "slopes", "yang_hu"]
