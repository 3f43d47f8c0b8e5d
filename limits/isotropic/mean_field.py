r"""The isotropic Gaussian model of the two-layer mean-field limit.

Labels :math:`y = \pm 1` are equiprobable and :math:`x \mid y \sim N(0, (1 + y\Delta)^2 I_d)`; the network is
:math:`f(x) = \int \sigma(w \cdot x)\,\rho(dw)`. A law that starts isotropic stays so, and its radial part solves, in any dimension and
without approximation [mei2018]_,

.. math::
    \partial_t \rho = \partial_r\!\left(\rho\,\partial_r \Psi\right), \qquad
    \Psi(r; \rho) = 2\,\mathbb E\!\left[(f(R) - y)\, q_d(r R)\right], \qquad f(R) = \int q_d(r' R)\,\rho(dr'),

with :math:`R = |x|` and :math:`q_d` of :class:`~infwidth.limits.PiecewiseLinear`. This is the gradient flow of the risk
:math:`\mathbb E (y - f)^2` — **without** the factor ½ of the squared loss of data — in the Wasserstein distance. With a temperature
:math:`\tau` and weight decay :math:`\lambda` (noisy SGD), :math:`\Psi` gains :math:`\tfrac\lambda2 r^2 - \tau (d-1)\log r` and the equation
:math:`\tau\,\partial_r^2\rho`.

References
----------
.. [mei2018] Mei, Montanari and Nguyen, arXiv:1804.06561, section 3 (centered isotropic Gaussians), theorem 1: SGD comes near to the
   smallest risk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import choice, flag, instance, integer, real, settle
from ...solvers.data import Data, unwanted
from ...solvers.grids.grid import Grid
from ...solvers.machine.memory import refuse_above_available
from ..densities.problem import DensityProblem
from .density import RadialRisk, radial_confinement, radial_masses
from .directions import MEI_MONOTONE, PiecewiseLinear
from .particles import RadialParticles
from .population import radial_population

__all__ = ["RadialMeanField"]

Array = np.ndarray

DISCRETISATIONS = ("particles", "density")
MOST_DIMENSIONS = 10**6  # beyond, the finite ones have no digits of their own: take math.inf


@dataclass(frozen=True)
class RadialMeanField:
    r"""Mean-field limit of a two-layer network on two isotropic Gaussians; binds to its population, so ``solve`` gets no data.

    Parameters
    ----------
    dim : int or inf
        Input dimension :math:`d \ge 2`. At infinity, the limit of a finite d, radii of weights and inputs are :math:`|w|` and
        :math:`|x|/\sqrt d`.
    delta : float
        :math:`0 \le \Delta < 1`.
    discretisation : {"particles", "density"}
        Radial particles (every method but those of densities moves them), or conservative finite volumes (``TransportFlow``).
    size : int, default 400
        Number of particles or of cells (then 4 at least).
    activation : PiecewiseLinear
        Default: ``infwidth.limits.isotropic.MEI_MONOTONE``, -2.5 below .5, 7.5 above 1.5, linear between.
    initial : float or frozen scipy distribution
        Law of :math:`r_0 \ge 0`. A number :math:`\kappa` means Gaussian weights, :math:`w_0 \sim N(0, \kappa^2 I_d/d)`.
    grid : Grid, optional
        Cells of the density, one axis from 0 on; then ``size`` is not used. Default: ``size`` cells up to ``r_max``, finest at
        1.5 times the median of the initial law.
    r_max : float, default 8
        Largest radius of the default grid. Check that no mass arrives there (``sol.state[-1]``).
    temperature, weight_decay : float
        :math:`\tau` and :math:`\lambda` of noisy SGD, for the density. Particles take theirs from ``Langevin``, whose noise on weights in d
        dimensions is seen in the radii exactly.
    random_start : bool
        Draw the particles from that law instead of putting them at its quantiles :math:`(i - \frac12)/N`.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Notes
    -----
    ``sol.loss`` is the risk :math:`\mathbb E(y - f)^2`. ``sol.outputs`` (T, K, 1) is the output at the K radii
    ``sol.problem.population.radii``, and ``sol.predict(X)`` takes inputs in :math:`\mathbb R^d`.
    Where the activation falls at 0 (``MEI_NON_MONOTONE``) weights collapse onto the origin, at which their velocity jumps. Adaptive
    steppers stall there with particles: use the density, or ``GradientDescent``. Its knots are quoted from memory: they were not compared
    with the text of the paper.
    Where the radii gather in few points, solve twice: ``grid=sol.problem.grid.adapted_to(sol.state, cells)``.
    Time: one-pass SGD on :math:`(y - f)^2` with rate :math:`\eta` for each neuron has :math:`t = \eta\,` step.

    Examples
    --------
    >>> import infwidth as iw
    >>> model = iw.RadialMeanField(dim=40, delta=0.8)
    >>> sol = iw.solve(model, method=iw.GradientFlow(20.0), save_at=[0, 2, 20])
    >>> sol.loss.round(3)
    array([1.704, 1.011, 0.069])
    """

    dim: float
    delta: float
    discretisation: str = "particles"
    size: int = 400
    activation: PiecewiseLinear = MEI_MONOTONE
    initial: Any = 0.8
    random_start: bool = False
    grid: Grid | None = None
    r_max: float = 8.0
    temperature: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if not (isinstance(self.dim, float) and self.dim == math.inf):
            settle(self, dim=integer("dim", self.dim, least=2, most=MOST_DIMENSIONS, way_out="or math.inf"))
        settle(
            self,
            delta=real("delta", self.delta, least=0, below=1, way_out="at 1 one class is a point"),
            discretisation=choice("discretisation", self.discretisation, DISCRETISATIONS),
            size=integer("size", self.size, least=1),
            random_start=flag("random_start", self.random_start),
            r_max=real("r_max", self.r_max, above=0, most=1e6),
        )
        instance("activation", self.activation, PiecewiseLinear, "PiecewiseLinear((0.0, 1.0), (0.0, 1.0)), which can have many knots")
        if not hasattr(self.initial, "ppf"):
            settle(self, initial=real("initial", self.initial, above=0, way_out="or give a frozen scipy distribution of the radius"))
        else:
            try:
                lowest = self.initial.support()[0]
            except (TypeError, AttributeError) as error:
                raise ValueError(f"initial: the scipy distribution lacks parameters ({error}); freeze it, for example chi(40)") from None
            if not lowest >= 0:
                raise ValueError(f"initial: a radius is not negative, but the law starts at {lowest:g}; truncate or fold it")
        self._check_grid()
        settle(self, **{name: real(name, getattr(self, name), least=0) for name in ("temperature", "weight_decay")})
        noisy = self.temperature > 0 or self.weight_decay > 0
        if noisy and self.discretisation == "particles":
            raise ValueError("temperature, weight_decay: particles take theirs from the method, Langevin; or use discretisation='density'")
        if self.temperature and math.isinf(self.dim):
            raise ValueError("temperature: noise in infinite dimension moves a radius at once to infinity; give a finite dim")
        if self.discretisation == "density" and self.law() is None:
            raise ValueError("initial: a number is an atom at dim = inf, which has no density; give a scipy distribution or particles")

    def _check_grid(self) -> None:
        if self.grid is None:
            if self.discretisation == "density" and self.size < 4:
                raise ValueError(f"size: the density needs four cells or more (two on the coarser grid of its error), got {self.size}")
            return
        if self.discretisation == "particles":
            raise ValueError("grid: particles have none; use discretisation='density', or leave it out")
        instance("grid", self.grid, Grid, "Grid.uniform(0, 8, 400)")
        if self.grid.dims != 1:
            raise ValueError(f"grid: a radius has one axis, got {self.grid.dims}")
        if self.grid.edges[0][0] < 0:
            raise ValueError(f"grid: a radius is not negative, but the grid starts at {self.grid.edges[0][0]:g}; start it at 0")

    def law(self) -> Any:
        """The initial law of the radius, a frozen scipy distribution; None for the atom that a number means at d = infinity."""
        if hasattr(self.initial, "ppf"):
            return self.initial
        if math.isinf(self.dim):
            return None
        from scipy import stats

        return stats.chi(self.dim, scale=self.initial / math.sqrt(self.dim))

    def bind(self, data: Data | None, rng: np.random.Generator) -> RadialParticles | DensityProblem:
        """Join the model to its population; ``rng`` serves ``random_start`` alone."""
        unwanted(data)
        refuse_above_available("size", f"{self.size:.3g} {self.discretisation}", 8.0 * 8 * self.size, "lower it")
        population = radial_population(self.dim, self.delta, self.activation)
        if self.discretisation == "particles":
            return RadialParticles(population, self.activation, self.dim, self._radii(rng))
        cells, nodes = self.grid.cells if self.grid is not None else self.size, len(population.radii)
        refuse_above_available("size", f"{cells:.3g} cells times {nodes} radii of inputs", 8.0 * 3 * nodes * cells, "lower it")
        return DensityProblem(
            self.grid or self._default_grid(),
            lambda grid: RadialRisk(population, self.activation, self.dim, grid),
            radial_masses(self.law()),
            self.temperature,
            radial_confinement(self.dim, self.temperature, self.weight_decay),
        )

    def _default_grid(self) -> Grid:
        middle = float(self.law().median())
        if not 0 < 1.5 * middle < self.r_max:
            raise ValueError(f"r_max: {self.r_max:g} must exceed 1.5 times the median of the initial law, {middle:g}")
        return Grid.stretched(0.0, self.r_max, self.size, focus=1.5 * middle, finest=self.r_max / self.size / 5)

    def _radii(self, rng: np.random.Generator) -> Array:
        law = self.law()
        if law is None:
            return np.full(self.size, float(self.initial))
        if self.random_start:
            return np.asarray(law.rvs(size=self.size, random_state=rng), float)
        return np.asarray(law.ppf((np.arange(self.size) + 0.5) / self.size), float)
