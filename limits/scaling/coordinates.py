r"""The coordinate check: does a network scale with its width as its parameterization says?

Every size, of pre-activations, of the output and of their changes, is measured over widths and steps, and its slope in the logarithm of
the width is held against the predicted exponent. A line that is not flat is no bug by itself: under µP the output of the first step
falls like :math:`m^{-1/2}` and is predicted to. A line that is off its prediction is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...solvers.checks import integer, real
from ...solvers.figures import label_widths, one_axes, plain_ticks
from ..activations import Activation
from ..networks.parameterization import Parameterization
from .exponent_calculus import exponents
from .exponent_table import power
from .measured import Slopes, slopes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CoordinateCheck", "coordinate_check"]

Array = np.ndarray

SAMPLES, DIM = 6, 8


@dataclass(frozen=True, eq=False)
class CoordinateCheck:
    """Measured against predicted exponents.

    Attributes
    ----------
    names : tuple of str, length q
    predicted, slope, standard_error : ndarray, shape (q, steps + 1)
    holds : ndarray of bool, shape (q, steps + 1)
        Whether the slope lies within the band: ``band`` plus two standard errors around the prediction. What is predicted to be zero
        exactly holds.
    band : float
    measured : Slopes
    """

    names: tuple[str, ...]
    predicted: Array
    slope: Array
    standard_error: Array
    holds: Array
    band: float
    measured: Slopes

    @property
    def ok(self) -> bool:
        """Whether every line holds."""
        return bool(self.holds.all())

    @property
    def offenders(self) -> list[str]:
        """Lines that do not hold, those with the earliest step first: start with the first one, the others may follow from it."""
        steps = range(self.holds.shape[1])
        return [
            f"step {t}, {name}: slope {self.slope[i, t]:.2f} +- {self.standard_error[i, t]:.2f}, predicted {power(self.predicted[i, t])}"
            for t in steps
            for i, name in enumerate(self.names)
            if not self.holds[i, t]
        ]

    def __str__(self) -> str:
        head = " " * 22 + "".join(f"{f'step {t}':>24}" for t in range(self.holds.shape[1]))
        lines = [head]
        for i, name in enumerate(self.names):
            cells = [
                f"{self.slope[i, t]:>8.2f} for {power(self.predicted[i, t]):>5} {'holds' if ok else 'OFF':>5}"
                for t, ok in enumerate(self.holds[i])
            ]
            lines.append(f"{name:22}" + "".join(f"{cell:>24}" for cell in cells))
        return "\n".join([*lines, "all lines hold" if self.ok else f"{(~self.holds).sum()} lines are off"])

    def plot(self, axes: Any = None) -> Figure:
        """Sizes against the width at the last step, with the predicted slopes as dashed lines; what is off is drawn in red. On matplotlib
        ``axes``, or new ones."""
        axes = one_axes(axes, (6.6, 4))
        widths, last = np.array(self.measured.widths), self.holds.shape[1] - 1
        mean = self.measured.log_sizes.mean(axis=1)[:, :, last]
        for i, name in enumerate(self.names):
            row = self.measured.names.index(name)
            color = f"C{i % 9}" if self.holds[i, last] else "red"
            label = name if self.holds[i, last] else f"{name} (off)"
            axes.loglog(widths, np.exp(mean[:, row]), "o-", color=color, label=label, markersize=3)
            if np.isfinite(self.predicted[i, last]):
                guide = np.exp(mean[0, row]) * (widths / widths[0]) ** self.predicted[i, last]
                axes.loglog(widths, guide, "--", color=color, linewidth=0.8)
        axes.set(xlabel="width $m$", ylabel=f"root mean square at step {last}")
        label_widths(axes, widths)
        plain_ticks(axes.yaxis)
        axes.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
        return axes.figure


def coordinate_check(
    parameterization: Parameterization,
    activation: str | Activation,
    widths: Sequence[int] = (64, 128, 256, 512),
    *,
    built: Parameterization | None = None,
    steps: int = 2,
    seeds: int = 8,
    learning_rate: float = 0.3,
    band: float = 0.2,
) -> CoordinateCheck:
    r"""Train finite networks for a few steps and say, line by line, whether they scale as predicted.

    Parameters
    ----------
    parameterization : Parameterization
        Whose exponents are the prediction.
    activation : str or Activation
    widths : sequence of int
        At least two.
    built : Parameterization, optional
        What was built, where that is in doubt; it is measured in place of ``parameterization``.
    steps : int
        Last step measured.
    seeds : int
        Networks per width.
    learning_rate : float
        Base rate. Signals of feature learning drown in noise at very small ones.
    band : float
        Deviation of a slope that is allowed beyond two standard errors: finite widths bend lines.

    Raises
    ------
    ValueError
        Where an argument is out of its range, or ``built`` has another depth, or biases that the other has not.

    Examples
    --------
    A readout that learns at the rate of the hidden layers, without its factor of the width:

    >>> from dataclasses import replace
    >>> from infwidth.limits import Parameterization, scaling
    >>> mup = Parameterization.mup(2)
    >>> scaling.coordinate_check(mup, "relu", (32, 128, 512)).ok
    True
    >>> bug = replace(mup, c=(*mup.c[:-1], 0.0))
    >>> scaling.coordinate_check(mup, "relu", (32, 128, 512), built=bug).offenders[0]
    'step 0, update of output: slope -0.95 +- 0.07, predicted 0'
    """
    steps, seeds = integer("steps", steps, least=0), integer("seeds", seeds, least=2, most=10_000)
    learning_rate = real("learning_rate", learning_rate, least=1e-10, most=1e6)
    band = real("band", band, least=0)
    built = parameterization if built is None else built
    for name, value in (("parameterization", parameterization), ("built", built)):
        if not isinstance(value, Parameterization):
            raise TypeError(f"{name}: need a Parameterization, got {type(value).__name__}")
    if built.hidden_layers != parameterization.hidden_layers:
        raise ValueError(f"built: has {built.hidden_layers} hidden layers, not {parameterization.hidden_layers}; compare one depth")
    if (built.bias_std is None) != (parameterization.bias_std is None):
        raise ValueError("built: one of the two parameterizations has biases, the other has none; give both or neither")
    rng = np.random.default_rng(0)  # the data do not matter, but they are the same each time
    X = rng.standard_normal((SAMPLES, DIM)) / DIM**0.5
    y = 2 * np.sign(rng.standard_normal(SAMPLES))
    measured = slopes(built, activation, X, y, learning_rate=learning_rate, widths=widths, seeds=range(seeds), steps=steps)
    table = dict(exponents(parameterization, activation, steps).rows())
    predicted = np.array([table[name] for name in measured.names])
    slope, error = measured.slope, measured.standard_error
    with np.errstate(invalid="ignore"):
        holds = (np.abs(slope - predicted) <= band + 2 * error) | (predicted == -np.inf)
    return CoordinateCheck(measured.names, predicted, slope, error, holds, band, measured)
