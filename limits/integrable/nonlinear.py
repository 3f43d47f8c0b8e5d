r"""Deep nonlinear networks under integrable parameterizations: the infinite-width limit by N neurons per layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...solvers.checks import choice, flag, integer, real, settle
from ...solvers.data import Data
from ...solvers.machine.memory import refuse_above_available
from .. import activations
from ..activations import Activation
from .bias import bias
from .germ import Germ
from .given import Initial, given
from .history import HistoryProblem
from .large_lr import large_lr
from .naive import naive
from .neurons import NeuronProblem, dense_bytes
from .non_centered import non_centered
from .schemes import check_scheme
from .start import Setting, Start, layer_sizes
from .stationary import StationaryProblem, why_stationary
from .systems import LARGEST, FewNeurons, Histories, Systems

__all__ = ["DeepIntegrable"]

SCHEMES = {"naive": naive, "large_lr": large_lr, "bias": bias, "non_centered": non_centered}
ALWAYS_DENSE = 2048  # neurons of one system
EXPECTED_STEPS = 50

MOST_LAYERS = 10_000


@dataclass(frozen=True)
class DeepIntegrable:
    r"""Infinite-width limit of a deep network under an integrable (mean-field) parameterization, by N neurons per layer.

    .. math::
        h^1 = w^1 x, \quad h^l = \frac1N W_l\,\phi(h^{l-1}), \quad f = \frac1N w^{L+1} \phi(h^L)

    with the dynamics of :mod:`.neurons`. In the limit independent centred initial kernels act as zero, and what
    remains of them is the law of the fields that they make in the first step: it depends on the scheme.

    ================  =====================================  =========================================================================
    scheme            limit of ``Parameterization``          what happens
    ================  =====================================  =========================================================================
    ``naive``         ``.integrable``                        moves for L = 1, 2; f = 0 for all time from three hidden layers on
    ``large_lr``      ``.integrable_large_lr``               moves; f = 0 for all time from five hidden layers on where
                                                             :math:`\phi` acts linearly on small pre-activations (tanh, elu, gelu, erf)
    ``bias``          ``.integrable_bias``                   learns the mean of y, then, for L >= 3, waits
    ``non_centered``  ``.integrable_non_centered``           trains, with one neuron per middle layer
    ================  =====================================  =========================================================================

    Time is that of the method: ``learning_rate * step`` for gradient descent. The same methods as for the finite network solve it, with the
    same rates.

    Parameters
    ----------
    hidden_layers : int
        Number L of hidden layers (L + 1 weight matrices).
    activation : str or Activation
    neurons : int
        N, per layer, over all replicas.
    scheme : {"large_lr", "naive", "bias", "non_centered"}
    weight_std : float or sequence of float, length L + 1
        Standard deviations :math:`\sigma_l` of the initial weights, as in :class:`Parameterization`.
    bias_std : float or sequence of float, length L, optional
        Standard deviations of the initial hidden biases, of "bias" (default 1), or of "naive" and "non_centered" (default: no biases). With
        them there is an output bias, which starts at 0.
    replicas : int
        R > 1 splits the N neurons into R systems that do not interact. The outputs are their mean, and ``sol.error`` its Monte-Carlo
        error: a simultaneous 95% bound over the outputs at that time, at the training points and, where ``solve`` is given ``X_test``,
        at the test points. Needs :math:`R \ll \sqrt N`: the bias of a system of N / R neurons is not in it.
    initial : callable, optional
        A start of your own, ``initial(rng, N, d, k) -> [w1, W2, .., WL, last]``, called for each replica with its number of neurons: w1
        (N, d), kernels (N, N) or pairs of factors (N, r), (N, r) of :math:`W = A B^\top`, last (k, N); or, with biases, a pair of that list
        and a list of L + 1 biases, L of length N and one of length k. It takes the place of the scheme, every step is then the same, and
        the N neurons are also exactly a network of that width (multilayer mean field, neuronal embedding).
    kernels : {"auto", "dense", "factored"}
        Dense kernels are part of a state vector, and every method works. Factored ones are a history of rank n per step (of the batch
        size with minibatches, which relu and its kin do not have there; several n per step of a flow), for ``GradientDescent``,
        ``HeavyBall`` and explicit ``GradientFlow`` with many neurons. "auto" takes dense ones up to 2048 neurons per replica, above that
        what is cheaper over 50 full-batch steps.
    skip_stationary : bool
        Whether to compute nothing where f = 0 for all time, and to say why. Without it the neurons are followed there too: mirrored samples
        keep independent fields uncorrelated, so that f is a rounding error, which grows exponentially where the point is a strict saddle
        ("large_lr" with L = 5 and 6).
    takes_noise : bool, keyword only
        False for the limit of networks whose parameters have another unit (:math:`b \ne 0`), as :func:`~infwidth.limits.scaling.limit`
        finds it: ``Langevin`` refuses it then.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or ``bind`` finds more than 4 GB to be needed, an ``initial`` of the wrong shapes, for
        "large_lr" an activation without :math:`\phi(0) = 0` and a slope there, or biases of 0 where the limit is not known: with a kink at
        0, of "bias" above the first layer, of "naive" in two layers on top of each other.

    Notes
    -----
    The error of the outputs is :math:`O(N^{-1/2})`. relu and its kin need more than the limits of the fields: a neuron that is off on all
    samples at step 0 stays at exactly 0, and wakes up with the sign of a vanishing Gaussian field
    (:mod:`.vanishing`). Where flows meet such kinks use gradient descent at a small rate.

    Examples
    --------
    >>> import infwidth as iw
    >>> X, y = np.eye(2), np.array([1.0, -1.0])
    >>> method = iw.GradientDescent(0.5, steps=30, first_learning_rate=2.0)
    >>> sol = iw.solve(iw.DeepIntegrable(3, "tanh", neurons=2000), X, y, method, rng=0)
    >>> abs(sol.outputs[[0, 1, 30], 0, 0]).round(1)  # the first step prepares, and moves nothing
    array([0., 0., 1.])
    >>> iw.solve(iw.DeepIntegrable(5, "tanh", neurons=2000), X, y, method, rng=0).message
    'finished; f = 0 for all time: from five hidden layers on, ...'
    """

    hidden_layers: int
    activation: str | Activation
    neurons: int
    scheme: str = "large_lr"
    weight_std: Any = 1.0
    bias_std: Any = None
    replicas: int = 1
    initial: Initial | None = None
    kernels: str = "auto"
    skip_stationary: bool = True
    takes_noise: bool = field(default=True, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("hidden_layers", "neurons", "replicas"):
            most = MOST_LAYERS if name == "hidden_layers" else 10**12
            object.__setattr__(self, name, integer(name, getattr(self, name), least=1, most=most))
        activations.get(self.activation)
        L = self.hidden_layers
        check_scheme(self.scheme, SCHEMES)
        choice("kernels", self.kernels, ("auto", "dense", "factored"))
        settle(self, **{name: flag(name, getattr(self, name)) for name in ("skip_stationary", "takes_noise")})
        object.__setattr__(self, "weight_std", _per_layer("weight_std", self.weight_std, L + 1))
        unit = 4 * self.replicas if self.initial is None and self.scheme in ("large_lr", "bias") else self.replicas
        if self.neurons % unit:
            four = "4 times as many as replicas, because the samples are mirrored" if unit > self.replicas else "replicas"
            raise ValueError(
                f"neurons: {self.neurons} is not a multiple of {unit} ({four}); take {unit * max(1, round(self.neurons / unit))}"
            )
        if self.initial is not None:
            if not callable(self.initial):
                raise TypeError(f"initial: need a function (rng, N, d, k) -> weights, got {type(self.initial).__name__}")
            if any(std != 1 for std in self.weight_std):
                raise ValueError("initial: weight_std belongs to the schemes; leave it out with your own start")
        if self.bias_std is not None:
            if self.initial is not None:
                raise ValueError("bias_std: belongs to the schemes; let initial return its biases too, as a pair (weights, biases)")
            if self.scheme == "large_lr":
                raise ValueError("bias_std: the large first step of 'large_lr' holds without biases only; take 'bias', or another scheme")
            object.__setattr__(self, "bias_std", _per_layer("bias_std", self.bias_std, L))
            self._check_still_biases(self.bias_std)
        elif self.scheme == "bias":
            object.__setattr__(self, "bias_std", (1.0,) * L)

    def _check_still_biases(self, std: tuple[float, ...]) -> None:
        """Refuse biases of 0 below which nothing decides the side of a kink."""
        phi = activations.get(self.activation)
        if Germ.of(phi).linear or self.scheme == "non_centered":
            return
        for l in range(2, self.hidden_layers + 1):
            held = self.scheme == "naive" and (l == 2 or std[l - 2] or phi.at_zero()[0])
            if not std[l - 1] and not held:
                below = ", or a positive one in the layer below" if self.scheme == "naive" else ""
                raise ValueError(
                    f"bias_std[{l - 1}]: with {phi.name}, which has a kink at 0, no limit is known for biases that start at 0 in layer {l}"
                    f" of this network; take a positive one{below}"
                )

    @property
    def stationary(self) -> str | None:
        """Why f = 0 for all time, or None where it moves."""
        if self.initial is not None:
            return None
        return why_stationary(self.scheme, self.hidden_layers, activations.get(self.activation), self.bias_std is not None)

    def bind(self, data: Data | None, rng: np.random.Generator) -> Systems | Histories | StationaryProblem:
        """Draw the neurons of every replica and join them to the data."""
        if data is None:
            raise ValueError("X: this limit needs training data; give X and y")
        phi = activations.get(self.activation)
        germ = Germ.of(phi)
        signs = self.scheme == "large_lr" or (self.scheme == "naive" and (self.bias_std is None or 0 in self.bias_std[1:]))
        kinked = self.initial is None and not germ.linear and signs and self.hidden_layers > 1
        first_step = self.initial is None and (self.scheme in ("large_lr", "bias") or (self.scheme == "naive" and kinked))
        if (why := self.stationary) is not None and self.skip_stationary:
            return StationaryProblem(data, why, first_step)
        dense = self._dense(data, kinked)
        size = self.neurons // self.replicas
        need = 8.0 * 8 * self.neurons * self.hidden_layers * (data.X.shape[1] + data.n)
        refuse_above_available("neurons", f"{self.neurons:.3g} neurons in {self.hidden_layers} layers", need, "lower one of them")
        points = data.n + (0 if data.X_test is None else len(data.X_test))
        outputs = 24.0 * self.replicas * points * data.outputs
        refuse_above_available("replicas", f"outputs of {self.replicas:.3g} replicas at {points:.3g} points", outputs, "lower one of them")
        starts = [
            self._start(Setting(data, self.hidden_layers, size, phi, germ, self.weight_std, self.bias_std, dense, stream))
            for stream in rng.spawn(self.replicas)
        ]
        if dense:
            few = min(self._sizes(size)) < size
            systems = (FewNeurons if few else Systems)([NeuronProblem(data, phi, germ, start, first_step) for start in starts])
            systems.takes_noise = self.takes_noise
            return systems
        return Histories([HistoryProblem(data, phi, germ, start) for start in starts], first_step)

    def _start(self, setting: Setting) -> Start:
        return SCHEMES[self.scheme](setting) if self.initial is None else given(setting, self.initial)

    def _sizes(self, size: int) -> tuple[int, ...]:
        """Neurons of each hidden layer of one system."""
        return layer_sizes("" if self.initial is not None else self.scheme, self.hidden_layers, size, self.bias_std is not None)

    def _dense(self, data: Data, kinked: bool) -> bool:
        """Which form of the kernels; refuses dense ones that do not fit."""
        size = self.neurons // self.replicas
        sizes = self._sizes(size)
        cheap = size <= ALWAYS_DENSE or EXPECTED_STEPS * data.n >= size or min(sizes) == 1 or self.hidden_layers == 1
        if self.kernels == "factored" or (self.kernels == "auto" and not cheap):
            if min(sizes) == 1 and self.hidden_layers > 2:
                raise ValueError("kernels: 'factored' has nothing to save where middle layers are one neuron; take 'auto'")
            return False
        need = self.replicas * dense_bytes(sizes, data.X.itemsize) * (2 if kinked else 1)
        if need > LARGEST:
            raise ValueError(
                f"neurons: dense kernels of {size} neurons in {self.hidden_layers} layers take {need / 1e9:.1f} GB, more than"
                f" {LARGEST / 1e9:g} GB; lower neurons, or take kernels='factored' (GradientDescent, HeavyBall and GradientFlow)"
            )
        return True


def _per_layer(name: str, value: Any, layers: int) -> tuple[float, ...]:
    values = tuple(value) if np.iterable(value) else (value,) * layers
    if len(values) != layers:
        raise ValueError(f"{name}: need one number, or one per layer ({layers}), got {len(values)}")
    return tuple(real(f"{name}[{l}]", v, least=0, most=1e50) for l, v in enumerate(values))
