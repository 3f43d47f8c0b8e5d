r"""The kernels of a finite network's limit, read off its exponents.

With :math:`h^l = m^{-a_l} w^l x^{l-1}`, :math:`w^l \sim m^{-b_l}\sigma_l N(0,1)` and rates :math:`\eta\, m^{-c_l}`, pre-activations of
order 1 (:math:`a_1 + b_1 = 0`, :math:`a_l + b_l = \tfrac12`) make

.. math::
    K^1 = \sigma_1^2\, x\cdot x' + \sigma_b^2, \quad K^l = \sigma_l^2\, \mathbb E\,\phi\phi + \sigma_b^2, \qquad
    \Theta = \sum_l m^{e_l}\, \big(K^l - \sigma_b^2\big)/\sigma_l^2\, \prod_{k > l} \sigma_k^2\, \mathbb E\,\phi'\phi' ,

.. math:: e_l = -c_l - 2 a_l + [l > 1] + 1 - 2 (a_{L+1} + b_{L+1}) \;\; (l \le L), \qquad e_{L+1} = 1 - c_{L+1} - 2 a_{L+1},

and likewise for biases, :math:`-c^b_l + 1 - 2(a_{L+1} + b_{L+1})` and :math:`-c^b_{L+1}`. A layer whose exponent is 0 takes part, one whose
exponent is negative does not: under the standard parameterization at a rate :math:`\propto 1/m` the first layer does not, since its
gradient meets d inputs where the others meet m neurons. (At a rate that does not fall with m that parameterization has no limit: its
tangent kernel grows like m.) If :math:`a_{L+1} + b_{L+1} > \tfrac12` the output starts at 0. Rates with prefactors :math:`q_l`
(``Parameterization.rates``) multiply the parts of their layers.
"""

from __future__ import annotations

import math

from .. import activations
from ..networks.network import Network
from ..networks.parameterization import Parameterization
from ..scaling.regimes import regime
from .combinators import Serial
from .elementwise import Elementwise
from .kernel import Kernel
from .layers import Linear

__all__ = ["of"]

TOLERANCE = 1e-9


def of(network: Network) -> Kernel:
    r"""Kernels of the limit of a network in the kernel regime.

    Parameters
    ----------
    network : Network
        Its width does not matter.

    Returns
    -------
    Kernel
        ``nngp`` is the covariance of the outputs at the start, ``ntk`` the tangent kernel of gradient descent in units t = base learning
        rate times steps, with the parameters' own rates: :math:`\dot f(x) = -\frac1n \sum_i \Theta(x, x_i)\, \ell'_i`. It is that of every
        output.

    Raises
    ------
    ValueError
        Where the parameterization is not in the kernel regime, and why; or its pre-activations are not of order 1.

    Examples
    --------
    Under NTP all layers learn; under SP with a rate 1/m all but the first:

    >>> from infwidth.limits import Network, Parameterization, kernels
    >>> k = kernels.of(Network(2, 1, 64, "linear", Parameterization.ntk(1)))
    >>> k.nngp([[1.0, 1.0]]), k.ntk([[1.0, 1.0]])
    (array([[2.]]), array([[4.]]))
    >>> kernels.of(Network(2, 1, 64, "linear", Parameterization.standard(1))).ntk([[1.0, 1.0]])
    array([[2.]])
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: need a Network, got {type(network).__name__}")
    p, L = network.parameterization, network.hidden_layers
    _check(network)
    weights, biases = _exponents(p)
    rates = [q * (abs(e) <= TOLERANCE) for q, e in zip(p.rates, weights, strict=True)]
    bias_rates = [q * (abs(e) <= TOLERANCE) for q, e in zip(p.rates, biases, strict=False)] or [0.0] * (L + 1)
    stds = list(p.weight_std)
    stds[0] *= math.sqrt(network.input_dim)  # the network does not divide by it
    rates[0] *= network.input_dim
    bias_stds = p.bias_std or (0.0,) * (L + 1)
    starts = abs(p.a[L] + p.b[L] - 0.5) <= TOLERANCE
    layers: list[Kernel] = []
    for l in range(L):
        layers += [Linear(stds[l], bias_stds[l], rates[l], bias_rates[l]), Elementwise(network.activation)]
    return Serial((*layers, Linear(stds[L] if starts else 0.0, bias_stds[L], rates[L], bias_rates[L], stds[L])))


def _check(network: Network) -> None:
    p, L = network.parameterization, network.hidden_layers
    found = regime(p, network.activation)
    if found.name != "kernel":
        raise ValueError(f"network: its limit is no kernel: {found}")
    _check_initial(network)
    if p.has_first_step:
        raise ValueError("network: step 0 has rates of its own, and one kernel cannot have both; leave out first_c and first_bias_c")
    sizes = [p.a[0] + p.b[0], *(p.a[l] + p.b[l] - 0.5 for l in range(1, L)), min(p.a[L] + p.b[L] - 0.5, 0.0)]
    for l, size in enumerate(sizes):
        if abs(size) > TOLERANCE:
            raise ValueError(
                f"network: its layer {l + 1} scales like m^({-size:g}), and kernels are known for layers of order 1; move the factor by"
                " Parameterization(a, b, ...) so that a + b is 0 in the first layer and 1/2 in the others"
            )
    if any(p.mean):
        raise ValueError(f"network: its weights have a mean ({p.mean}), and kernels are known for centred ones; set mean=0")


def _check_initial(network: Network) -> None:
    """Gaussian weights, or some of which the kernels are the same."""
    linear = activations.get(network.activation).name == "linear"
    if network.initial in ("gaussian", "orthogonal") or (network.initial == "uniform" and linear):
        return
    what = network.initial if isinstance(network.initial, str) else "a law or arrays of your own"
    raise ValueError(
        f"initial: the kernels are those of Gaussian and orthogonal weights, in a linear network of uniform ones too, got {what}; "
        "uniform first weights of a nonlinear network make pre-activations that are not Gaussian"
    )


def _exponents(p: Parameterization) -> tuple[list[float], list[float]]:
    """Powers of m of each layer's part of the tangent kernel, weights and biases."""
    L = p.hidden_layers
    back = 1 - 2 * (p.a[L] + p.b[L])
    weights = [-p.c[l] - 2 * p.a[l] + (l > 0) + back for l in range(L)] + [1 - p.c[L] - 2 * p.a[L]]
    biases = [-p.bias_c[l] + back for l in range(L)] + [-p.bias_c[L]] if p.bias_c else []
    return weights, biases
