r"""What an initialisation means for a network, in words and numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ...solvers.checks import choice, integer
from ..networks.network import Network
from .maps import MeanFieldMaps
from .phases import critical_point, critical_weight_variance

__all__ = ["Advice", "advise", "initialization"]

INITIALIZATIONS = ("pytorch", "keras", "glorot", "he", "lecun")
CRITICAL = 1e-6  # distance of chi_1 to 1
FAR = 1e12  # a variance that shows how the largest ones grow


@dataclass(frozen=True)
class Advice:
    r"""The verdict on an initialisation.

    Attributes
    ----------
    phase : {"ordered", "critical", "chaotic", "diverging", "vanishing"}
    weight_variance, bias_variance : float
        :math:`\sigma_w^2` and :math:`\sigma_b^2` of the hidden layers.
    trainable_depth : float
        :math:`6\,\xi_c`, number of hidden layers up to which signals pass; nan where variances have no positive fixed point.
    gradient_scale : float
        Mean square of the gradient in the first hidden layer over that in the last, where the first one's pre-activations have variance 1.
    better_weight_variance, better_bias_variance : float
        A critical choice: with the same biases where there is one, else the critical point.
    text : str
    """

    phase: str
    weight_variance: float
    bias_variance: float
    trainable_depth: float
    gradient_scale: float
    better_weight_variance: float
    better_bias_variance: float
    text: str

    def __str__(self) -> str:
        return self.text


def initialization(name: str, fan_in: int, fan_out: int) -> tuple[float, float]:
    r""":math:`\sigma_w^2` (the variance of a weight times fan_in) and :math:`\sigma_b^2` of a default initialiser.

    ==========  ==========================================================  ==========================================
    name        weights                                                     biases
    ==========  ==========================================================  ==========================================
    pytorch     uniform on :math:`\pm 1/\sqrt{n_{in}}` (``nn.Linear``)      the same
    keras       Glorot uniform (``Dense``)                                  0
    glorot      variance :math:`2/(n_{in} + n_{out})`                       0
    he          variance :math:`2/n_{in}`                                   0
    lecun       variance :math:`1/n_{in}`                                   0
    ==========  ==========================================================  ==========================================

    Parameters
    ----------
    name : str
        Of the table.
    fan_in, fan_out : int
        :math:`n_{in}` and :math:`n_{out}`.

    Raises
    ------
    ValueError
        Where the name is not known or a size is not a positive integer.

    Examples
    --------
    >>> from infwidth.limits import propagation
    >>> propagation.initialization("he", 100, 100), propagation.initialization("pytorch", 300, 100)
    ((2.0, 0.0), (0.3333, 0.0011))
    """
    n, m = integer("fan_in", fan_in, least=1), integer("fan_out", fan_out, least=1)
    choice("name", name, INITIALIZATIONS)
    if name == "pytorch":
        return 1 / 3, 1 / (3 * n)
    return {"he": 2.0, "lecun": 1.0}.get(name, 2 * n / (n + m)), 0.0


def advise(network: Network, initial: str | None = None) -> Advice:
    r"""Whether signals and gradients pass through a network at initialisation, and which variances would let them.

    Parameters
    ----------
    network : Network
        Of a parameterization whose hidden layers keep the scale of their inputs (standard, NTK, µP); its weight variance and biases are
        read off.
    initial : str, optional
        Name of a default initialiser that takes their place, see :func:`initialization`.

    Raises
    ------
    TypeError
        Where it is no Network.
    ValueError
        Where hidden layers vanish or grow with the width (integrable parameterizations): then no variance helps, and
        :func:`infwidth.limits.scaling.exponents` says how.

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits import propagation
    >>> deep = iw.Network(10, 40, 512, "relu", iw.Parameterization.standard(40))
    >>> print(propagation.advise(deep, "pytorch"))
    ordered: weight variance 0.333, bias variance 0.000651 (pytorch). Correlations of different inputs go to 1 within 0.558 layers (e-fold);
    about 3 layers are trainable, the network has 40. Gradients shrink by a factor 4.5e-31 from the last to the first hidden layer
    (mean square). Take weight variance 2 and bias variance 0.
    """
    if not isinstance(network, Network):
        raise TypeError(f"network: need a Network, got {type(network).__name__}; for maps alone use MeanFieldMaps")
    if isinstance(network.width, tuple):
        raise ValueError(f"network: has hidden layers of widths {network.width}, and the maps are those of one; give one number")
    weight, bias = _variances(network) if initial is None else initialization(initial, network.width, network.width)
    maps = MeanFieldMaps(network.activation, weight, bias)
    point, L = maps.fixed_point(), network.hidden_layers
    better, better_bias, remark = _better(network, bias)
    growth = float(maps.gradients(1.0, L - 1)[-1])
    source = f" ({initial})" if initial else ""
    head = f"weight variance {weight:.3g}, bias variance {bias:.3g}{source}."
    if math.isinf(point.q):
        slowly = " like a power of the depth" if abs(float(maps.variance_slope(FAR)) - 1) <= CRITICAL else ""
        phase, depth, what = "diverging", math.nan, f"Variances grow without bound{slowly}."
    elif point.q == 0:
        phase, depth, what = "vanishing", math.nan, f"Variances vanish, by a factor {point.slope:.3g} per layer."
        if abs(point.slope - 1) <= CRITICAL:
            phase, what = "critical", "Variances vanish like a power of the depth."
    else:
        scales = maps.depth_scales()
        depth = scales.trainable
        phase = "critical" if abs(point.chi_1 - 1) <= CRITICAL else "ordered" if point.chi_1 < 1 else "chaotic"
        limit = f"Correlations of different inputs go to {point.c:.3g} within {scales.correlation:.3g} layers (e-fold);"
        room = "any depth is" if math.isinf(depth) else f"about {depth:.0f} layers are"
        what = f"{limit} {room} trainable, the network has {L}."
        if phase == "critical":
            what = f"Correlations go to 1 like a power of the depth; {room} trainable, the network has {L}."
    direction = "stay" if abs(math.log(max(growth, 1e-300))) < 1e-3 else "shrink" if growth < 1 else "grow"
    gradients = f"Gradients {direction} by a factor {growth:.2g} from the last to the first hidden layer (mean square)."
    text = f"{phase}: {head} {what} {gradients} {remark}"
    return Advice(phase, weight, bias, depth, growth, better, better_bias, text)


def refuse_other_scales(network: Network, output: bool = False) -> None:
    """Raise where hidden layers (or the output, where asked) do not keep the scale of their inputs as the width grows."""
    p: Any = network.parameterization
    for l in range(1, network.hidden_layers + output):
        scale = p.a[l] + p.b[l]
        if p.mean[l] != 0 or abs(scale - 0.5) > 1e-9:
            what = "its hidden layers have" if l < network.hidden_layers else "its output has"
            way = "of non-zero mean" if p.mean[l] != 0 else f"that {'shrink' if scale > 0.5 else 'grow'} with the width"
            raise ValueError(f"network: {what} weights {way}, so no variance helps; scaling.exponents says what they do")


def _variances(network: Network) -> tuple[float, float]:
    """Of the hidden layers behind the first, or of the only one; they must be alike."""
    refuse_other_scales(network)
    p: Any = network.parameterization
    layers = slice(1, -1) if network.hidden_layers > 1 else slice(0, 1)
    weights, biases = set(p.weight_std[layers]), set((p.bias_std or (0.0,) * len(p.a))[layers])
    if len(weights) > 1 or len(biases) > 1:
        raise ValueError(
            "network: its hidden layers have initial weights or biases of different sizes; the maps of each are MeanFieldMaps, one by one"
        )
    return float(weights.pop()) ** 2, float(biases.pop()) ** 2


def _better(network: Network, bias: float) -> tuple[float, float, str]:
    try:
        weight = critical_weight_variance(network.activation, bias)
    except ValueError:
        point = critical_point(network.activation)
        if math.isnan(point.weight_variance):
            return math.nan, math.nan, "No choice is critical with these biases."
        weight, bias = point.weight_variance, point.bias_variance
    return weight, bias, f"Take weight variance {weight:.5g} and bias variance {bias:.3g}."
