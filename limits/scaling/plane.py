r"""The plane of scalings of two-layer networks: thirteen limits.

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

References
----------
.. [golikov2020dynamically] Golikov, arXiv:2006.06574.
.. [golikov2020towards] Golikov, arXiv:2003.05884.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...solvers.checks import choice, integer, real

__all__ = ["PlaneClass", "plane_class", "plane_classes"]

METHODS = ("gradient", "rmsprop")
ON_LINE = 1e-9  # distance to a line that counts as on it


@dataclass(frozen=True)
class PlaneClass:
    r"""Where a scaling lies, and what its limit is like.

    Attributes
    ----------
    name : str
        Equal for equal classes: ``"mean field"``, ``"NTK"``, ``"sym-default"``, one of ten others such as
        ``"vanishing logits, diverging kernels, interior"``, or ``"diverges"`` and ``"does not learn"`` outside the band.
    q_sigma, q_tilde : float
        Exponents of the multiplier and of the learning rate of the output weights.
    q_tilde_w : float
        Exponent of the learning rate of the input weights; equal to ``q_tilde`` in the symmetric plane.
    stable : bool
        Whether parameters do not move by more than their size: s <= 0.
    nontrivial : bool
        Whether the function moves by as much as itself or more: s >= -1/2.
    finite_logits, finite_kernels : bool
        Of order 1 at initialisation.
    evolving_kernels : bool
        Whether a step changes the kernel by its own order.
    comparable_change : bool
        Whether a step changes the function by exactly its own order.
    method : str
        ``"gradient"`` or ``"rmsprop"``.
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

    def exponents(self, step: int = 1) -> dict[str, float]:
        r"""Powers of the width d after that many steps, of bounded residuals.

        Keys: ``"f0"`` and ``"kernel"`` (under RMSProp, the change per step) at initialisation; ``"increment_a"``, ``"increment_w"`` of
        one parameter; ``"f_a"``, ``"f_w"``, ``"f_aw"``, ``"f_empty"`` of the terms :math:`f = f_\emptyset + f_a + f_w + f_{aw}` that are
        of order zero and one in the increments of a and w (masks of homogeneous activations at their current values); ``"change"`` of f.

        Notes
        -----
        Right of :math:`q_\sigma + s = -1` kernels diverge: one step sends the logits to infinity, and under gradient descent residuals
        become 0 or 1 and later steps shrink; the exponents hold at step 1. Masks that a step switches give :math:`f_\emptyset` and
        :math:`f_{aw}` their exponents, by small prefactors: measure at a rate large enough that the parameters move by their own size. With
        the masks of the start :math:`f_{aw}` is of order :math:`d^{q_\sigma + 1/2 + 2s}` at step 1.

        Raises
        ------
        ValueError
            Where ``step`` is not a positive integer.

        Examples
        --------
        >>> from infwidth.limits import scaling
        >>> ntk = scaling.plane_class(-0.5, 0).exponents(2)
        >>> [ntk[key] for key in ("f_empty", "f_a", "f_w", "f_aw")]
        [0.0, 0.0, 0.0, -1.0]
        """
        k, q = integer("step", step, least=1), self.q_sigma
        unit = 0.0 if self.method == "rmsprop" else q  # of a gradient of one parameter, which RMSProp divides by
        a, w = unit + self.q_tilde, unit + self.q_tilde_w
        f_a, f_w = q + 1 + a, q + 1 + w
        random = q + 0.5 + a + w
        # The sum over neurons has random signs, but for the few whose mask the step itself has switched, and from step 2 on those whose
        # other weight has moved: increments are then correlated.
        f_aw = max(random, q + 1 + a + w + (w if k == 1 else max(a, w)))
        return {
            "f0": q + 0.5,
            "kernel": q + max(a, w) + 1,
            "increment_a": a,
            "increment_w": w,
            "f_empty": max(q + 0.5, q + 1 + 2 * w),
            "f_a": f_a,
            "f_w": f_w,
            "f_aw": f_aw,
            "change": max(f_a, f_w),
        }

    def __str__(self) -> str:
        said = {
            "logits finite": self.finite_logits,
            "kernels finite": self.finite_kernels,
            "kernels evolve": self.evolving_kernels,
            "change comparable": self.comparable_change,
        }
        return f"{self.name}: " + ", ".join(f"{what}: {'yes' if holds else 'no'}" for what, holds in said.items())


def plane_class(q_sigma: float, q_tilde: float, q_tilde_w: float | None = None, method: str = "gradient") -> PlaneClass:
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

    Raises
    ------
    ValueError
        Where an exponent is not finite, or the method is not known.

    Examples
    --------
    >>> from infwidth.limits import scaling
    >>> print(scaling.plane_class(-1, 1))
    mean field: logits finite: no, kernels finite: yes, kernels evolve: yes, change comparable: no
    >>> [scaling.plane_class(*point).name for point in ((-0.5, 0), (-0.75, 0.5), (1, 1), (-1, -1))]
    ['NTK', 'vanishing logits, finite kernels, interior', 'diverges', 'does not learn']
    >>> [scaling.plane_class(-1, rate, method="rmsprop").name for rate in (1, 0)]
    ['diverges (RMSProp)', 'mean field (RMSProp)']
    """
    q, rate = real("q_sigma", q_sigma), real("q_tilde", q_tilde)
    rate_w = rate if q_tilde_w is None else real("q_tilde_w", q_tilde_w)
    rmsprop = choice("method", method, METHODS) == "rmsprop"
    s = max(rate, rate_w) + (0.0 if rmsprop else q)
    logits, kernels, top, bottom = _sign(q + 0.5), _sign(q + s + 1), _sign(s), _sign(s + 0.5)
    stable, nontrivial = top <= 0, bottom >= 0
    if not stable:
        name = "diverges"
    elif not nontrivial:
        name = "does not learn"
    else:
        name = _name(logits, kernels, top, bottom)
    if rate != rate_w:
        name = f"{name} (rates {'of a' if rate > rate_w else 'of w'} larger)"
    if rmsprop:
        name = f"{name} (RMSProp)"
    return PlaneClass(name, q, rate, rate_w, stable, nontrivial, logits == 0, kernels == 0, top == 0, bottom == 0, method)


def plane_classes(method: str = "gradient") -> list[PlaneClass]:
    """One representative of each of the thirteen classes of a method: three points, seven segments and rays, three regions.

    Parameters
    ----------
    method : {"gradient", "rmsprop"}

    Raises
    ------
    ValueError
        Where the method is not known.

    Examples
    --------
    >>> from infwidth.limits import scaling
    >>> len({found.name for found in scaling.plane_classes()})
    13
    """
    points = [(-1, 1), (-0.5, 0), (-0.5, 0.5)]
    lines = [(-0.75, 0.5), (-0.5, 0.25), (-0.75, 0.75), (-1.5, 1.5), (0, 0), (-1, 0.5), (0, -0.5)]
    regions = [(-2 / 3, 0.5), (-1, 0.75), (0, -0.25)]
    chosen = [plane_class(*point) for point in (*points, *lines, *regions)]
    if choice("method", method, METHODS) == "gradient":
        return chosen
    return [plane_class(found.q_sigma, found.q_sigma + found.q_tilde, method=method) for found in chosen]


def _name(logits: int, kernels: int, top: int, bottom: int) -> str:
    known = {(-1, 0, 0, 1): "mean field", (0, 0, -1, 0): "NTK", (0, 1, 0, 1): "sym-default"}
    if (logits, kernels, top, bottom) in known:
        return known[logits, kernels, top, bottom]
    size = {-1: "vanishing", 0: "finite", 1: "diverging"}
    where = "upper edge" if top == 0 else "lower edge" if bottom == 0 else "interior"
    return f"{size[logits]} logits, {size[kernels]} kernels, {where}"


def _sign(value: float) -> int:
    return 0 if abs(value) <= ON_LINE else 1 if value > 0 else -1
