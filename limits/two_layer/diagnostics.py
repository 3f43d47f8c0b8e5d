r"""What a particle system conserves, spends and approaches, as observables of a solve.

======================  =========================================  ===========================================================
observable              formula                                    law
======================  =========================================  ===========================================================
:func:`dissipation`     :math:`\int |\nabla\Psi|^2 d\rho`          gradient flow: equals :math:`-d\,\mathrm{Loss}/dt`
:func:`imbalance`       :math:`|a_j|^2 - (|w_j|^2 + b_j^2)/p`      gradient flow, p-homogeneous: constant
:class:`KineticEnergy`  :math:`\tfrac12 \int |v|^2 d\rho`          heavy ball: Loss + it decays at :math:`\gamma\int|v|^2 d\rho`
:class:`FreeEnergy`     Loss + ridge :math:`- \tau` entropy        Langevin: decreases
======================  =========================================  ===========================================================

>>> import infwidth as iw
>>> from infwidth.limits import particle_diagnostics as diagnostics
>>> X, y = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([1.0, -1.0])
>>> sol = iw.solve(iw.TwoLayerMeanField("relu", 500), X, y, iw.GradientFlow(2.0), rng=0,
...                observables={"dissipation": diagnostics.dissipation, "imbalance": diagnostics.imbalance})
>>> bool(np.ptp(sol.observables["imbalance"], axis=0).max() < 1e-4)
True
>>> bool(diagnostics.energy_defect(sol.t, sol.loss, sol.observables["dissipation"]) < 0.01)
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...solvers.checks import array, integer, observed, real, settle, squarable, vector
from .problem import ParticleProblem

__all__ = ["FreeEnergy", "KineticEnergy", "dissipation", "energy_defect", "entropy", "imbalance"]

Array = np.ndarray

PARTICLES = 'TwoLayerMeanField("relu", particles=1000)'


def dissipation(t: float, state: Array, problem: Any) -> float:
    r"""Observable: mean squared velocity of the particles, :math:`\frac1N\sum_j |\dot\theta_j|^2`.

    With replicas: their mean, and the identity holds for each of them, not for the loss of their mean.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (p,)
    problem : ParticleProblem

    Returns
    -------
    float

    Raises
    ------
    ValueError, TypeError
        Where the problem is not one of particles.

    Examples
    --------
    At every time it is the rate at which the loss falls:

    >>> import infwidth as iw
    >>> from infwidth.limits import particle_diagnostics as diagnostics
    >>> X, y, watch = np.eye(2), np.array([1.0, -1.0]), {"spent": diagnostics.dissipation}
    >>> times = np.linspace(0, 1, 101)
    >>> sol = iw.solve(iw.TwoLayerMeanField("tanh", 100), X, y, iw.GradientFlow(1.0), rng=0, save_at=times, observables=watch)
    >>> diagnostics.energy_defect(sol.t, sol.loss, sol.observables["spent"]) < 1e-3
    True
    """
    state = observed(state, problem, ParticleProblem, PARTICLES)
    velocity = np.empty_like(state)
    problem.evaluate(state, velocity)
    return problem.mean_square(velocity)


def imbalance(t: float, state: Array, problem: Any) -> Array:
    r"""Observable: :math:`|a_j|^2 - (|w_j|^2 + b_j^2)/p` of every particle, for a p-homogeneous activation.

    Parameters
    ----------
    t : float
        Not used.
    state : ndarray, shape (p,)
    problem : ParticleProblem

    Returns
    -------
    ndarray, shape (N,)

    Raises
    ------
    ValueError, TypeError
        Where the activation is not homogeneous of positive degree, or the problem is not one of particles.

    Examples
    --------
    A flow keeps it:

    >>> import infwidth as iw
    >>> X, y, watch = np.eye(2), np.array([1.0, -1.0]), {"kept": iw.limits.particle_diagnostics.imbalance}
    >>> flow = iw.GradientFlow(2.0, rtol=1e-9, atol=1e-12)
    >>> sol = iw.solve(iw.TwoLayerMeanField("relu", 100), X, y, flow, rng=0, save_at=[0, 2], observables=watch)
    >>> bool(np.abs(np.diff(sol.observables["kept"], axis=0)).max() < 1e-6)
    True
    """
    state = observed(state, problem, ParticleProblem, PARTICLES)
    p = problem.activation.homogeneity
    if not p:
        what = "is not homogeneous of positive degree, so nothing is conserved particle by particle"
        raise ValueError(f"activation: {problem.activation.name!r} {what}; use relu, abs or another that is")
    W, a = problem.particles(state)
    return (a**2).sum(axis=1) - (W**2).sum(axis=1) / p


@dataclass(frozen=True)
class KineticEnergy:
    r"""Kinetic energy :math:`\frac1{2N}\sum_j|q_j|^2` of the heavy ball, whose step s moves by :math:`h\,q_s`.

    ``Loss + kinetic energy`` decreases, at the rate :math:`\gamma\int|q|^2 d\rho`, up to :math:`O(h)`. With replicas: the mean of theirs,
    and this holds for each of them, not for the loss of their mean.

    Parameters
    ----------
    step_size : float
        That of the method.

    Raises
    ------
    ValueError
        Where the step is not positive; when it is called, where the method has no momentum.

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits import particle_diagnostics as diagnostics
    >>> sol = iw.solve(iw.TwoLayerMeanField("relu", 500), np.eye(2), [1.0, -1.0], iw.HeavyBall(0.05, friction=1.0, steps=200), rng=0,
    ...                observables={"kinetic": diagnostics.KineticEnergy(0.05)})
    >>> bool((np.diff(sol.loss + sol.observables["kinetic"]) < 0).all()), bool((np.diff(sol.observables["kinetic"]) < 0).all())
    (True, False)
    """

    step_size: float
    needs_memory = True

    def __post_init__(self) -> None:
        settle(self, step_size=real("step_size", self.step_size, least=1e-100, most=1e100))

    def __call__(self, t: float, state: Array, problem: Any, memory: dict[str, Any]) -> float:
        state = observed(state, problem, ParticleProblem, PARTICLES)
        move = memory.get("momentum") if isinstance(memory, dict) else None
        if not isinstance(move, np.ndarray) or move.shape != state.shape:
            raise ValueError("memory: KineticEnergy needs that of a method with momentum; use HeavyBall, or leave the observable out")
        return 0.5 * problem.mean_square(move) / self.step_size**2


@dataclass(frozen=True)
class FreeEnergy:
    r"""Free energy :math:`\mathrm{Loss} + \frac\lambda2\int|\theta|^2 d\rho + \tau\int\rho\log\rho` of Langevin dynamics.

    The entropy is that of the nearest neighbours, :func:`entropy`. It needs few weights per particle. With replicas: the mean of their
    free energies, each with its own loss and entropy; ``sol.loss``, that of their mean output, is not in it.

    Parameters
    ----------
    temperature, weight_decay : float
        Those of the method.

    Raises
    ------
    ValueError
        Where a number is negative; when it is called, where the model has an output bias, or particles coincide.
    """

    temperature: float
    weight_decay: float

    def __post_init__(self) -> None:
        settle(self, **{name: real(name, getattr(self, name), least=0) for name in ("temperature", "weight_decay")})

    def __call__(self, t: float, state: Array, problem: Any) -> float:
        state = squarable("state", observed(state, problem, ParticleProblem, PARTICLES))
        if not np.isfinite(state).all():
            raise ValueError("state: holds NaN or infinity, which have no free energy; ask for it before the run diverges")
        if problem.output_biases(state).size:
            raise ValueError("observables: FreeEnergy is that of particles, an output bias has no entropy; leave output_bias out")
        cloud = np.column_stack(problem.particles(state))
        ridge = 0.5 * self.weight_decay * float(state @ state) / len(cloud)
        spread = np.mean([entropy(replica) for replica in np.split(cloud, problem.replicas)])
        return float(problem.replica_losses(state).mean() + ridge - self.temperature * spread)


def entropy(cloud: Array, neighbour: int = 4) -> float:
    r"""Entropy :math:`-\int\rho\log\rho` from the distance :math:`\epsilon_j` of each particle to its k-th neighbour [kozachenko1987]_:

    .. math::
        \psi(N) - \psi(k) + \log V_D + \frac DN\sum_j \log\epsilon_j .

    Parameters
    ----------
    cloud : ndarray, shape (N, D)
        Distinct points; the bias grows with D (a few percent for Gaussians at D = 4, N = 10^4).
    neighbour : int
        k.

    Raises
    ------
    ValueError
        Where some points coincide, or there are no more than k.

    References
    ----------
    .. [kozachenko1987] Kozachenko and Leonenko, Probl. Inf. Transm. 23, 1987.

    Examples
    --------
    >>> sample = np.random.default_rng(0).standard_normal((20000, 2))
    >>> bool(abs(entropy(sample) - np.log(2 * np.pi * np.e)) < 0.03)
    True
    """
    from scipy import special
    from scipy.spatial import KDTree

    cloud = array("cloud", cloud)
    N, D = cloud.shape
    neighbour = integer("neighbour", neighbour, least=1)
    if neighbour >= N:
        raise ValueError(f"neighbour: {neighbour} needs more than {N} particles; lower it")
    distance = np.asarray(KDTree(cloud).query(cloud, neighbour + 1)[0])[:, -1]
    if not distance.min() > 0:
        raise ValueError("cloud: some particles coincide, so their entropy is minus infinity; use distinct particles")
    log_ball = D / 2 * math.log(math.pi) - math.lgamma(D / 2 + 1)
    return float(special.digamma(N) - special.digamma(neighbour) + log_ball + D * np.log(distance).mean())


def energy_defect(t: Array, loss: Array, spent: Array) -> float:
    r"""Relative error of the energy identity, :math:`|\Delta\mathrm{Loss} + \int \mathrm{spent}\,dt| / |\Delta\mathrm{Loss}|`.

    The trapezoid rule over the saved times. Under gradient descent it is :math:`O(\eta)` where the activation is smooth. Particles that
    slide along a kink of relu, with a velocity that alternates from step to step, are moved by its mean alone and spend less than
    :func:`dissipation` says, by a part that does not vanish with the rate.

    Parameters
    ----------
    t, loss, spent : ndarray, shape (T,)

    Raises
    ------
    ValueError
        Where the loss ends where it began, so that there is nothing to be relative to.

    Examples
    --------
    A loss that falls by 1, spent at the rate 2t:

    >>> from infwidth.limits import particle_diagnostics as diagnostics
    >>> t = np.linspace(0, 1, 11)
    >>> diagnostics.energy_defect(t, 1 - t**2, 2 * t) < 1e-12
    True
    """
    from scipy.integrate import trapezoid

    t, loss = vector("t", t), vector("loss", loss)
    if not (np.all(np.diff(t) > 0) or np.all(np.diff(t) < 0)):
        raise ValueError("t: need times in order, such as sol.t")
    if len(loss) != len(t):
        raise ValueError(f"loss: need one per time ({len(t)}), got {len(loss)}")
    spent = vector("spent", spent, length=len(t), each="time")
    drop = loss[0] - loss[-1]
    if drop == 0:
        raise ValueError(f"loss: is {loss[-1]:g} at the start and at the end, so the defect has no scale; give a run whose loss changes")
    return float(abs(trapezoid(spent, t) - drop) / abs(drop))
