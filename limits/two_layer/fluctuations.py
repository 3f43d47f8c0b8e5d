r"""Gaussian fluctuations of a finite two-layer network around its mean-field limit.

N particles that start independently from :math:`\rho_0` have :math:`\sqrt N (f_N - f) \to G`, a Gaussian process with mean 0
[rotskoff2018]_ [chen2020]_:

.. math::
    G_t(x) = G^0_t(x) + \int \nabla_\theta F(x, \bar\theta_t) \cdot \delta_t\, d\rho_0, \qquad
    \dot\delta_t = -\nabla^2\Psi_t(\bar\theta_t)\, \delta_t
    - \mathbb E_{x}\big[\partial_f^2\ell\; G_t(x)\, \nabla_\theta F(x, \bar\theta_t)\big], \quad \delta_0 = 0,

where :math:`F(x, \theta) = a\,\phi(w \cdot x + b)`, :math:`\bar\theta_t` is the mean-field flow from :math:`\theta_0`, and :math:`G^0` is
Gaussian with the covariance of :math:`F(\cdot, \bar\theta_t)` under :math:`\rho_0`. On M reference particles :math:`G^0` is drawn as
:math:`M^{-1/2} \sum_j \xi_j (F(\cdot, \bar\theta_j) - \bar f)` with independent standard Gaussian :math:`\xi_j`: this is the derivative of
the system, times :math:`M^{1/2}`, in the weights :math:`(1 + \epsilon\xi_j)/M` of its particles. So is :math:`G`, and it is taken here
as the central difference in :math:`\epsilon` of two weighted systems, which needs no second derivative of :math:`\phi`.

On training points the fluctuation decays with the loss; ask for test points.

References
----------
.. [rotskoff2018] Rotskoff and Vanden-Eijnden, arXiv:1805.00915, proposition 3.7: the central limit theorem.
.. [chen2020] Chen, Rotskoff, Bruna and Vanden-Eijnden, arXiv:2008.09623.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import special

from ...solvers.checks import instance, integer, real, shown
from ...solvers.data import Data
from ...solvers.losses import Loss
from ...solvers.machine.blas_threads import one_blas_thread
from ...solvers.machine.work import watched
from ...solvers.methods.gradient_descent import GradientDescent
from ...solvers.problem import Method
from ...solvers.running.streams import streams
from ...solvers.solution import Solution
from ...solvers.solving import solve
from .mean_field import TwoLayerMeanField
from .problem import ParticleProblem

if TYPE_CHECKING:
    from ..integrable.nonlinear import DeepIntegrable

__all__ = ["Fluctuations", "linearized_fluctuations", "replica_fluctuations"]

Array = np.ndarray

LEVEL = 0.95


class Fluctuations(NamedTuple):
    r"""Variance of :math:`\sqrt N (f_N - f)`.

    Attributes
    ----------
    variance : ndarray, shape (n', k)
    error : ndarray, shape (n', k)
        Standard error of the variance. Its law is skew: two of them hold with less than 95% where draws are few (with 90% for 20).
    mean : ndarray, shape (n', k)
        Output of the limit, as estimated.
    lower, upper : ndarray, shape (n', k)
        The interval that holds the variance with 95%, at each point: :math:`\nu S / \chi^2_\nu` around the variance S, with the degrees
        of freedom :math:`\nu` that the draws have.
    """

    variance: Array
    error: Array
    mean: Array
    lower: Array
    upper: Array


def replica_fluctuations(
    model: TwoLayerMeanField | DeepIntegrable, X: Any, y: Any, method: Any, X_test: Any, *, loss: str | Loss = "squared", rng: Any = None
) -> Fluctuations:
    r"""Variance over the replicas of a model at the end of a run.

    Parameters
    ----------
    model : TwoLayerMeanField or DeepIntegrable
        With ``replicas`` R > 1; each has N = particles / R (or neurons / R). The variance is known to :math:`2/\nu = 2/(R-1) + \kappa/R` of
        its square, with the excess kurtosis :math:`\kappa` of the replicas where it is positive: N is finite, and outputs are not yet
        Gaussian.
    X, y, method, loss, rng
        As in :func:`infwidth.solve`; X and y are None for a model with a population.
    X_test : array_like, shape (n', d)

    Raises
    ------
    ValueError
        Where the model has one replica only, or the data do not fit.
    FloatingPointError
        Where the run diverges.

    Examples
    --------
    At the start it is the variance of one particle's output, here of :math:`a\,(w \cdot x)` with :math:`|x| = 2`:

    >>> import infwidth as iw
    >>> from infwidth.limits import fluctuations
    >>> model = iw.TwoLayerMeanField("linear", particles=400_000, replicas=4000)
    >>> found = fluctuations.replica_fluctuations(model, [[1.0, 0.0]], [0.0], iw.GradientDescent(1.0, 0), [[0.0, 2.0]], rng=0)
    >>> bool(abs(found.variance.item() - 4) < 3 * found.error.item())
    True
    """
    from ..integrable.nonlinear import DeepIntegrable

    if not isinstance(model, DeepIntegrable):
        instance("model", model, TwoLayerMeanField, 'TwoLayerMeanField("relu", particles=1000, replicas=10)')
    _check_method(method)
    if model.replicas < 2:
        raise ValueError(f"replicas: need at least 2 for a variance, got {model.replicas}; raise replicas of the model")
    sol = _final(model, X, y, method, loss, X_test, rng)
    outputs = sol.problem.replica_outputs(sol.state, X_test)
    N = sol.problem.replica_size
    degrees = 2 / (2 / (model.replicas - 1) + _excess_kurtosis(outputs) / model.replicas)
    return _with_interval(N * outputs.var(axis=0, ddof=1), degrees, outputs.mean(axis=0))


def linearized_fluctuations(
    model: TwoLayerMeanField,
    X: Any,
    y: Any,
    method: GradientDescent,
    X_test: Any,
    *,
    draws: int = 100,
    epsilon: float = 0.1,
    loss: str | Loss = "squared",
    rng: Any = None,
) -> Fluctuations:
    r"""Variance of the linearised dynamics around one reference system, exact for the discrete steps as M grows and epsilon vanishes.

    Parameters
    ----------
    model : TwoLayerMeanField
        Its M particles are the reference; ``replicas=1``. Its own error in the variance is :math:`O(M^{-1/2})`.
    X, y, loss
        As in :func:`infwidth.solve`.
    method : GradientDescent
        Full batch.
    X_test : array_like, shape (n', d)
    draws : int
        Number of Gaussian vectors :math:`\xi`, which are the degrees of freedom of the variance; its standard error is
        :math:`\sqrt{2/\mathrm{draws}}` of it.
    epsilon : float
        Of the central difference. The weights are 1 +- epsilon xi, which moves the output by epsilon of its own fluctuation.
    rng : int, Generator or SeedSequence, optional

    Raises
    ------
    ValueError
        Where the method is another one, the model has replicas or a population, or an argument is out of its range.
    FloatingPointError
        Where the reference system or a moved one diverges.

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits import fluctuations
    >>> model = iw.TwoLayerMeanField("linear", particles=4000)
    >>> found = fluctuations.linearized_fluctuations(model, [[1.0, 0.0]], [0.0], iw.GradientDescent(1.0, 0), [[0.0, 2.0]], rng=0)
    >>> bool(abs(found.variance.item() - 4) < 3 * found.error.item())
    True
    """
    instance("model", model, TwoLayerMeanField, 'TwoLayerMeanField("relu", particles=1000)')
    if not isinstance(method, GradientDescent) or method.batch_size is not None:
        raise ValueError(f"method: the linearised dynamics follows full-batch GradientDescent, got {shown(method)}")
    if X_test is None:
        raise ValueError("X_test: is missing; give the inputs at which to measure the fluctuations")
    if model.replicas != 1:
        raise ValueError(f"replicas: the reference is one system, got replicas={model.replicas}; leave it out")
    if model.population is not None:
        raise ValueError("population: the linearised dynamics needs data; use replica_fluctuations, or sample X and y from the teacher")
    draws = integer("draws", draws, least=2, most=1_000_000)
    epsilon = real("epsilon", epsilon, above=0)
    rng_model, rng_draws = streams(rng)
    problem = model.bind(Data.check(X, y, loss, X_test), rng_model)
    M = model.particles

    def outputs(weights: Array) -> Array:
        """At the test inputs, at the end."""
        end = _final(_Bound(problem.weighted(weights)), X, y, method, loss, X_test).test_outputs
        assert end is not None
        return end[-1]

    with one_blas_thread():  # once for all runs: to look for the libraries takes as long as one of them
        mean, moved = outputs(np.ones(M)), []
        for _ in watched("draws", range(draws)):
            xi = rng_draws.standard_normal(M)
            xi -= xi.mean()  # a constant would scale the whole output
            up, down = outputs(1 + epsilon * xi), outputs(1 - epsilon * xi)
            moved.append((up - down).astype(np.float64) / (2 * epsilon) * np.sqrt(M))
    return _with_interval((np.array(moved) ** 2).mean(axis=0), float(draws), mean)


def _with_interval(variance: Array, degrees: Array | float, mean: Array) -> Fluctuations:
    """With that many degrees of freedom."""
    lower, upper = (variance * degrees / (2 * special.gammaincinv(degrees / 2, p)) for p in ((1 + LEVEL) / 2, (1 - LEVEL) / 2))
    return Fluctuations(variance, variance * np.sqrt(2 / degrees), mean, lower, upper)


def _excess_kurtosis(outputs: Array) -> Array:
    """Of the law of outputs (R, n', k), without bias for Gaussian ones; 0 where it is negative or four draws cannot tell."""
    R = len(outputs)
    if R < 4:
        return np.zeros(outputs.shape[1:])
    scatter = outputs - outputs.mean(axis=0)
    square = (scatter**2).mean(axis=0)
    kurtosis = np.divide((scatter**4).mean(axis=0), square**2, out=np.full(square.shape, 3.0), where=square**2 > 0) - 3
    return np.maximum((R - 1) / ((R - 2) * (R - 3)) * ((R + 1) * kurtosis + 6), 0.0)


def _check_method(method: Any) -> None:
    if isinstance(method, type) or not isinstance(method, Method):
        raise TypeError(f"method: need a method, got {shown(method)}; for example GradientDescent(learning_rate=0.1, steps=100)")


@dataclass(frozen=True)
class _Bound:
    """A model whose problem is there already."""

    problem: ParticleProblem

    def bind(self, data: Data | None, rng: np.random.Generator) -> ParticleProblem:
        return self.problem


def _final(model: Any, X: Any, y: Any, method: Any, loss: str | Loss, X_test: Any, rng: Any = None) -> Solution:
    """The end of a run, which must not diverge."""
    sol = solve(model, X, y, method, loss=loss, save_at=[method.end], X_test=X_test, rng=rng)
    if not sol.success:
        raise FloatingPointError(f"method: {sol.message}")
    return sol
