r"""Two-layer mean-field limit of homogeneous neurons in the plane: a partial differential equation on a circle.

Where :math:`\phi` is positively 1-homogeneous (relu, leaky relu, abs) the neuron :math:`a\,\phi(w\cdot x)` is 2-homogeneous in
:math:`(a, w)`, and gradient flow keeps :math:`a^2 - |w|^2`. If that starts at 0 for every neuron, then
:math:`w = |w|\,e(\varphi)` and :math:`a = s|w|` for ever, with a fixed sign s, and what the network computes depends on two measures on the
circle alone, :math:`\nu_s(d\varphi)`: the law of the neurons of sign s, weighted by their mass :math:`|w|^2`. From
:math:`\dot a = -\mathbb E[\ell'\,\phi(w\cdot x)]` and :math:`\dot w = -a\,\mathbb E[\ell'\,\phi'(w\cdot x)\,x]`,

.. math::
    f(x) = \int \phi(e(\varphi)\cdot x)\,(\nu_+ - \nu_-)(d\varphi), \qquad
    V(\varphi) = \mathbb E\big[\ell'(x)\,\phi(e(\varphi)\cdot x)\big],

.. math::
    \dot\varphi = -s V'(\varphi), \quad \frac{d}{dt}|w|^2 = -2 s V |w|^2, \qquad\text{so}\qquad
    \partial_t\nu_s = \partial_\varphi(s V'\,\nu_s) - 2 s V\,\nu_s

with :math:`\ell' = \partial\ell/\partial f` [chizat2018]_ [chizat2019]_: one dimension instead of the three of :math:`(a, w)`, without
approximation.

References
----------
.. [chizat2018] Chizat and Bach, arXiv:1805.09545 (2-homogeneous particles and their measure on the sphere; theorem 3.3 on its
   global minima).
.. [chizat2019] Chizat, arXiv:1907.10300 (the flow of that measure).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...solvers.checks import array, asked, flag, function, instance, integer, real, returned, settle
from ...solvers.data import Data, needed, unwanted
from ...solvers.grids.averages import GAUSS_NODES, GAUSS_WEIGHTS
from ...solvers.grids.grid import Grid
from ...solvers.machine.memory import by_parts, refuse_above_available
from .. import activations, gaussian
from ..activations import Activation
from ..two_layer.gaussian_teacher import GaussianTeacher
from .circle_problem import CircleProblem

__all__ = ["CircleMeanField"]

Array = np.ndarray

FIELDS = 40  # numbers of each cell and sign that a flow needs


@dataclass(frozen=True, eq=False)
class CircleMeanField:
    r"""Mean-field limit of balanced two-layer networks with a 1-homogeneous activation on inputs in the plane, by finite volumes.

    The limit of :class:`~infwidth.limits.TwoLayerMeanField` with ``initial="sphere"``, in its time and its loss.

    Parameters
    ----------
    activation : str or Activation
        Positively 1-homogeneous: relu, leaky relu, abs, linear, or your own.
    cells : int, default 360
        Cells of the circle, a multiple of 4 and at least 16.
    bias : bool
        Inputs on the line, with weights :math:`(w, b)`; otherwise inputs have two columns.
    initial : float or callable
        A number is the total mass of both signs at t = 0, spread evenly: the law ``"sphere"`` with
        ``weight_std = output_std = sqrt(initial)``. Or a function: angles (q,) to the masses per radian of both signs, shape (2, q).
    population : GaussianTeacher, optional
        Its relu teacher in the plane, on Gaussian inputs, instead of data: call ``solve`` without X and y.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or the data do not fit.
    TypeError
        Where the population is no GaussianTeacher.

    Notes
    -----
    Solve it by :class:`~infwidth.solvers.GradientFlow`; gradient descent stops at a rate that makes a mass negative, which those below
    ``sol.problem.stable_rate(state)`` never do. The state holds the masses of the cells, ``sol.problem.measures(sol.state)`` (2, cells) at
    ``sol.problem.angles``. Snapshots: ``observables={"density": density, "spent": dissipation}``, both from
    :mod:`infwidth.limits.densities`; distances to particles: :func:`infwidth.solvers.circular_wasserstein`.

    The order is 2 where the measures and V are smooth, as for a population. On data, V of a kinked activation has kinks, at the angles
    orthogonal to the inputs: atoms and gaps form there in finite time, cells blur them to a width of some cells, and the order is 1.
    ``sol.error`` (of the outputs, or of the risk of a population) is the difference to half as many cells plus that of these to a quarter,
    15 times the error where the order is 2, and half as much again where it is not, 4.5 times of order 1. Relu sees the even part of
    :math:`\nu_+ - \nu_-` and its mean direction, nothing else (:math:`2\,\mathrm{relu}(h) = h + |h|`): a zero loss leaves the rest open.

    Examples
    --------
    A teacher neuron of weight (0, 1) attracts the mass of its sign:

    >>> import infwidth as iw
    >>> from infwidth.limits import CircleMeanField, GaussianTeacher
    >>> model = CircleMeanField("relu", population=GaussianTeacher([[0.0, 1.0]], [1.0], "relu"))
    >>> sol = iw.solve(model, method=iw.GradientFlow(100.0), save_at=[0, 100])
    >>> positive, negative = sol.problem.measures(sol.state)
    >>> bool(sol.loss[1] < 1e-3 * sol.loss[0]), bool(abs(sol.problem.angles[positive.argmax()] - np.pi / 2) < 0.01)
    (True, True)

    On data, its outputs are those of many particles that start from the same law:

    >>> X, y = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.5]]), np.array([1.0, -1.0, 0.5])
    >>> sol = iw.solve(CircleMeanField("relu"), X, y, iw.GradientFlow(1.0), save_at=[0, 1])
    >>> particles = iw.TwoLayerMeanField("relu", 2**14, initial="sphere", quasi_random=True)
    >>> finite = iw.solve(particles, X, y, iw.GradientDescent(0.01, 100), save_at=[0, 100], rng=0)
    >>> sol.outputs.shape, bool(np.abs(sol.outputs[1] - finite.outputs[1]).max() < 0.002)
    ((2, 3, 1), True)
    """

    activation: str | Activation = "relu"
    cells: int = 360
    bias: bool = False
    initial: float | Callable[[Array], Array] = 1.0
    population: GaussianTeacher | None = None

    def __post_init__(self) -> None:
        activation = activations.get(self.activation)
        settle(self, activation=activation, bias=flag("bias", self.bias))
        if activation.homogeneity != 1:
            raise ValueError(
                f"activation: {activation.name!r} is not positively 1-homogeneous, so its measure needs more than an angle;"
                " use relu, leaky_relu or abs, or TwoLayerMeanField"
            )
        settle(self, cells=integer("cells", self.cells, least=16))
        if self.cells % 4:
            up = self.cells + 4 - self.cells % 4
            raise ValueError(f"cells: need a multiple of 4 (a grid of fewer tells the error), got {self.cells}; take {up}")
        if not callable(self.initial):
            settle(self, initial=real("initial", self.initial, above=0, most=1e6, way_out="or give a function of the angle"))
        else:
            function("initial", self.initial, "angles (q,) to masses per radian (2, q)")
        if self.population is not None:
            self._check_population(activation)

    def _check_population(self, activation: Activation) -> None:
        teacher = self.population
        instance("population", teacher, GaussianTeacher, 'GaussianTeacher([[0.0, 1.0]], [1.0], "relu"); leave it out to train on X and y')
        assert teacher is not None
        if teacher.dim != 2:
            raise ValueError(f"population: its teacher must live in the plane, got dimension {teacher.dim}")
        if not activation.name == teacher.activation == "relu":
            raise ValueError(f"population: student and teacher must be relu, got {activation.name!r} and {teacher.activation!r}")
        if self.bias:
            raise ValueError("population: biases have no closed form; leave them out, or sample data from the teacher")

    def bind(self, data: Data | None, rng: np.random.Generator) -> CircleProblem:
        """Join the model to its data, or to its population where ``data`` is None. Nothing is random."""
        refuse_above_available("cells", f"{self.cells:.3g} cells of both signs", 8.0 * 2 * FIELDS * self.cells, "use fewer")
        if (teacher := self.population) is not None:
            unwanted(data, "call solve without X and y, or leave out the population")
            return CircleProblem(self.cells, lambda angles: TeacherEnergy(teacher, angles), self._masses)
        data = needed(data, "give X and y, or a population=GaussianTeacher(...) to the model")
        if data.X.shape[1] != 2 - self.bias:
            what = "with bias=True the inputs are numbers" if self.bias else "the inputs lie in the plane (or on the line, with bias=True)"
            raise ValueError(f"X: {what}, so need {2 - self.bias} column(s), got {data.X.shape[1]}")
        if data.outputs != 1:
            raise ValueError(f"y: a measure with two signs has one output, got {data.outputs} columns; use TwoLayerMeanField")
        refuse_above_available("cells", f"{self.cells} cells times {data.n} samples", 8.0 * data.n * self.cells, "use fewer of one")
        activation = activations.get(self.activation)
        return CircleProblem(self.cells, lambda angles: SampleEnergy(activation, self.bias, data, angles), self._masses, data)

    def _masses(self, grid: Grid) -> Array:
        if not callable(self.initial):
            return np.full((2, grid.cells), float(self.initial) / (2 * grid.cells))
        masses = np.zeros((2, grid.cells))
        for node, weight in zip(GAUSS_NODES, GAUSS_WEIGHTS, strict=True):
            angles = grid.axes[0] + grid.volumes * node / 2
            values = asked("initial", self.initial, angles, signature="angles (q,) to masses per radian (2, q)")
            masses += weight / 2 * returned("initial", values, masses.shape, f"{grid.cells} angles") * grid.volumes
        if not (masses.min() >= 0 and 0 < masses.sum() < np.inf):
            raise ValueError("initial: must be non-negative, not zero on the whole circle, and of finite mass")
        return masses


class SampleEnergy:
    """Mean loss on data."""

    def __init__(self, activation: Activation, bias: bool, data: Data, angles: Array) -> None:
        self.activation, self.bias, self.data = activation, bias, data
        self.directions = np.stack((np.cos(angles), np.sin(angles)))
        self.matrix = self.features(data.X)

    def features(self, X: Array) -> Array:
        """Outputs of one neuron of mass 1 in each direction, shape (n, cells)."""
        X = np.asarray(X, float)
        return self.activation.value((np.column_stack((X, np.ones(len(X)))) if self.bias else X) @ self.directions)

    def evaluate(self, signed: Array) -> tuple[float, Array, Array]:
        f = (self.matrix @ signed)[:, None]
        loss, residual = self.data.judge(f)
        return loss, f, residual[:, 0] @ self.matrix

    def predict(self, signed: Array, X: Array) -> Array:
        return by_parts(lambda part: self.features(part) @ signed[:, None], X, len(signed))


class TeacherEnergy:
    r"""Half the mean squared error on Gaussian inputs, with the arc-cosine kernel of angles
    :math:`K(\theta) = (\sin\theta + (\pi - \theta)\cos\theta)/2\pi`, :math:`0 \le \theta \le \pi`."""

    def __init__(self, teacher: GaussianTeacher, angles: Array) -> None:
        self.directions = np.stack((np.cos(angles), np.sin(angles)))
        masses = np.linalg.norm(teacher.weights, axis=1) * teacher.output_weights[:, 0] / len(teacher.weights)
        toward = np.arctan2(teacher.weights[:, 1], teacher.weights[:, 0])
        self.spectrum = np.fft.rfft(arc_cosine(angles - angles[0]))  # equal cells: the kernel's matrix is a convolution
        self.pull = arc_cosine(angles[:, None] - toward) @ masses
        self.constant = 0.5 * float(masses @ arc_cosine(toward[:, None] - toward) @ masses)

    def evaluate(self, signed: Array) -> tuple[float, Array, Array]:
        own = np.fft.irfft(self.spectrum * np.fft.rfft(signed), len(signed))
        loss = float(signed @ (own / 2 - self.pull)) + self.constant
        return loss, np.empty((0, 1)), own - self.pull

    def predict(self, signed: Array, X: Array) -> Array:
        X = array("X", X, columns=2)
        return by_parts(lambda part: np.maximum(part @ self.directions, 0) @ signed[:, None], X, len(signed))


def arc_cosine(angle: Array) -> Array:
    r""":math:`\mathbb E\,\mathrm{relu}(x_1)\,\mathrm{relu}(x_1\cos\theta + x_2\sin\theta)` for Gaussian x and any angle.

    >>> arc_cosine(np.array([0.0, np.pi, 2 * np.pi])).round(15) + 0.0
    array([0.5, 0. , 0.5])
    """
    return gaussian.dual("relu", 1.0, 1.0, np.cos(angle), sine=np.abs(np.sin(angle))).value
