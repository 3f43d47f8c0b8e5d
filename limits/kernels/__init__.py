r"""Kernel limits: what random and lazily trained networks of infinite width are.

As every hidden layer widens, the output of a random network becomes a Gaussian process with covariance K (NNGP), and its gradient
descent becomes linear in the parameters, with a tangent kernel :math:`\Theta` that stays as it was (NTK). Both follow the architecture
layer by layer, in the vocabulary of composable layers::

    from infwidth.limits import kernels
    k = kernels.serial(kernels.Dense(W_std=1.5, b_std=0.1), kernels.Relu(), kernels.Dense(W_std=1.5, b_std=0.1))
    K, T = k(X1, X2)          # or k.nngp(X1, X2), k.ntk(X1, X2)

``layers`` has the linear layers, ``elementwise`` the activations, ``named`` some of them, ``combinators`` what joins layers, ``sums`` sums
and multiples of whole kernels, ``network`` the kernels of a finite :class:`~infwidth.limits.Network`; ``kernel`` is what all of them can
do, ``tracing`` makes a program of an architecture, for Gram matrices. ``tangent_limit`` is training with them under any loss
(``tangent_draws``: from many starts at once, for the law of what is trained), ``ensembles`` that law for the squared loss at any time
(``gains``: its time courses); ``regression`` is regression with them, ``likelihood`` what the data say about the scales of the weights,
``inverse`` the linear algebra of both.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from .combinators import FanInSum as FanInSum
    from .combinators import FanOut as FanOut
    from .combinators import parallel as parallel
    from .combinators import serial as serial
    from .elementwise import Elementwise as Elementwise
    from .ensembles import Ensemble as Ensemble
    from .ensembles import ensemble as ensemble
    from .kernel import Kernel as Kernel
    from .kernel import Kernels as Kernels
    from .layers import Dense as Dense
    from .layers import Dropout as Dropout
    from .layers import Identity as Identity
    from .layers import LayerNorm as LayerNorm
    from .layers import Linear as Linear
    from .likelihood import LikelihoodFit as LikelihoodFit
    from .likelihood import log_marginal_likelihood as log_marginal_likelihood
    from .likelihood import maximize_likelihood as maximize_likelihood
    from .named import Abs as Abs
    from .named import Cos as Cos
    from .named import Elu as Elu
    from .named import Erf as Erf
    from .named import Gaussian as Gaussian
    from .named import Gelu as Gelu
    from .named import Hermite as Hermite
    from .named import LeakyRelu as LeakyRelu
    from .named import Monomial as Monomial
    from .named import Relu as Relu
    from .named import Sigmoid as Sigmoid
    from .named import Sign as Sign
    from .named import Silu as Silu
    from .named import Sin as Sin
    from .named import Softplus as Softplus
    from .named import Tanh as Tanh
    from .network import of as of
    from .regression import Posterior as Posterior
    from .regression import Ridge as Ridge
    from .regression import kernel_ridge as kernel_ridge
    from .regression import posterior as posterior
    from .tangent_limit import NeuralTangentLimit as NeuralTangentLimit
else:
    __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
