r"""What every architecture can do: its kernels on any points.

Conventions, those of neural-tangents: inputs enter as :math:`K^0 = X X^\top / d`; a dense layer makes
:math:`K \leftarrow \sigma_w^2 K + \sigma_b^2`: weights have variance :math:`\sigma_w^2` over the fan-in, biases :math:`\sigma_b^2`;
an activation makes :math:`K_{ij} \leftarrow \mathbb E\,\phi(u)\phi(v)` for Gaussian (u, v) with covariances
:math:`K_{ii}, K_{jj}, K_{ij}`. The tangent kernel :math:`\Theta = \sum_\theta \partial_\theta f\, \partial_\theta f` is that of gradient
flow on all weights and biases: :math:`\dot f = -\Theta\, \partial\mathrm{Loss}/\partial f`, with the mean loss
:math:`\dot f(x) = -\frac1n \sum_i \Theta(x, x_i)\,\ell'_i`, in units t = learning rate times steps. There is no output axis: the outputs
of a network share the kernel, and do not see one another.
"""

from __future__ import annotations

import contextlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import array, instance, shown
from ...solvers.checks import path as checked_path
from ...solvers.files.replacing import renamed
from ...solvers.gram.equal_points import settle_equal_points
from ...solvers.gram.program import Program
from ...solvers.gram.tiles import Gram, allocate, gram
from ...solvers.machine.blas_threads import one_blas_thread
from .tracing import Branch, Trace

__all__ = ["Kernel", "Kernels", "needed_kernel"]

Array = np.ndarray

NAMES = ("nngp", "ntk")


class Kernels(NamedTuple):
    """Kernels of one architecture; None where it was not asked for.

    Attributes
    ----------
    nngp, ntk : ndarray, shape (n1, n2), or (n,) for a diagonal
    """

    nngp: Array | None
    ntk: Array | None


class Kernel(ABC):
    r"""An architecture of infinite width; build it of layers by :func:`~infwidth.limits.kernels.serial`.

    ``k1 + k2`` is that of two networks with weights of their own whose outputs are added, :math:`K_1 + K_2` and
    :math:`\Theta_1 + \Theta_2`, and ``c * k`` with a number c > 0 that of a network times :math:`\sqrt c`, with :math:`c K` and
    :math:`c\, \Theta`. Both are kernels like any other, inside of :func:`~infwidth.limits.kernels.serial` too:
    ``Identity() + serial(Relu(), Dense())`` is a residual block. The values that are added must be uncorrelated, so all terms, or all but
    one, end in a dense layer.

    Examples
    --------
    >>> from infwidth.limits import kernels
    >>> k = kernels.serial(kernels.Dense(np.sqrt(2)), kernels.Relu(), kernels.Dense(np.sqrt(2)))
    >>> X = np.eye(2)
    >>> k.nngp(X)  # E relu(u) relu(v) is 1/2 for u = v and 1 / (2 pi) for independent u, v, both of variance 1
    array([[1.        , 0.31830989],
           [0.31830989, 1.        ]])
    >>> k.ntk(X), k.diagonal(X, get="ntk")
    (array([[2.        , 0.31830989],
           [0.31830989, 2.        ]]), array([2., 2.]))
    >>> (0.5 * k + kernels.Dense()).nngp(X)  # and X X' / 2 of a linear network
    array([[1.        , 0.15915494],
           [0.15915494, 1.        ]])
    """

    def __repr__(self) -> str:
        """How it is made, in few words: what has its default value is left out."""
        if not is_dataclass(self):
            return super().__repr__()
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        given = [field.name for field in fields(self) if values[field.name] != field.default]
        return f"{type(self).__name__}({', '.join(f'{name}={_plain(values[name])!r}' for name in given)})"

    def __add__(self, other: Kernel) -> Kernel:
        """Outputs of two networks, added."""
        from .sums import added

        if not isinstance(other, Kernel):
            raise TypeError(f"kernel: a kernel and {shown(other)} have no sum; a constant b is that of a bias, Dense(0.0, b_std=b**0.5)")
        return added(self, other)

    def __radd__(self, other: Any) -> Kernel:
        """The sum of a list starts with 0."""
        return self if isinstance(other, int) and other == 0 else self.__add__(other)

    def __mul__(self, factor: float) -> Kernel:
        """A positive multiple of both kernels."""
        from .sums import multiplied

        if isinstance(factor, Kernel):
            raise TypeError("factor: the product of two kernels is not that of a network; multiply by a number > 0, or add them")
        return multiplied(factor, self)

    __rmul__ = __mul__

    @abstractmethod
    def follow(self, trace: Trace, branches: list[Branch]) -> list[Branch]:
        """Follow the points of a ``trace`` through this architecture, from some ``branches`` to others, and write its steps down.
        ValueError where a layer stands in a place that it cannot have."""

    def __call__(
        self, X1: Any, X2: Any = None, get: str | Sequence[str] = NAMES, *, out: Any = None, executor: Executor | None = None
    ) -> Any:
        """Kernels of all pairs of points.

        Parameters
        ----------
        X1 : array_like, shape (n1, d)
        X2 : array_like, shape (n2, d), optional
            The same points where it is left out, or equal to X1.
        get : str or sequence of str
            ``"nngp"``, ``"ntk"`` or both. A string gives the matrix itself.
        out : path, optional
            Folder for the matrices as ``nngp.npy`` and ``ntk.npy``, mapped into memory: for those larger than the memory. They get these
            names when they are whole; older ones are replaced, and whoever has mapped those keeps them.
        executor : concurrent.futures.Executor, optional
            Takes blocks of some million pairs as tasks; those of other processes need an activation of your own to be made of functions of
            a module, not of lambdas. Without it, as many threads as numba has.

        Returns
        -------
        Kernels or ndarray, shape (n1, n2)
            In float32 where the points are, otherwise in float64; symmetric without X2. It is computed in float64 in any case, and a
            diagonal is that of :meth:`diagonal`; so is what equal points have with one another, but below a :class:`Dropout`.

        Raises
        ------
        ValueError
            Where the points do not fit, the matrices are more than the free memory, a value leaves the range of their floats, or the
            executor has been shut down.
        """
        names = _names(get)
        X1, X2, points, same = _points(X1, X2)
        dtype = np.result_type(X1, X2)
        with one_blas_thread():  # small products, many of them
            program = self._program(points)
        for name, scale in (("nngp", program.std), ("ntk", program.tangent)):
            if name in names:
                _refuse_overflow(name, scale, dtype)
        files = None if out is None else _files(out, names)
        if executor is not None:
            instance("executor", executor, Executor, "concurrent.futures.ThreadPoolExecutor(4)")
        tables = sum(step.factors.nbytes + step.values.nbytes + step.slopes.nbytes for step in program.steps)
        with contextlib.ExitStack() as stack:  # a file of that name is a whole matrix: one that was there stays until then
            beside = None if files is None else {name: stack.enter_context(renamed(path)) for name, path in files.items()}
            into = allocate((len(X1), len(X2)), dtype, names, beside, extra=2.0 * tables)
            if same:
                gram(program, None, into, executor)
            else:
                gram(program.of(slice(0, len(X1))), program.of(slice(len(X1), None)), into, executor)
            settle_equal_points(into, program, points, None if same else len(X1))
            if files is not None:
                del into
        if files is not None:
            into = Gram(**{name: np.load(files[name], mmap_mode="r+") if name in files else None for name in NAMES})
        return _given(into, get)

    def nngp(self, X1: Any, X2: Any = None) -> Array:
        """Covariance (n1, n2) of the outputs of random networks at points ``X1`` (n1, d) and ``X2`` (n2, d), by default the same."""
        matrix: Array = self(X1, X2, get="nngp")
        return matrix

    def ntk(self, X1: Any, X2: Any = None) -> Array:
        """Tangent kernel (n1, n2) at points ``X1`` (n1, d) and ``X2`` (n2, d), by default the same."""
        matrix: Array = self(X1, X2, get="ntk")
        return matrix

    def diagonal(self, X: Any, get: str | Sequence[str] = NAMES) -> Any:
        """Kernels of every point of ``X`` (n, d) with itself, each (n,), at the price of n points instead of n^2 pairs; ``get`` as in a
        call."""
        names = _names(get)
        X, _, points, _ = _points(X, None)
        program = self._program(points)
        made: dict[str, Array | None] = {"nngp": None, "ntk": None}
        for name, scale in (("nngp", program.std), ("ntk", program.tangent)):
            if name in names:
                _refuse_overflow(name, scale, X.dtype)
                made[name] = (scale * scale).astype(X.dtype)
        return _given(Gram(**made), get)

    def _program(self, points: Array) -> Program:
        largest = np.abs(points).max(axis=1, keepdims=True)
        scaled = np.divide(points, largest, out=np.zeros_like(points), where=largest > 0)
        length = np.sqrt(np.einsum("id,id->i", scaled, scaled))[:, None]
        directions = np.divide(scaled, length, out=scaled, where=length > 0)
        std = (largest * length)[:, 0] / math.sqrt(points.shape[1])
        trace = Trace()
        with np.errstate(over="ignore", invalid="ignore"):  # what leaves the floats is refused afterwards
            try:
                branches = self.follow(trace, [Branch(0, std, np.zeros_like(std), dim=points.shape[1])])
            except RecursionError:
                raise ValueError("kernel: branches within branches are nested too deep; place blocks one after another by serial") from None
        if len(branches) != 1:
            raise ValueError(f"kernel: the architecture ends in {len(branches)} branches; join them by FanInSum()")
        return trace.program(directions, branches[0])


def _plain(value: Any) -> Any:
    """Numbers of numpy as those of Python."""
    return value.item() if isinstance(value, np.generic) else value


def needed_kernel(kernel: Any) -> Kernel:
    """The argument ``kernel``, if it is one."""
    if not isinstance(kernel, Kernel):
        raise TypeError(f"kernel: need a Kernel, got {type(kernel).__name__}; kernels.of(network) has that of a network")
    return kernel


def _names(get: str | Sequence[str]) -> tuple[str, ...]:
    names = (get,) if isinstance(get, str) else tuple(get) if isinstance(get, tuple | list) else ()
    if not names or any(not isinstance(name, str) or name not in NAMES for name in names):
        raise ValueError(f"get: need 'nngp', 'ntk' or both, got {shown(get)}")
    return names


def _points(X1: Any, X2: Any) -> tuple[Array, Array, Array, bool]:
    """Both sides, all points in float64, and whether the sides are the same."""
    X1 = array("X1", X1)
    if X2 is None:
        return X1, X1, X1.astype(np.float64), True
    X2 = array("X2", X2)
    if X2.shape[1] != X1.shape[1]:
        raise ValueError(f"X2: has {X2.shape[1]} columns, and X1 has {X1.shape[1]}; give points of one dimension")
    if X1.shape == X2.shape and np.array_equal(X1, X2):
        return X1, X2, X1.astype(np.float64), True
    return X1, X2, np.concatenate((X1, X2)).astype(np.float64), False


def _refuse_overflow(name: str, scale: Array, dtype: np.dtype) -> None:
    with np.errstate(over="ignore"):
        largest = float(np.max(scale * scale)) if np.isfinite(scale).all() else math.inf
    if not largest <= float(np.finfo(dtype).max):
        way_out = "float64 inputs or smaller weights" if dtype == np.float32 else "smaller weights, fewer layers or smaller inputs"
        raise ValueError(f"X1: the {name} reaches {largest:.3g}, beyond the range of {dtype.name}; take {way_out}")


def _files(folder: Any, names: tuple[str, ...]) -> dict[str, Path]:
    path = Path(checked_path("out", folder))
    if not path.is_dir():
        raise ValueError(f"out: need an existing folder, got {str(folder)!r}; make it first")
    return {name: path / f"{name}.npy" for name in names}


def _given(made: Gram, get: str | Sequence[str]) -> Any:
    return getattr(made, get) if isinstance(get, str) else Kernels(made.nngp, made.ntk)
