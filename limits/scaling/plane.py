r"""The plane of scalings: thirteen limits of two-layer networks, and those of deeper ones.

The network :math:`f(x) = \sigma_d \sum_{r=1}^d a_r\,\phi(w_r \cdot x)` with parameters of order 1 at initialisation, multiplier
:math:`\sigma_d \sim d^{q_\sigma}` and learning rate :math:`\sim d^{\tilde q}` moves its parameters in one step by
:math:`d^{s}`, :math:`s = q_\sigma + \tilde q`, while the residual stays bounded (logistic loss). Its limit exists and is not trivial in
the band :math:`-\tfrac12 \le s \le 0`, which three more conditions cut into thirteen classes [golikov2020dynamically]_:

* logits at the start, :math:`d^{q_\sigma + 1/2}`, are finite at :math:`q_\sigma = -\tfrac12`;
* tangent kernels at the start, :math:`d^{2 q_\sigma + \tilde q + 1}`, are finite at :math:`2q_\sigma + \tilde q = -1`;
* kernels evolve where the parameters move by order 1, at the upper edge s = 0;
* the change of the function is of the order of the function itself at the lower edge :math:`s = -\tfrac12`.

Under RMSProp a step moves parameters by the rate itself, :math:`s = \tilde q` [golikov2020towards]_. The band, its edges and the first
line are the same in :math:`(q_\sigma, s)`; where gradient descent has a kernel of order :math:`d^{q_\sigma + s + 1}`, RMSProp has a
change of the function per step of that order, whatever the residuals. The mean field is then at :math:`\tilde q = 0`, and at the place of
the NTK, :math:`\tilde q = -\tfrac12`, the network is linear in its parameters but moved by no kernel.

More hidden layers have the multiplier in front of each matrix but the first, and a rate of their own for the matrices between hidden
layers. Classes and exponents of any depth are found by the calculus of exponents (:mod:`.plane_calculus`). With rates that move all
layers alike the plane is again that of one hidden layer, in :math:`L(q_\sigma + \tfrac12) - \tfrac12` in the place of
:math:`q_\sigma`. At the mean field's scaling gradient descent still learns with two hidden layers, and not with three, and RMSProp with
any number [golikov2020towards]_.

References
----------
.. [golikov2020dynamically] Golikov, arXiv:2006.06574.
.. [golikov2020towards] Golikov, arXiv:2003.05884.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...solvers.checks import choice, integer, real
from ..networks.parameterization import Parameterization
from .plane_calculus import plane_exponents, plane_parameterization, plane_traits

__all__ = ["DEEPEST", "METHODS", "PlaneClass", "plane_class"]

METHODS = ("gradient", "rmsprop")
FARTHEST = 100.0  # exponents
DEEPEST = 8  # hidden layers: the terms of f are as many as the sets of layers
LAST_STEP = 100  # exponents are found step by step
ON_LINE = 1e-9  # distance to a line that counts as on it
ONE_LAYER = ("f0", "kernel", "increment_a", "increment_w", "f_empty", "f_a", "f_w", "f_aw", "change")
NUMBERED = {"increment_a": "increment_2", "increment_w": "increment_1", "f_a": "f_2", "f_w": "f_1", "f_aw": "f_12"}


@dataclass(frozen=True)
class PlaneClass:
    r"""Where a scaling lies, and what its limit is like.

    Attributes
    ----------
    name : str
        Equal for equal classes: ``"mean field"``, ``"NTK"``, ``"sym-default"``, one of ten others such as
        ``"vanishing logits, diverging kernels, interior"``, or ``"diverges"`` and ``"does not learn"`` outside the band. Of more hidden
        layers also their number; there "evolving" has the place of the upper edge, for it can be more than an edge.
    q_sigma, q_tilde : float
        Exponents of the multiplier and of the learning rate of the output weights.
    q_tilde_w : float
        Exponent of the learning rate of the input weights; equal to ``q_tilde`` in the symmetric plane.
    stable : bool
        Whether parameters do not move by more than their size, in any step: with one hidden layer s <= 0.
    nontrivial : bool
        Whether the function moves by as much as itself or more: with one hidden layer s >= -1/2.
    finite_logits : bool
        Of order 1 at initialisation.
    finite_kernels : bool
        Whether the largest change of the function in a step is of order 1: with one hidden layer, whether kernels are at initialisation.
    evolving_kernels : bool
        Whether a step changes the kernel by its own order: the pre-activations of some layer, or the output weights.
    comparable_change : bool
        Whether a step changes the function by exactly its own order.
    method : str
        ``"gradient"`` or ``"rmsprop"``.
    hidden_layers : int
    q_tilde_hidden : float or None
        Exponent of the learning rate of the matrices between hidden layers; None with one hidden layer, which has none.
    """

    name: str
    q_sigma: float
    q_tilde: float
    q_tilde_w: float
    stable: bool
    nontrivial: bool
    finite_logits: bool
    finite_kernels: bool
    evolving_kernels: bool
    comparable_change: bool
    method: str = "gradient"
    hidden_layers: int = 1
    q_tilde_hidden: float | None = None

    @property
    def rates(self) -> tuple[float, ...]:
        """Exponents of the learning rates of all weight layers, first to last."""
        between = () if self.q_tilde_hidden is None else (self.q_tilde_hidden,) * (self.hidden_layers - 1)
        return (self.q_tilde_w, *between, self.q_tilde)

    @property
    def parameterization(self) -> Parameterization:
        """That of the networks of all widths, whose entries are of order 1 at the start."""
        return plane_parameterization(self.q_sigma, self.rates)

    def exponents(self, step: int = 1) -> dict[str, float]:
        r"""Powers of the width d after that many steps, of bounded residuals.

        Keys: ``"f0"`` and ``"kernel"`` (under RMSProp, the change per step) at initialisation; ``"increment_a"``, ``"increment_w"`` of
        one parameter; ``"f_a"``, ``"f_w"``, ``"f_aw"``, ``"f_empty"`` of the terms :math:`f = f_\emptyset + f_a + f_w + f_{aw}` that are
        of order zero and one in the increments of a and w (masks of homogeneous activations at their current values); ``"change"`` of f.

        With more hidden layers the weight layers have numbers, the output being L + 1: ``"increment_1"`` and so on; ``"move_1"`` to
        ``"move_L"`` are the changes of their pre-activations relative to those of the start, and the terms are :math:`f_S` for every
        set S of layers, with the increments of the layers in S, the initial weights of the others, and the masks of now:
        ``"f_empty"``, ``"f_1"``, ``"f_12"`` and so on, as :func:`output_term_names` has them.

        Notes
        -----
        Right of :math:`q_\sigma + s = -1` kernels diverge: one step sends the logits to infinity, and under gradient descent residuals
        become 0 or 1 and later steps shrink; the exponents hold at step 1. Masks that a step switches give :math:`f_\emptyset` and
        :math:`f_{aw}` their exponents, by small prefactors: measure at a rate large enough that the parameters move by their own size. With
        the masks of the start :math:`f_{aw}` is of order :math:`d^{q_\sigma + 1/2 + 2s}` at step 1.

        Raises
        ------
        ValueError
            Where ``step`` is not an integer from 1 to 100: exponents are found step by step.

        Examples
        --------
        >>> from infwidth.limits import scaling
        >>> ntk = scaling.plane_class(-0.5, 0).exponents(2)
        >>> [ntk[key] for key in ("f_empty", "f_a", "f_w", "f_aw")]
        [0.0, 0.0, 0.0, -1.0]

        Three hidden layers in the mean-field scaling: gradient descent moves f by 1/d at any step, RMSProp by order 1.

        >>> [scaling.plane_class(-1, rate, method=method, hidden_layers=3).exponents(3)["change"]
        ...  for rate, method in ((1, "gradient"), (0, "rmsprop"))]
        [-1.0, 0.0]

        The scaling that libraries default to: the output weights grow, and from step 2 on the input weights with them.

        >>> [scaling.plane_class(-0.5, 1, 0).exponents(step)["increment_w"] for step in (1, 2)]
        [-0.5, 0.0]
        """
        step = integer("step", step, least=1, most=LAST_STEP)
        found = dict(plane_exponents(self.q_sigma, self.rates, self.method == "rmsprop", step))
        return found if self.hidden_layers > 1 else {name: found[NUMBERED.get(name, name)] for name in ONE_LAYER}

    def __str__(self) -> str:
        said = {
            "logits finite": self.finite_logits,
            "kernels finite": self.finite_kernels,
            "kernels evolve": self.evolving_kernels,
            "change comparable": self.comparable_change,
        }
        return f"{self.name}: " + ", ".join(f"{what}: {'yes' if holds else 'no'}" for what, holds in said.items())


def plane_class(
    q_sigma: float,
    q_tilde: float,
    q_tilde_w: float | None = None,
    method: str = "gradient",
    hidden_layers: int = 1,
    q_tilde_hidden: float | None = None,
) -> PlaneClass:
    r"""The class of a scaling.

    Parameters
    ----------
    q_sigma, q_tilde : float
        Exponents of the multiplier and of the learning rates.
    q_tilde_w : float, optional
        Exponent of the learning rate of the input weights where it differs from that of the output weights: the scaling that most
        libraries default to is ``plane_class(-0.5, 1, 0)``. The band and its lines then refer to the larger of the two, and the class
        has a name of its own.
    method : {"gradient", "rmsprop"}
        Gradient descent (momentum included), or RMSProp, whose classes have names of their own.
    hidden_layers : int
        L, up to 8.
    q_tilde_hidden : float, optional
        Exponent :math:`\tilde q_v` of the learning rate of the matrices between hidden layers. Default: that of [golikov2020towards]_,
        whose matrices, multiplier included, learn at the rate of the input weights over d:
        :math:`\tilde q - 1 - 2 q_\sigma`, under RMSProp :math:`\tilde q - 1 - q_\sigma`. With :math:`\tilde q` (RMSProp:
        :math:`\tilde q - \tfrac12`) all layers move alike.

    Raises
    ------
    ValueError
        Where an exponent is not a number from -100 to 100, the method is not known, or there are no such layers.

    References
    ----------
    .. [golikov2020towards] Golikov, arXiv:2003.05884, and the code published with it,
       https://github.com/deeppavlov/infinite-width_nets (``scale_hyperparams.py``).

    Examples
    --------
    >>> from infwidth.limits import scaling
    >>> print(scaling.plane_class(-1, 1))
    mean field: logits finite: no, kernels finite: yes, kernels evolve: yes, change comparable: no
    >>> [scaling.plane_class(*point).name for point in ((-0.5, 0), (-0.75, 0.5), (1, 1), (-1, -1))]
    ['NTK', 'vanishing logits, finite kernels, interior', 'diverges', 'does not learn']
    >>> [scaling.plane_class(-1, rate, method="rmsprop").name for rate in (1, 0)]
    ['diverges (RMSProp)', 'mean field (RMSProp)']

    Deeper, the mean field's scaling learns under RMSProp; gradient descent has a limit that learns at a larger multiplier.

    >>> for point, method in (((-1, 1), "gradient"), ((-2 / 3, 2 / 3), "gradient"), ((-1, 0), "rmsprop")):
    ...     print(scaling.plane_class(*point, method=method, hidden_layers=3).name)
    vanishing logits, vanishing kernels, evolving (3 hidden layers)
    mean field (3 hidden layers)
    mean field (3 hidden layers) (RMSProp)
    """
    L = integer("hidden_layers", hidden_layers, least=1, most=DEEPEST, way_out="the terms of f are as many as the sets of layers")
    q, rate = _exponent("q_sigma", q_sigma), _exponent("q_tilde", q_tilde)
    rate_w = rate if q_tilde_w is None else _exponent("q_tilde_w", q_tilde_w)
    rmsprop = choice("method", method, METHODS) == "rmsprop"
    if L == 1 and q_tilde_hidden is not None:
        raise ValueError(f"q_tilde_hidden: one hidden layer has no matrix between hidden layers, got {q_tilde_hidden}; leave it out")
    between = None
    if L > 1:
        between = rate_w - 1 - (q if rmsprop else 2 * q) if q_tilde_hidden is None else _exponent("q_tilde_hidden", q_tilde_hidden)
    traits = plane_traits(q, (rate_w, *(() if between is None else (between,) * (L - 1)), rate), rmsprop)
    logits, kernels, bottom = _sign(traits.start), _sign(traits.change), _sign(traits.change - traits.start)
    stable, nontrivial = _sign(traits.entry) <= 0 and not traits.grows, bottom >= 0
    if not stable:
        name = "diverges"
    elif not nontrivial:
        name = "does not learn"
    else:
        name = _name(logits, kernels, traits.evolves, bottom, L)
    if rate != rate_w:
        name = f"{name} (rates {'of a' if rate > rate_w else 'of w'} larger)"
    if L > 1:
        name = f"{name} ({L} hidden layers)"
    if rmsprop:
        name = f"{name} (RMSProp)"
    evolving = stable and traits.evolves
    return PlaneClass(name, q, rate, rate_w, stable, nontrivial, logits == 0, kernels == 0, evolving, bottom == 0, method, L, between)


def _name(logits: int, kernels: int, evolves: bool, bottom: int, hidden_layers: int) -> str:
    known = {(-1, 0, True, 1): "mean field", (0, 0, False, 0): "NTK", (0, 1, True, 1): "sym-default"}
    if (logits, kernels, evolves, bottom) in known:
        return known[logits, kernels, evolves, bottom]
    size = {-1: "vanishing", 0: "finite", 1: "diverging"}
    evolving = "upper edge" if hidden_layers == 1 else "evolving"
    where = evolving if evolves else "lower edge" if bottom == 0 else "interior"
    return f"{size[logits]} logits, {size[kernels]} kernels, {where}"


def _exponent(name: str, value: float) -> float:
    return real(name, value, least=-FARTHEST, most=FARTHEST)


def _sign(value: float) -> int:
    return 0 if abs(value) <= ON_LINE else 1 if value > 0 else -1
