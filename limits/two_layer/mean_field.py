r"""Two-layer networks in the mean-field limit, followed by a system of particles.

.. math::
    f(x) = f_0(x) + \int a\, \phi(w \cdot x + b)\, \rho(da, dw, db), \qquad
    \partial_t \rho = \nabla\cdot(\rho\, \nabla\Psi), \qquad
    \Psi(\theta; \rho) = \mathbb E_x\big[\partial_f \ell \cdot a\, \phi(w \cdot x + b)\big]

for gradient flow [chizat2018]_ [mei2018]_. N particles :math:`\theta_j` that start independently from :math:`\rho_0` and each move by
:math:`\dot\theta_j = -N\, \partial\mathrm{Loss}/\partial\theta_j = -\nabla\Psi(\theta_j)` approximate the limit to
:math:`O(N^{-1/2})`; they are also exactly a network of width N in the mean-field parameterization.

References
----------
.. [chizat2018] Chizat and Bach, arXiv:1805.09545, theorem 2.6: particles in the limit of many.
.. [mei2018] Mei, Montanari and Nguyen, arXiv:1804.06561, theorem 3: stochastic gradient descent follows the equation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...solvers.checks import array, asked, choice, flag, function, instance, integer, real, settle, shown
from ...solvers.data import Data, needed, unwanted
from ...solvers.machine.memory import refuse_above_available
from .. import activations
from ..activations import Activation
from . import initial_laws
from .gaussian_teacher import GaussianTeacher
from .problem import ParticleProblem
from .sampled_teacher import SampledProblem, SampledTeacher
from .teacher_problem import TeacherProblem

__all__ = ["TwoLayerMeanField"]

Array = np.ndarray
Sample = tuple[Array, Array]

PARTS = 4  # arrays as large as the particles: the start, the state, the velocity, and one in passing


@dataclass(frozen=True, eq=False)
class TwoLayerMeanField:
    r"""The two-layer mean-field limit by N particles.

    .. math::
        f(x) = f_0(x) + \frac1N \sum_{j=1}^N a_j\, \phi(w_j \cdot x + b_j), \qquad
        \dot\theta_j = -N\, \partial\mathrm{Loss}/\partial\theta_j, \quad \theta_j = (w_j, b_j, a_j)

    Time is that of the gradient flow: ``learning_rate * step`` for gradient descent.

    Parameters
    ----------
    activation : str or Activation
    particles : int
        N, over all replicas.
    bias : bool
        Whether the particles have biases :math:`b_j`.
    initial : {"gaussian", "sphere"}, callable or pair of ndarray
        Law of the particles at t = 0 (see :mod:`infwidth.limits.two_layer.initial_laws`); or ``f(rng, N, D, k) -> (W, a)``, called for each
        replica; or a sample ``(W, a)`` of shapes (N, D) and (N, k), which is shuffled before it is split into replicas. D is the input
        dimension, plus 1 (the last column) with biases.
    weight_std, output_std : float
        Scales :math:`\sigma_w, \sigma_a` of the named laws.
    quasi_random : bool
        Scrambled Sobol points in place of independent ones for the named laws.
    offset : callable, optional
        :math:`f_0`: inputs (n, d) to outputs (n, k), added to the particles' average and not trained.
    replicas : int
        R > 1 splits the N particles into R systems that do not interact. The outputs are their mean, and ``sol.error`` its Monte-Carlo
        error: a simultaneous 95% bound over the outputs at that time, at the training points and, where ``solve`` is given ``X_test``,
        at the test points. Needs :math:`R \ll \sqrt N`, see Notes.
    population : GaussianTeacher or SampledTeacher, optional
        Makes ``solve(model, method=method)`` train on the teacher's population: full gradients in closed form, and fresh samples where
        the method has a ``batch_size`` (one-pass SGD). See :class:`GaussianTeacher` for what ``sol.loss`` costs and ``sol.error`` covers. A
        :class:`SampledTeacher` is any function of yours, for one-pass SGD alone.
    output_bias : bool
        Whether there is a bias in the output too, which starts at 0 and learns at the base rate: with ``bias`` the limit of IP-bias.
    train_output : bool
        Whether the output weights :math:`a_j` move. False is the network whose output layer has the rate 0
        (``Parameterization(rates=(1, 0))``); noise and weight decay leave them alone too.
    compiled : bool
        False takes the numpy reference instead of the compiled engines.
    takes_noise : bool, keyword only
        False for the limit of networks whose parameters have another unit (:math:`b \ne 0`), as :func:`~infwidth.limits.scaling.limit`
        finds it: ``Langevin`` refuses it then.

    Notes
    -----
    The particles are ``W, a = sol.problem.particles(sol.state)``: views of shapes (N, D), biases in the last column, and (N, k); replica r
    has the rows ``r * N // R`` to ``(r + 1) * N // R``. Inside ``observables={"name": f(t, state, problem)}`` it is
    ``problem.particles(state)``.

    ``sol.error`` is what the scatter of the replicas shows: the :math:`O(N^{-1/2})` fluctuation of their mean. Each replica has N / R
    particles, and the bias :math:`O(R/N)` of a system of that size, common to all, is not in it: with R of the order of
    :math:`\sqrt N` or above the bound is too small (64 replicas of 20 particles: it held in 10% of the runs). On training points the
    fluctuation decays with the loss, on test points it does not: without ``X_test`` the bound says nothing of ``sol.predict``. For other
    points take :func:`infwidth.limits.replicas.simultaneous_error` of ``sol.problem.replica_outputs(sol.state, X)``. With few replicas
    and many points it is cautious: it holds more often than 95%.

    With relu and other kinked activations an adaptive flow at tight tolerances crawls over the kinks, and particles that slide along one
    stop it: use gradient descent at a small rate there. What is conserved or spent is observed with
    :mod:`infwidth.limits.particle_diagnostics`.

    Raises
    ------
    ValueError
        Where an argument is out of its range, the sample or the offset do not fit the data, replicas are copies of each other, or data
        are given to a model with a population.
    TypeError
        Where the offset is no function or the population no teacher.

    Examples
    --------
    >>> import infwidth as iw
    >>> X, y = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0]]), np.array([1.0, -1.0, 0.5])
    >>> limit = iw.TwoLayerMeanField("relu", particles=4000, bias=True, replicas=8)
    >>> sol = iw.solve(limit, X, y, iw.GradientDescent(learning_rate=0.2, steps=100), rng=0)
    >>> bool(sol.loss[-1] < 0.01), sol.error.shape, bool(sol.error[0] < 0.1)
    (True, (101,), True)
    """

    activation: str | Activation
    particles: int
    bias: bool = False
    initial: str | Callable[[np.random.Generator, int, int, int], Sample] | Sample = "gaussian"
    weight_std: float = 1.0
    output_std: float = 1.0
    quasi_random: bool = False
    offset: Callable[[Array], Array] | None = None
    replicas: int = 1
    population: GaussianTeacher | SampledTeacher | None = None
    compiled: bool = True
    output_bias: bool = False
    train_output: bool = True
    takes_noise: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        activations.get(self.activation)
        settle(self, particles=integer("particles", self.particles, least=1), replicas=integer("replicas", self.replicas, least=1))
        flags = ("bias", "quasi_random", "compiled", "output_bias", "train_output", "takes_noise")
        settle(self, **{name: flag(name, getattr(self, name)) for name in flags})
        settle(self, **{name: real(name, getattr(self, name), least=0) for name in ("weight_std", "output_std")})
        if self.particles % self.replicas:
            down = self.particles - self.particles % self.replicas
            raise ValueError(f"replicas: {self.replicas} does not divide particles={self.particles}; take particles={down + self.replicas}")
        if isinstance(self.initial, str):
            choice("initial", self.initial, initial_laws.LAWS, "give one of these, a function or a sample (W, a)")
        elif callable(self.initial):
            function("initial", self.initial, "f(rng, N, D, k) -> (W, a)")
        else:
            _pair(self.initial)
        if not isinstance(self.initial, str) and (self.quasi_random or self.weight_std != 1 or self.output_std != 1):
            raise ValueError(
                "initial: quasi_random, weight_std and output_std belong to the named laws; leave them out with your own sample"
            )
        if self.offset is not None:
            function("offset", self.offset, "inputs (n, d) to outputs (n, k)")
        if self.population is not None:
            if not isinstance(self.population, SampledTeacher):
                example = 'GaussianTeacher([[1.0, 0.0]], [1.0], "erf"), or SampledTeacher(f, d); leave it out to train on X and y'
                instance("population", self.population, GaussianTeacher, example)

    def bind(self, data: Data | None, rng: np.random.Generator) -> ParticleProblem:
        """Draw the particles and join them to the data, or to the population where ``data`` is None."""
        activation = activations.get(self.activation)
        if self.population is not None:
            unwanted(data, "call solve without X and y, or leave out the population")
            return self._join(self.population, rng)
        data = needed(data, "give X and y, or a population=GaussianTeacher(...) to the model")
        points = data.n + (0 if data.X_test is None else len(data.X_test))
        size = 8.0 * 3 * self.replicas * points * data.outputs
        refuse_above_available("replicas", f"outputs of {self.replicas:.3g} replicas at {points:.3g} points", size, "lower one of them")
        W, a = self._start(rng, data.X.shape[1], data.outputs, data.X.dtype)
        problem = ParticleProblem(data, activation, W, a, *self._options())
        problem.takes_noise = self.takes_noise
        return problem

    def _options(self) -> tuple[bool, Callable[[Array], Array] | None, int, bool, bool, bool]:
        return self.bias, self.offset, self.replicas, self.compiled, self.output_bias, self.train_output

    def _join(self, teacher: GaussianTeacher | SampledTeacher, rng: np.random.Generator) -> ParticleProblem:
        if isinstance(teacher, SampledTeacher):
            W, a = self._start(rng, teacher.dim, teacher.outputs, np.dtype(np.float64))
            return SampledProblem(teacher, activations.get(self.activation), W, a, *self._options())
        if activations.get(self.activation).name != teacher.activation:
            raise ValueError(
                f"activation: the student's is {activations.get(self.activation).name!r}, the teacher's {teacher.activation!r}; the closed "
                "form needs one"
            )
        if self.bias or self.output_bias or self.offset is not None:
            raise ValueError("population: biases and an offset have no closed form; leave them out or sample data from the teacher")
        W, a = self._start(rng, teacher.dim, 1, np.dtype(np.float64))
        return TeacherProblem(teacher, W, a, self.replicas, self.compiled, self.train_output)

    def _start(self, rng: np.random.Generator, d: int, k: int, dtype: np.dtype) -> Sample:
        """Initial particles, drawn in float64 whatever the dtype, so that both precisions start at the same point."""
        size, D = self.particles // self.replicas, d + self.bias
        needs = 8.0 * PARTS * self.particles * (D + k)
        refuse_above_available(
            "particles", f"{self.particles:.3g} particles of {D + k} weights and their moves", needs, "take fewer particles"
        )
        if isinstance(self.initial, str):
            law = self.initial
            parts = [initial_laws.draw(law, rng, size, D, k, self.quasi_random) for _ in range(self.replicas)]
            W, a = (np.concatenate(part) for part in zip(*parts, strict=True))
            W, a = self.weight_std * W, self.output_std * a
        elif callable(self.initial):
            sign = "(rng, N, D, k) to a pair (W, a) of shapes (N, D) and (N, k)"
            parts = [_pair(asked("initial", self.initial, rng, size, D, k, signature=sign), "must return") for _ in range(self.replicas)]
            _refuse_copies(parts)
            W, a = (np.concatenate([array("initial", part[i]) for part in parts]) for i in (0, 1))
        else:
            W, a = (array("initial", part) for part in _pair(self.initial))
        if W.shape != (self.particles, D) or a.shape != (self.particles, k):
            raise ValueError(
                f"initial: need weights of shape {(self.particles, D)} and output weights of shape {(self.particles, k)}"
                f"{' (the last weight is the bias)' if self.bias else ''}, got {W.shape} and {a.shape}"
            )
        if self.replicas > 1 and not isinstance(self.initial, str) and not callable(self.initial):
            shuffled = rng.permutation(self.particles)  # the order of a sample may mean something; parts of it would be no replicas then
            W, a = W[shuffled], a[shuffled]
        return W.astype(dtype), a.astype(dtype)


def _refuse_copies(parts: list[Sample]) -> None:
    prints = {tuple(np.asarray(part).tobytes() for part in sample) for sample in parts}
    if len(prints) < len(parts):
        raise ValueError("initial: gave two replicas the same particles, so their scatter is no error; draw them from its argument rng")


def _pair(sample: Any, must: str = "need a law's name, a function or") -> Any:
    if not isinstance(sample, tuple | list) or len(sample) != 2:
        raise ValueError(f"initial: {must} a pair (W, a), got {shown(sample)}")
    return sample
