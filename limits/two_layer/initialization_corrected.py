r"""The initialization-corrected mean-field limit, the only one with finite logits, finite kernels and kernels that evolve.

.. math::
    f_t(x) = f_{MF}(x; \theta_t) - f_{MF}(x; \theta_0) + f_{q_\sigma = -1/2}(x; \theta_0), \qquad
    f_{MF} = \frac{\sqrt{d_*}}d \sum_r a_r\,\phi(w_r \cdot x), \quad f_{-1/2} = \frac1{\sqrt d} \sum_r a_r\,\phi(w_r \cdot x),

trained through the first term alone [golikov2020dynamically]_, at rates :math:`\eta\, d/d_*`. At the reference width :math:`d = d_*` this
is the ordinary network :math:`d_*^{-1/2} \sum_r a_r\phi(w_r \cdot x)` at the rate :math:`\eta`, as at every point of the plane of scalings.

As the width grows the last term becomes a Gaussian process G of the covariance
:math:`\sigma_a^2\,\mathbb E_w\,\phi(w \cdot x)\phi(w \cdot x')`, independent of the law of the particles, which is deterministic given G:
the limit is the mean-field flow with a random offset. The law of the trained outputs is that over G, and Gaussian at the start alone: the
residuals of the flow depend on G.

References
----------
.. [golikov2020dynamically] Golikov, arXiv:2006.06574.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...solvers.checks import asked, flag, function, integer, real, returned, settle
from ...solvers.data import Data, needed
from ...solvers.machine.memory import refuse_above_available
from .. import activations, gaussian
from ..activations import Activation
from ..gaussian.draws import ONE_DRAW, refuse_too_many_draws
from .corrected_problem import CorrectedParticles
from .initial_laws import draw

__all__ = ["InitCorrectedMeanField", "InitCorrectedNetwork"]

Array = np.ndarray

LARGEST = 1e50  # standard deviation
SIGNATURE = "inputs (n, d) to outputs (n, k)"


@dataclass(frozen=True)
class InitCorrectedMeanField:
    r"""The limit: a mean-field flow of N particles with a Gaussian process as offset.

    .. math::
        f_t = \sqrt{d_*}\,(F_t - F_0) + G, \qquad F_t(x) = \frac1N \sum_j a_j\,\phi(w_j \cdot x), \qquad
        (\dot w_j, \dot a_j) = -\frac1{\sqrt{d_*}}\, \nabla\, \frac1n \sum_i \partial_f\ell(f_t(x_i))\, a_j\phi(w_j \cdot x_i)

    Time is learning rate times steps, as in the network of the reference width.

    Parameters
    ----------
    activation : str or Activation
    particles : int
        N, over all replicas; the deterministic part is right to :math:`O((R/N)^{1/2})` for each draw.
    weight_std, output_std : float
        :math:`\sigma_w, \sigma_a` of the Gaussian start.
    replicas : int
        R > 1 splits the N particles into R systems, each with a path G of its own, at training and test points. ``sol.outputs`` is then
        their mean over draws, ``sol.error`` its Monte-Carlo error, ``sol.loss`` the mean of their losses, and ``sol.covariance`` the law.
    reference_width : int
        :math:`d_*`: the network of that width is the ordinary one, ``scaling.plane_limit(..., reference_width)``.
    quasi_random : bool
        Scrambled Sobol points in place of independent particles.
    start : callable, optional
        G, inputs (n, d) to outputs (n, k), such as that of one network. Default: a path of the Gaussian process, drawn by ``rng``.

    Attributes
    ----------
    random_start : bool
        Whether G is drawn.

    Notes
    -----
    ``sol.covariance`` (T, n + n', k, n + n', k) has the training points first and then the n' points of ``X_test``; it is that of the R
    draws, and ``sol.covariance_error`` (T,) its statistical error, of order :math:`R^{-1/2}`, in all entries at once with 95%. At t = 0 it
    is that of the process, exactly but for that error. Later each draw has the fluctuation of N / R particles too, which adds
    :math:`O(R/N)` to it, and to the mean a bias of that order, which is in neither error: keep N / R well above :math:`\sqrt R` (256 draws
    of 20 particles: the bound held in one run of 80; ``benchmarks/random_limits.py`` has the coverage by both). Both take
    :math:`(n + n')^2 k^2` numbers per saved time: give ``save_at``. The draws themselves are ``sol.problem.replica_outputs(sol.state, X)``,
    (R, n', k) at any points. Minibatches are the same for all draws: the law is given the batches.

    All methods of :class:`TwoLayerMeanField` follow it. :class:`~infwidth.solvers.RMSProp` divides a particle's gradient by its own size,
    so that neither the width nor :math:`d_*` is in its moves; :math:`\varepsilon` is in the unit of the gradients of the reference network.

    Raises
    ------
    ValueError
        Where an argument is out of its range, replicas do not divide the particles, ``start`` is given to several replicas, or the outputs
        of all replicas or their covariance do not fit into memory.
    TypeError
        Where ``start`` is no function.

    Examples
    --------
    Logits of order 1 at the start, of the covariance :math:`\mathbb E\,\phi(z)^2 = 1/2` at two orthogonal points of norm 1. Training takes
    the uncertainty away where there are data; at the test point between them a part of it stays:

    >>> import infwidth as iw
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> limit = iw.limits.InitCorrectedMeanField("relu", particles=256 * 64, replicas=256)
    >>> sol = iw.solve(limit, X, y, iw.GradientDescent(0.5, 60), X_test=[[0.6, 0.8]], rng=0, save_at=[0, 60])
    >>> sol.covariance.shape, sol.covariance_error.shape
    ((2, 3, 1, 3, 1), (2,))
    >>> start, end = sol.covariance[:, :, 0, :, 0]
    >>> bool(abs(np.diag(start) - 0.5).max() < sol.covariance_error[0] < 0.2)
    True
    >>> bool(np.diag(end)[:2].max() < 1e-3 < end[2, 2])
    True
    """

    activation: str | Activation
    particles: int
    weight_std: float = 1.0
    output_std: float = 1.0
    replicas: int = 1
    reference_width: int = 1
    quasi_random: bool = False
    start: Callable[[Array], Array] | None = None

    def __post_init__(self) -> None:
        _settle(self, "particles", "replicas")
        settle(self, quasi_random=flag("quasi_random", self.quasi_random))
        if self.particles % self.replicas:
            up = self.particles + self.replicas - self.particles % self.replicas
            raise ValueError(f"replicas: {self.replicas} does not divide particles={self.particles}; take particles={up}")
        if self.start is not None:
            function("start", self.start, SIGNATURE)
            if self.replicas > 1:
                raise ValueError(
                    f"replicas: with the start that is given the limit has one value, not the law that {self.replicas} draws would tell; "
                    "leave replicas out, or start"
                )

    @property
    def random_start(self) -> bool:
        return self.start is None

    def started_at(self, start: Callable[[Array], Array]) -> InitCorrectedMeanField:
        """The limit from a ``start`` G that is known, such as that of one network: a function of inputs (n, d) to outputs (n, k)."""
        return replace(self, start=start, replicas=1, particles=self.particles // self.replicas)

    def bind(self, data: Data | None, rng: np.random.Generator) -> CorrectedParticles:
        """Draw the particles, and independently the paths."""
        data = needed(data, "give X and y")
        d, k, R = data.X.shape[1], data.outputs, self.replicas
        refuse_above_available(
            "particles", f"{self.particles:.3g} particles of {d + k} weights", 32.0 * self.particles * (d + k), "take fewer"
        )
        refuse_too_many_draws(R, data)
        parts = [draw("gaussian", rng, self.particles // R, d, k, self.quasi_random) for _ in range(R)]
        W, a = _scaled(self, data, *(np.concatenate(part) for part in zip(*parts, strict=True)))
        note = ONE_DRAW if self.start is None and R == 1 else ""
        start = self._paths(k, rng.spawn(1)[0]) if self.start is None else self._known(k, self.start)
        return CorrectedParticles(data, activations.get(self.activation), W, a, start, self.reference_width**0.5, R, note)

    def _paths(self, outputs: int, rng: np.random.Generator) -> Callable[[Array], Array]:
        process = gaussian.ProcessPath(self._process_covariance, self.replicas * outputs, rng)
        return lambda X: process(X).reshape(len(X), self.replicas, outputs).swapaxes(0, 1)

    def _known(self, outputs: int, start: Callable[[Array], Array]) -> Callable[[Array], Array]:
        def known(X: Array) -> Array:
            values = asked("start", start, X, signature=SIGNATURE)
            return returned("start", values, (len(X), outputs), f"{len(X)} inputs").astype(X.dtype, copy=False)[None]

        return known

    def _process_covariance(self, X: Array, Z: Array) -> Array:
        x, z = np.linalg.norm(X, axis=1), np.linalg.norm(Z, axis=1)
        c = np.divide(X @ Z.T, np.outer(x, z), out=np.zeros((len(X), len(Z))), where=np.outer(x, z) > 0)
        q = self.weight_std**2
        return self.output_std**2 * gaussian.dual(self.activation, q * x[:, None] ** 2, q * z**2, np.clip(c, -1, 1)).value


@dataclass(frozen=True)
class InitCorrectedNetwork:
    r"""The finite network whose limit :class:`InitCorrectedMeanField` is: all three terms from the same weights.

    Parameters
    ----------
    width : int
        d.
    activation : str or Activation
    weight_std, output_std : float
    reference_width : int
        :math:`d_*`: the width at which it is the ordinary network of multiplier :math:`d_*^{-1/2}`.

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    >>> import infwidth as iw
    >>> network = iw.limits.InitCorrectedNetwork(256, "relu")
    >>> sol = iw.solve(network, np.eye(2), [1.0, -1.0], iw.GradientDescent(0.5, 100), rng=0)
    >>> bool(abs(sol.outputs[0]).max() > 0.1), bool(sol.loss[-1] < 1e-3)
    (True, True)
    """

    width: int
    activation: str | Activation
    weight_std: float = 1.0
    output_std: float = 1.0
    reference_width: int = 1

    def __post_init__(self) -> None:
        _settle(self, "width")

    def limit(self) -> InitCorrectedMeanField:
        """Its limit; a solve of it draws G, :func:`infwidth.compare` takes that of each network."""
        return InitCorrectedMeanField(
            self.activation, 4096, self.weight_std, self.output_std, reference_width=self.reference_width, quasi_random=True
        )

    def bind(self, data: Data | None, rng: np.random.Generator) -> CorrectedParticles:
        """Draw the weights."""
        data = needed(data, "give X and y")
        size = 8.0 * 4 * self.width * (data.X.shape[1] + data.outputs)
        refuse_above_available("width", f"{self.width:.3g} neurons of {data.X.shape[1]} inputs", size, "lower it")
        W, a = _scaled(self, data, *draw("gaussian", rng, self.width, data.X.shape[1], data.outputs))
        value, W0, a0 = activations.get(self.activation).value, W.copy(), a.copy()

        def start(X: Array) -> Array:
            outputs: Array = value(X @ W0.T.astype(X.dtype)) @ a0.astype(X.dtype) / len(W0) ** 0.5
            return outputs[None]

        return CorrectedParticles(data, activations.get(self.activation), W, a, start, self.reference_width**0.5)


def _settle(model: InitCorrectedMeanField | InitCorrectedNetwork, *counts: str) -> None:
    """What both have."""
    activations.get(model.activation)
    settle(model, **{name: integer(name, getattr(model, name), least=1) for name in (*counts, "reference_width")})
    settle(model, **{name: real(name, getattr(model, name), least=0, most=LARGEST) for name in ("weight_std", "output_std")})


def _scaled(model: InitCorrectedMeanField | InitCorrectedNetwork, data: Data, W: Array, a: Array) -> tuple[Array, Array]:
    """The weights at the start in the precision of the data."""
    return (model.weight_std * W).astype(data.X.dtype), (model.output_std * a).astype(data.X.dtype)
