r"""The catapult in two variables, exact at every width.

On one sample :math:`(x, y) = (1, 0)` the two-layer linear network :math:`f = n^{-1/2}\, v \cdot u` with the loss :math:`\tfrac12 f^2` is
moved by gradient descent of rate :math:`\eta` so that its output f and its tangent kernel :math:`\lambda = (|u|^2 + |v|^2)/n` close
[lewkowycz2020]_:

.. math::
    f_{t+1} = (1 - \eta\lambda_t + \eta^2 f_t^2/n)\, f_t, \qquad
    \lambda_{t+1} = \lambda_t + (\eta f_t^2/n)(\eta\lambda_t - 4).

While :math:`f^2 \ll n` the kernel stands still and f is multiplied by :math:`1 - \eta\lambda_0`: training is *lazy* below
:math:`\eta = 2/\lambda_0`. Between 2 and 4 the output grows until :math:`f^2` is of the order of n; then :math:`\lambda` falls below
:math:`2/\eta`, and the output with it (the *catapult*). Above 4 the kernel grows with the output: training *diverges*. As
:math:`n \to \infty` these are sharp.

References
----------
.. [lewkowycz2020] Lewkowycz, Bahri, Dyer, Sohl-Dickstein and Gur-Ari, arXiv:2003.02218, section 2.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ...solvers.checks import integer, numbers, real
from ...solvers.machine.memory import refuse_above_available
from ...solvers.machine.work import least_seconds, refuse_above_patience
from ...solvers.running.streams import generator

__all__ = ["Trajectory", "draw", "peak_time", "phase", "trajectory"]

Array = np.ndarray

MOST_STEPS = 10**7  # some tens of seconds

DIVERGED = 1e150  # outputs; their squares are finite up to here


class Trajectory(NamedTuple):
    """Gradient descent in two variables; of one start or of many.

    Attributes
    ----------
    outputs, kernels : ndarray, shape (steps + 1, ...)
        ``inf`` from the step on at which a start diverged.
    """

    outputs: Array
    kernels: Array

    @property
    def losses(self) -> Array:
        r""":math:`\tfrac12 f^2`, shape (steps + 1, ...)."""
        return self.outputs**2 / 2


def phase(kernel: float, learning_rate: float) -> str:
    r"""``"lazy"``, ``"catapult"`` or ``"divergent"``: where :math:`\eta\lambda_0` lies against 2 and 4, as :math:`n \to \infty`.

    Parameters
    ----------
    kernel : float
        :math:`\lambda_0 \ge 0`.
    learning_rate : float
        :math:`\eta > 0`.

    Raises
    ------
    ValueError
        Where the kernel is negative or the rate is not positive.

    Examples
    --------
    >>> from infwidth.limits import catapult
    >>> [catapult.phase(2.0, rate) for rate in (0.9, 1.5, 2.5)]
    ['lazy', 'catapult', 'divergent']
    """
    stiffness = real("kernel", kernel, least=0, most=DIVERGED) * real("learning_rate", learning_rate, above=0, most=DIVERGED)
    return "lazy" if stiffness < 2 else "catapult" if stiffness < 4 else "divergent"


def trajectory(output: Any, kernel: Any, learning_rate: float, width: int, steps: int) -> Trajectory:
    r"""Iterate the exact map.

    Parameters
    ----------
    output, kernel : float or ndarray, of one shape
        :math:`f_0` and :math:`\lambda_0 \ge 2|f_0|/\sqrt n` (no vectors u, v have less: :math:`|u|^2 + |v|^2 \ge 2|u \cdot v|`).
    learning_rate : float
        :math:`\eta > 0`; time is ``learning_rate * step``.
    width : int
        n.
    steps : int

    Raises
    ------
    ValueError
        Where an argument is out of its range.

    Examples
    --------
    The loss grows hundredfold before it vanishes, and the kernel ends below :math:`2/\eta`:

    >>> from infwidth.limits import catapult
    >>> run = catapult.trajectory(output=1.0, kernel=2.0, learning_rate=1.5, width=1000, steps=200)
    >>> bool(run.losses.max() > 100 * run.losses[0]), bool(run.losses[-1] < 1e-12), bool(run.kernels[-1] < 2 / 1.5)
    (True, True, True)
    """
    eta = real("learning_rate", learning_rate, above=0)
    n, steps = integer("width", width, least=1), integer("steps", steps, least=0, most=MOST_STEPS)
    f, lam = _finite("output", output), _finite("kernel", kernel)
    refuse_above_available("steps", f"{steps:.3g} steps of {f.size} starts", 16.0 * (steps + 1) * max(f.size, 1), "lower it")
    refuse_above_patience("steps", f"{steps:.3g} steps", least_seconds(calls=steps), "lower it")
    if f.shape != lam.shape:
        raise ValueError(f"kernel: need the shape of output, {f.shape}, got {lam.shape}")
    if np.any(lam < 2 * np.abs(f) / math.sqrt(n) * (1 - 1e-12)):
        raise ValueError(f"kernel: no network of width {n} with this output has so small a kernel; give 2 |output| / sqrt(width) or more")
    outputs, kernels = (np.full((steps + 1, *f.shape), math.inf) for _ in range(2))
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(steps + 1):
            alive = np.abs(f) < DIVERGED  # false where it is not a number
            f, lam = np.where(alive, f, math.inf), np.where(alive, lam, math.inf)
            outputs[t], kernels[t] = f, lam
            drive = eta * f**2 / n
            f, lam = (1 - eta * lam + eta * drive) * f, lam + drive * (eta * lam - 4)
    return Trajectory(outputs, kernels)


def draw(rng: int | np.random.Generator, width: int, size: int) -> tuple[Array, Array]:
    r"""Outputs and kernels, each (size,), of networks with standard Gaussian weights: the law of the starts of an ensemble.

    Drawn from its three independent parts, :math:`|u|^2`, the component of v along u, and the rest of :math:`|v|^2`, so the width costs
    nothing.

    Parameters
    ----------
    rng : int or Generator
    width : int
        n >= 1.
    size : int
        Number of networks.

    Raises
    ------
    ValueError
        Where a number is not a positive integer.

    Examples
    --------
    >>> from infwidth.limits import catapult
    >>> f, kernel = catapult.draw(0, width=10_000, size=1000)
    >>> bool(abs(f.std() - 1) < 0.1), bool(abs(kernel.mean() - 2) < 0.01)
    (True, True)
    """
    n, size = integer("width", width, least=1), integer("size", size, least=1)
    refuse_above_available("size", f"{size:.3g} starts", 6 * 8.0 * size, "lower it")
    rng = generator(rng)
    u2, along = rng.chisquare(n, size), rng.standard_normal(size)
    v2 = along**2 + (rng.chisquare(n - 1, size) if n > 1 else 0.0)
    return along * np.sqrt(u2 / n), (u2 + v2) / n


def peak_time(output: float, kernel: float, learning_rate: float, width: int) -> float:
    r"""Steps until a catapult's loss peaks, to leading order in :math:`\log n`: :math:`\log(n/f_0^2) / 2\log(\eta\lambda_0 - 1)`.

    Parameters
    ----------
    output, kernel : float
        :math:`f_0` and :math:`\lambda_0 \ge 0`.
    learning_rate : float
        :math:`\eta > 0`.
    width : int
        n.

    Raises
    ------
    ValueError
        Where :math:`\eta\lambda_0` is not between 2 and 4, or the output is 0.

    Examples
    --------
    >>> from infwidth.limits import catapult
    >>> run = catapult.trajectory(1.0, 2.0, 1.5, width=10**8, steps=100)
    >>> round(catapult.peak_time(1.0, 2.0, 1.5, 10**8), 1), int(run.losses.argmax())
    (13.3, 13)
    """
    n = integer("width", width, least=1)
    output = real("output", output)
    if phase(kernel, learning_rate) != "catapult" or learning_rate * kernel == 2:
        raise ValueError(f"learning_rate: a catapult needs 2 < learning_rate * kernel < 4, got {learning_rate * kernel:g}")
    if not output:
        raise ValueError("output: is 0, where gradient descent stands still; give another start")
    return (math.log(n) - 2 * math.log(abs(output))) / (2 * math.log(learning_rate * kernel - 1))


def _finite(name: str, value: Any) -> Array:
    if not (isinstance(value, np.ndarray) or np.iterable(value)):
        value = real(name, value)
    a = numbers(name, value).astype(float, copy=False)
    if not np.isfinite(a).all():
        raise ValueError(f"{name}: holds NaN or infinity; give finite numbers")
    return a
