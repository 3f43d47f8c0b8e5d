r"""What becomes of networks at any point of the plane of scalings.

Let :math:`f = \sigma_d \sum_r a_r\,\phi(w_r \cdot x)` with :math:`\sigma_d = d_*^{-1/2}\,(d/d_*)^{q_\sigma}`, rates
:math:`\eta\,(d/d_*)^{\tilde q}` and :math:`s = q_\sigma + \tilde q \in [-\tfrac12, 0]`. To leading order in the width

.. math:: f_t = \Big(\tfrac d{d_*}\Big)^{q_\sigma + 1/2} G + \Big(\tfrac d{d_*}\Big)^{q_\sigma + 1 + s} D_t

with a Gaussian process G, of covariance :math:`\sigma_a^2\,\mathbb E\,\phi(w\cdot x)\phi(w\cdot x')`, and a change D of order 1 that is
deterministic given the residuals :math:`\rho_i`, the derivatives of the loss at :math:`f_t(x_i)`:

.. math::
    s = 0: &\quad D_t(x) = \sqrt{d_*}\,\big(\mathbb E\,a_t\phi(w_t\cdot x) - \mathbb E\,a_0\phi(w_0\cdot x)\big), \quad
    (\dot w, \dot a) = -d_*^{-1/2}\,\nabla_{w, a}\, \tfrac1n\sum_i \rho_i\, a\phi(w \cdot x_i), \\
    s < 0: &\quad \dot D_t(x) = -\tfrac1n\sum_i \Theta(x, x_i)\,\rho_i, \quad \text{the tangent kernel of NTP at the start.}

The change is never smaller than the start (:math:`s \ge -\tfrac12`), and as large at the lower edge alone. So the residuals are those
of the first of these that does not vanish:

* the change has vanishing logits, :math:`q_\sigma + 1 + s < 0`: :math:`\rho = \partial_f\ell(0)` for all time, and D is linear in time
  below the upper edge;
* it has finite ones: :math:`\rho = \partial_f\ell(D_t)`, at the lower edge (NTK) :math:`\partial_f\ell(G + D_t)`;
* it has diverging ones: :math:`\rho = \lim_u \partial_f\ell(u D_t)`, which sees signs only (of :math:`G + D_t` at the lower edge). Only
  while D = 0, in step 0, the start says what residuals are: :math:`\partial_f\ell(0)`, :math:`\partial_f\ell(G)` or
  :math:`\lim_u \partial_f\ell(uG)` for :math:`q_\sigma` below, at and above :math:`-\tfrac12`.

With two dynamics, three sizes of the change and three of the start the thirteen classes [golikov2020dynamically]_ are those that the band
has room for.

Under RMSProp :class:`.plane_problems.NormalisedParticles` have the derivation, of the upper edge.

With L hidden layers and a homogeneous activation the same holds below the upper edge with
:math:`P = L(q_\sigma + \tfrac12) - \tfrac12` in the place of :math:`q_\sigma` and the largest rate in the place of
:math:`\tilde q`; layers whose rates have a smaller exponent do not count in the kernel.

References
----------
.. [golikov2020dynamically] Golikov, arXiv:2006.06574.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from ...solvers.checks import asked, flag, function, integer, real, returned, settle
from ...solvers.data import Data, needed
from ...solvers.machine.memory import refuse_above_available
from .. import activations
from ..activations import Activation
from ..gaussian.process import ProcessPath
from ..kernels.kernel import Kernel
from ..kernels.tangent_limit import Tangents
from ..networks.network import Network
from ..networks.parameterization import Parameterization
from ..scaling.plane import PlaneClass, plane_class
from .initial_laws import draw
from .limit_loss import LimitLoss
from .plane_problems import NormalisedParticles, PlaneKernel, PlaneParticles

__all__ = ["PlaneLimit"]

Array = np.ndarray

ZERO = 1e-9  # exponents that count as zero
LARGEST = 1e6  # standard deviation


@dataclass(frozen=True)
class PlaneLimit:
    r"""The limit of two-layer networks at a point of the plane of scalings: :math:`g = \lim\,(d/d_*)^{-u} f` for training under gradient
    descent, or at the upper edge under RMSProp.

    ``sol.outputs`` and predictions are g, logits in the unit :math:`(d/d_*)^u` of their change, :math:`u = q_\sigma + 1 + s`
    (``exponent``). ``sol.loss`` is the loss itself where u = 0. Where logits vanish it is the change of the loss in that unit,
    :math:`\mathbb E\,g\,\partial_f\ell(0)`, where they diverge the loss in that unit, :math:`\lim_v \mathbb E\,\ell(vg)/v`, at the logistic
    loss the perceptron's. Time is learning rate times steps.

    Parameters
    ----------
    q_sigma, q_tilde : float
        A point of the band, with one hidden layer :math:`-\tfrac12 \le q_\sigma + \tilde q \le 0`.
    activation : str or Activation
    particles : int
        N at the upper edge, where the limit is right to :math:`O(N^{-1/2})`; below it is exact.
    weight_std, output_std : float
        :math:`\sigma_w > 0, \sigma_a \ge 0` of the Gaussian start.
    reference_width : int
        :math:`d_*`: the network of that width is the same at all points.
    quasi_random : bool
        Scrambled Sobol points in place of independent particles.
    hidden_layers : int
        L. More than one where kernels are constant; off :math:`q_\sigma = -\tfrac12` the activation is positively homogeneous.
    q_tilde_hidden : float, optional
        Of the matrices between hidden layers, as in :func:`plane_class`.
    start : callable, optional
        G, inputs (n, d) to outputs (n, k), such as that of one network. Default: a path of the Gaussian process, drawn by ``rng``.
    method : {"gradient", "rmsprop"}
        Gradient descent (momentum included), or RMSProp: the limit of one refuses the other.

    Attributes
    ----------
    where : PlaneClass
    exponent : float
        u.
    parameterization : Parameterization
        That of the networks of all widths, for :class:`~infwidth.limits.Network`; under RMSProp in the form whose gradients are those of
        the particles, where the reference width is 1.
    random_start : bool
        Whether G matters.
    gap_exponent : float
        Of the gap between :math:`(d/d_*)^{-u} f` and g, as leading terms have it: the largest of :math:`-\tfrac12` (fluctuations), the
        start that is left out (:math:`-s - \tfrac12`, not at the lower edge), a kernel that moves (2s, not at the upper edge), layers that
        are left out (their rates' exponents against the largest), residuals of logits that are not yet zero (u where it is negative, the
        exponent of the start where that is negative and u positive).

    Notes
    -----
    Under RMSProp with :math:`\varepsilon = 0` and diverging logits, a parameter all of whose gradients so far come from samples with the
    right sign stays in the limit, and moves by a full step in networks, however small those gradients are. That happens in step 0 where
    :math:`q_\sigma > -\tfrac12`: give an :math:`\varepsilon > 0` there.

    Raises
    ------
    ValueError
        Outside the band, where there is no limit or it does not learn; under RMSProp below the upper edge or with more hidden layers, where
        no solver has it; where the loss has unbounded residuals and logits diverge; where an argument is out of its range.

    Examples
    --------
    Small multipliers and large rates: logits vanish, and the residuals stay what they are at zero. The particles run away, and the logits
    in their unit with them:

    >>> import infwidth as iw
    >>> from infwidth.limits import scaling
    >>> X, y = np.array([[1.0, 0.2], [-0.3, 1.0]]), np.array([1.0, -1.0])
    >>> limit = scaling.plane_limit(-1.5, 1.5, "relu", particles=2000)
    >>> limit.where.name, limit.exponent
    ('vanishing logits, vanishing kernels, upper edge', -0.5)
    >>> sol = iw.solve(limit, X, y, iw.GradientDescent(0.5, 40), loss="logistic", rng=0)
    >>> bool(np.all(np.diff(y * sol.outputs[:, :, 0], axis=0) > 0)), bool(abs(sol.outputs[-1]).min() > 10)
    (True, True)
    """

    q_sigma: float
    q_tilde: float
    activation: str | Activation
    particles: int = 4096
    weight_std: float = 1.0
    output_std: float = 1.0
    reference_width: int = 1
    quasi_random: bool = False
    start: Callable[[Array], Array] | None = None
    hidden_layers: int = 1
    q_tilde_hidden: float | None = None
    method: str = "gradient"
    _tangents: Tangents = field(default_factory=Tangents, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        activations.get(self.activation)
        settle(self, q_sigma=real("q_sigma", self.q_sigma), q_tilde=real("q_tilde", self.q_tilde))
        settle(self, **{name: integer(name, getattr(self, name), least=1) for name in ("particles", "reference_width", "hidden_layers")})
        settle(self, weight_std=real("weight_std", self.weight_std, above=0, most=LARGEST))
        settle(self, output_std=real("output_std", self.output_std, least=0, most=LARGEST))
        settle(self, quasi_random=flag("quasi_random", self.quasi_random))
        if self.start is not None:
            function("start", self.start, SIGNATURE)
        where, normalised = self.where, self.method == "rmsprop"
        if not where.stable or not where.nontrivial:
            one, unit = where.hidden_layers == 1, 0.0 if normalised else self.q_sigma
            moves = f"powers {unit + self.q_tilde:g} of the width" if one else "more than their size"
            raise ValueError(
                f"q_tilde: at ({self.q_sigma:g}, {self.q_tilde:g}) "
                + ("f stays what it is at the start" if where.stable else f"parameters move by {moves}, without a limit")
                + (f"; take q_tilde from {-0.5 - unit:g} to {0 - unit:g}" if one else "")
            )
        if normalised and (where.hidden_layers > 1 or not where.evolving_kernels):
            raise ValueError(
                f"method: under RMSProp the limit is known for one hidden layer at the upper edge, q_tilde=0, got {where.name!r}: below it "
                "f is linear in parameters that no kernel moves; take q_tilde=0, or a finite Network of where.parameterization"
            )
        if where.hidden_layers > 1:
            self._refuse_deep(where)

    def _refuse_deep(self, where: PlaneClass) -> None:
        if where.evolving_kernels:
            raise ValueError(
                f"q_tilde: with {where.hidden_layers} hidden layers limits are known where kernels are constant, and at "
                f"({self.q_sigma:g}, {self.q_tilde:g}) they evolve; take smaller rates, or a finite Network of where.parameterization"
            )
        if abs(self.q_sigma + 0.5) > ZERO and activations.get(self.activation).homogeneity != 1:
            raise ValueError(
                f"activation: with {where.hidden_layers} hidden layers and q_sigma={self.q_sigma:g} pre-activations vanish or diverge from "
                "layer to layer, which only activations such as relu let pass; take one of them, or q_sigma=-0.5"
            )

    @property
    def where(self) -> PlaneClass:
        return plane_class(self.q_sigma, self.q_tilde, None, self.method, self.hidden_layers, self.q_tilde_hidden)

    @property
    def exponent(self) -> float:
        return self.where.exponents()["change"]

    @property
    def gap_exponent(self) -> float:
        where = self.where
        u, start, rates = self.exponent, where.exponents()["f0"], where.rates
        s = u - start - 0.5
        terms = [-0.5]
        if not where.comparable_change:
            terms.append(-s - 0.5)
        if not where.evolving_kernels:
            terms.append(2 * s)
        terms += [rate - max(rates) for rate in rates if rate < max(rates) - ZERO]
        if u < -ZERO:
            terms.append(u)
        elif u > ZERO and start < -ZERO:
            terms.append(start)
        return max(terms)

    @property
    def parameterization(self) -> Parameterization:
        d, q, where = float(self.reference_width), self.q_sigma, self.where
        std = d ** (-0.5 - q)  # the prefactor of the multiplier sits in the weights
        if self.method == "rmsprop":
            stored, stds = (-q, -q), (self.weight_std, self.output_std * std)
            return Parameterization((q, 0.0), stored, stored, weight_std=stds, rates=(1.0, std), name="plane, RMSProp")
        above = where.hidden_layers - 1
        stds = (self.weight_std, *(self.weight_std * std,) * above, self.output_std * std)
        rates = tuple((std**2 if l else 1.0) * d**-rate for l, rate in enumerate(where.rates))
        return replace(where.parameterization, weight_std=stds, rates=rates)

    @property
    def random_start(self) -> bool:
        return self.start is None and self._start_counts

    @property
    def _start_counts(self) -> bool:
        loss = self._loss(None)
        return self.where.comparable_change or (loss.change > 0 and loss.start >= 0)

    def unit(self, width: int) -> float:
        """Of the logits of a network of that ``width``: :math:`(d/d_*)^u`. ValueError where it is none."""
        return float((integer("width", width, least=1) / self.reference_width) ** self.exponent)

    def started_at(self, start: Callable[[Array], Array]) -> PlaneLimit:
        r"""The limit from a start G that is known: of a network of width d, its logits at the ``start`` over
        :math:`(d/d_*)^{q_\sigma + 1/2}`, a function of inputs (n, d) to outputs (n, k). TypeError where it is no function."""
        other = replace(self, start=start)
        object.__setattr__(other, "_tangents", self._tangents)
        return other

    def _loss(self, data: Data | None) -> LimitLoss:
        exponents = self.where.exponents()
        start, change = (0 if abs(e) <= ZERO else 1 if e > 0 else -1 for e in (exponents["f0"], exponents["change"]))
        return LimitLoss(data.loss if data is not None else None, start, change)  # type: ignore[arg-type]

    def bind(self, data: Data | None, rng: np.random.Generator) -> PlaneParticles | PlaneKernel:
        """Draw the particles and the start, or compute the kernel."""
        data = needed(data)
        loss = self._loss(data)
        loss.refuse_unbounded(data.y)
        d, k = data.X.shape[1], data.outputs
        from ..kernels.network import of

        L, rates = self.hidden_layers, self.where.rates
        learns = tuple(float(rate >= max(rates) - ZERO) for rate in rates)
        ntk = replace(Parameterization.ntk(L), weight_std=(*(self.weight_std,) * L, self.output_std), rates=learns)
        kernel = of(Network(d, L, 1, self.activation, ntk))
        particle_stream, start_stream = rng.spawn(2)
        start = self._start(kernel, k, start_stream)
        if not self.where.evolving_kernels:
            return PlaneKernel(data, kernel, loss, start, self.where.comparable_change, self._tangents)
        refuse_above_available(
            "particles", f"{self.particles:.3g} particles of {d + k} weights", 32.0 * self.particles * (d + k), "take fewer"
        )
        W, a = draw("gaussian", particle_stream, self.particles, d, k, self.quasi_random)
        W, a = (self.weight_std * W).astype(data.X.dtype), (self.output_std * a).astype(data.X.dtype)
        particles = NormalisedParticles if self.method == "rmsprop" else PlaneParticles
        return particles(data, activations.get(self.activation), W, a, loss, start, self.reference_width**0.5)

    def _start(self, kernel: Kernel, outputs: int, rng: np.random.Generator) -> Callable[[Array], Array]:
        """G, or nothing where it does not count."""
        if not self._start_counts:
            return lambda X: np.zeros((len(X), outputs), X.dtype)
        if self.start is None:
            path = ProcessPath(lambda X, Z: np.asarray(kernel.nngp(X, Z), float), outputs, rng)
            return lambda X: path(X).astype(X.dtype, copy=False)
        given = self.start

        def known(X: Array) -> Array:
            values = asked("start", given, X, signature=SIGNATURE)
            return returned("start", values, (len(X), outputs), f"{len(X)} inputs").astype(X.dtype, copy=False)

        return known


SIGNATURE = "inputs (n, d) to outputs (n, k)"
