r"""Training with a tangent kernel: the limit of networks in the kernel regime.

.. math:: f_t(x) = f_0(x) + \sum_i \Theta(x, x_i)\, \alpha_{t,i}, \qquad \dot\alpha_i = -\frac1n\, \partial_f \ell(f_t(x_i), y_i)

for gradient flow on the mean loss [jacot2018]_ [lee2019]_. The state is :math:`\alpha`, the coefficients of the parameters' move in the
tangent features, so gradient descent, minibatches and momentum of the network are those of :math:`\alpha`. For the squared loss
:func:`~infwidth.limits.kernels.ensemble` has everything in closed form.

References
----------
.. [jacot2018] Jacot, Gabriel and Hongler, arXiv:1806.07572, theorems 1 and 2.
.. [lee2019] Lee et al., arXiv:1902.06720.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from ...solvers.abilities import Fused, WithRemark
from ...solvers.checks import asked, integer, returned, settle
from ...solvers.data import Data, needed
from ...solvers.machine.memory import by_parts
from ...solvers.problem import Coordinates, Evaluation, Update
from ..gaussian.draws import ONE_DRAW, refuse_too_many_draws
from ..gaussian.process import ProcessPath
from .kernel import Kernel, needed_kernel

__all__ = ["NeuralTangentLimit", "TangentProblem", "Tangents"]

Array = np.ndarray

LARGEST = 4e9  # bytes of a Gram matrix


@dataclass(frozen=True)
class NeuralTangentLimit:
    r"""The limit of a network in the kernel regime; any loss, and any method but noise.

    Time is that of the network: learning rate times steps, in the units of the kernel (``kernels.of(network)`` has the network's own).

    Parameters
    ----------
    kernel : Kernel
        Of :mod:`infwidth.limits.kernels`; its ``ntk`` moves the outputs.
    initial : {"zero", "gaussian"} or callable
        :math:`f_0`: zero, one path of the Gaussian process with covariance ``kernel.nngp`` (drawn by ``rng``, as an infinitely wide random
        network has it), or a function of inputs (n, d) to outputs (n, k), such as those of a finite network at its start.
    replicas : int
        R > 1 trains R draws of :math:`f_0` at once (``initial="gaussian"``). ``sol.outputs`` is then their mean, ``sol.error`` its
        Monte-Carlo error, ``sol.loss`` the mean of their losses, and ``sol.covariance`` (T, n + n', k, n + n', k) the law over draws at the
        training points and then the n' of ``X_test``; ``sol.covariance_error`` (T,) bounds its statistical error, of order
        :math:`R^{-1/2}`, in all entries at once with 95%. For the squared loss :func:`~infwidth.limits.kernels.ensemble` has both
        exactly; for other losses they have no closed form.

    Raises
    ------
    TypeError
        Where the kernel is no Kernel or ``initial`` neither a name nor a function.
    ValueError
        Where the name is not known, the Gram matrix would take more than 4 GB, several replicas have one start, or their outputs and
        covariance do not fit into memory.

    Examples
    --------
    >>> import infwidth as iw
    >>> from infwidth.limits import kernels
    >>> network = iw.Network(2, 2, 64, "relu", iw.Parameterization.ntk(2))
    >>> X, y = np.array([[1.0, 0.0], [0.5, 1.0], [-1.0, 0.3]]), np.array([1.0, -1.0, 0.5])
    >>> limit = iw.NeuralTangentLimit(kernels.of(network), initial="gaussian")
    >>> sol = iw.solve(limit, X, y, iw.GradientDescent(0.2, steps=300), rng=0)
    >>> bool(abs(sol.outputs[0]).max() > 0.1), bool(sol.loss[-1] < 1e-4)
    (True, True)

    A hundred draws: under the logistic loss outputs grow for ever and forget where they started at the training points, not elsewhere.

    >>> limit = iw.NeuralTangentLimit(kernels.of(network), initial="gaussian", replicas=100)
    >>> descent = iw.GradientDescent(0.5, steps=200)
    >>> sol = iw.solve(limit, X, np.sign(y), descent, loss="logistic", X_test=[[0.2, -1.0]], rng=0, save_at=[0, 200])
    >>> sol.covariance.shape
    (2, 4, 1, 4, 1)
    >>> sd = np.sqrt(np.einsum("ticic->ti", sol.covariance))
    >>> bool((sd[1, :3] < 0.1 * sd[0, :3]).all()), bool(sd[1, 3] > 0.4 * sd[0, 3])
    (True, True)
    """

    kernel: Kernel
    initial: str | Callable[[Array], Array] = "zero"
    replicas: int = 1
    _tangents: Tangents = field(default_factory=lambda: Tangents(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        needed_kernel(self.kernel)
        if isinstance(self.initial, str):
            if self.initial not in ("zero", "gaussian"):
                raise ValueError(f"initial: {self.initial!r} is not one of zero, gaussian; or give a function of the inputs")
        elif not callable(self.initial):
            raise TypeError(f"initial: need a name or a function of the inputs, got {type(self.initial).__name__}")
        settle(self, replicas=integer("replicas", self.replicas, least=1))
        if self.replicas > 1 and not self.random_start:
            raise ValueError(
                f"replicas: the start that is given is one, and {self.replicas} draws of it are equal; give initial='gaussian', or leave "
                "replicas out"
            )

    @property
    def random_start(self) -> bool:
        """Whether :math:`f_0` is drawn."""
        return isinstance(self.initial, str) and self.initial == "gaussian"

    def started_at(self, start: Callable[[Array], Array]) -> NeuralTangentLimit:
        """The limit from a start that is known, such as that of a finite network: their gap is then one of training alone."""
        other = replace(self, initial=start, replicas=1)
        object.__setattr__(other, "_tangents", self._tangents)
        return other

    def bind(self, data: Data | None, rng: np.random.Generator) -> TangentProblem:
        """Compute the Gram matrix, and draw the start."""
        data = needed(data, "give X and y")
        k = data.outputs
        if self.random_start:
            refuse_too_many_draws(self.replicas, data)
            paths = ProcessPath(lambda X, Z: np.asarray(self.kernel.nngp(X, Z), float), self.replicas * k, rng)
            if self.replicas == 1:
                return TangentProblem(data, self.kernel, paths, self._tangents, note=ONE_DRAW)
            from .tangent_draws import TangentDraws

            return TangentDraws(data, self.kernel, paths, self._tangents, self.replicas)
        start = self.initial if callable(self.initial) else lambda X: np.zeros((len(X), k), X.dtype)
        return TangentProblem(data, self.kernel, start, self._tangents)


class Tangents:
    """The last tangent kernels, for limits that differ in their start alone: a network after the other is held against one."""

    KEPT = 2  # of the training points, and of test points with them

    def __init__(self) -> None:
        self._last: list[tuple[Array, Array | None, Array]] = []

    def __call__(self, kernel: Kernel, X: Array, Z: Array | None = None) -> Array:
        for known, others, matrix in self._last:
            same = known.dtype == X.dtype and np.array_equal(X, known)
            if same and (Z is others or (Z is not None and others is not None and np.array_equal(Z, others))):
                return matrix
        made = kernel.ntk(X, Z).astype(X.dtype, copy=False)
        self._last = [*self._last[1 - self.KEPT :], (X.copy(), None if Z is None else Z.copy(), made)]
        return made

    def __reduce__(self) -> tuple[type[Tangents], tuple[()]]:
        return Tangents, ()  # matrices do not travel to other processes

    def fingerprint_parts(self) -> tuple[()]:
        """Nothing: what is remembered decides no run."""
        return ()


class TangentProblem(Fused, WithRemark):
    """The limit on its data; the state is :math:`\\alpha` (n, k) in one vector.

    Parameters
    ----------
    data : Data
    kernel : Kernel
    start : callable
        Inputs (n', d) to :math:`f_0` (n', k).
    tangents : callable
        The kernel and points to their tangent kernel.
    columns : int, optional
        Of :math:`\\alpha`, where they are more than k.
    note : str
        What a result should say.
    """

    coordinates: ClassVar[Coordinates] = "reduced"
    ways_out: ClassVar[Mapping[str, str]] = MappingProxyType({"noise": "use a finite Network"})

    def __init__(
        self,
        data: Data,
        kernel: Kernel,
        start: Callable[[Array], Array],
        tangents: Callable[..., Array],
        columns: int | None = None,
        note: str = "",
    ) -> None:
        if 8.0 * data.n**2 > LARGEST:
            raise ValueError(
                f"X: a Gram matrix of {data.n} points takes {8e-9 * data.n**2:.0f} GB (limit {LARGEST / 1e9:g} GB); give fewer"
            )
        self.data, self.kernel, self._initial, self._tangents, self.note = data, kernel, start, tangents, note
        self.shape = data.n, data.outputs if columns is None else columns
        self.gram = tangents(kernel, data.X)
        self._offset = self._checked(data.X)
        self._seen: tuple[bytes, Array, Array] | None = None  # test points are asked for at every saved time

    def _checked(self, X: Array) -> Array:
        values = asked("initial", self._initial, X, signature="inputs (n, d) to outputs (n, k)")
        return returned("initial", values, (len(X), self.shape[1]), f"{len(X)} inputs").astype(X.dtype, copy=False)

    def start(self) -> Array:
        return np.zeros(self.shape[0] * self.shape[1], self.data.X.dtype)

    def remark(self, state: Array) -> str:
        return self.note

    def predict(self, state: Array, X: Array) -> Array:
        if 8.0 * len(X) * self.data.n > LARGEST and len(X) > self.data.n:  # too many pairs to be kept
            return by_parts(lambda part: self._predicted(state, part), X, self.data.n, least=self.data.n)
        return self._predicted(state, X)

    def _predicted(self, state: Array, X: Array) -> Array:
        key = X.tobytes()
        if self._seen is None or self._seen[0] != key:
            self._seen = key, self._tangents(self.kernel, X, self.data.X), self._checked(X)
        _, cross, offset = self._seen
        return offset + cross @ state.reshape(self.shape)

    def evaluate(self, state: Array, velocity: Array | None = None, *, step: int = 1, rows: Any = None) -> Evaluation:
        evaluation, residual = self._judge(state, rows)
        if velocity is not None:
            move = velocity.reshape(self.shape)
            move[:] = 0
            move[slice(None) if rows is None else rows] = -residual
        return evaluation

    def descend(self, state: Array, *, step: int = 1, rows: Any = None) -> tuple[Evaluation, Update]:
        """Evaluate, and return ``update(rate)``, which moves the coefficients of those rows alone."""
        evaluation, residual = self._judge(state, rows)
        alpha = state.reshape(self.shape)

        def update(rate: float) -> None:
            alpha[slice(None) if rows is None else rows] -= rate * residual

        return evaluation, update

    def _judge(self, state: Array, rows: Any) -> tuple[Evaluation, Array]:
        chosen = slice(None) if rows is None else rows
        return self._judged(self._offset[chosen] + self.gram[chosen] @ state.reshape(self.shape), rows)

    def _judged(self, f: Array, rows: Any) -> tuple[Evaluation, Array]:
        """Loss and outputs, and the residuals, of those rows of outputs."""
        loss, residual = self.data.judge(f, rows)
        return Evaluation(loss, f), residual
