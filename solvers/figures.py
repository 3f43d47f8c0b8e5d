"""The figure of a Solution: loss, outputs and density, whichever it has; and axes of widths and of few powers of ten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from .abilities import OnGrid
from .checks import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .solution import Solution

__all__ = ["draw", "label_widths", "one_axes", "plain_ticks"]

Array = np.ndarray

STYLES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")  # of the outputs of a sample
FEW = 12  # times; so many are marked one by one
TICKS = 5
PARTS = (1.0, 2.0, 5.0)  # of a power of ten, that have ticks
APART = 0.1  # of the axis, between the numbers of two ticks


def draw(sol: Solution, axes: Any, samples: int) -> Figure:
    """The panels that the Solution has something for, on axes of its own or on those given."""
    panels = [_loss]
    if sol.outputs.shape[1] or (sol.test_outputs is not None and sol.test_outputs.shape[1]):
        panels.append(_outputs)
    if isinstance(sol.problem, OnGrid) and sol.state is not None:
        panels.append(_density)
    if axes is None:
        import matplotlib.pyplot as plt

        _, axes = plt.subplots(1, len(panels), figsize=(1 + 4 * len(panels), 3.4), layout="constrained")
    chosen = _axes(axes)
    for panel, ax in zip(panels, chosen, strict=False):
        panel(sol, ax, samples)
        ax.locator_params(axis="x", nbins=TICKS)
    for ax in chosen[len(panels) :]:
        ax.set_axis_off()
    return cast("Figure", chosen[0].figure)


def _axes(axes: Any) -> list[Axes]:
    from matplotlib.axes import Axes

    chosen = [axes] if isinstance(axes, Axes) else list(np.ravel(axes)) if isinstance(axes, list | tuple | np.ndarray) else []
    if not chosen or not all(isinstance(ax, Axes) for ax in chosen):
        raise TypeError(
            f"axes: need matplotlib Axes, one for the loss alone or a sequence for loss, outputs and density, got {shown(axes)}; "
            "for example matplotlib.pyplot.subplots(1, 2)[1]"
        )
    return chosen


def one_axes(axes: Any, figsize: tuple[float, float]) -> Any:
    """The Axes given, or new ones of that size in inches."""
    if axes is None:
        import matplotlib.pyplot as plt

        return plt.subplots(figsize=figsize, layout="constrained")[1]
    from matplotlib.axes import Axes

    if not isinstance(axes, Axes):
        raise TypeError(f"axes: need matplotlib Axes, got {shown(axes)}; for example matplotlib.pyplot.subplots()[1]")
    return axes


def _marker(sol: Solution) -> str:
    return "o" if len(sol.t) <= FEW else ""


def _loss(sol: Solution, ax: Axes, samples: int) -> None:
    ax.plot(sol.t, sol.loss, color="black", marker=_marker(sol), markersize=3)
    if np.all(sol.loss > 0):
        ax.set_yscale("log")
        plain_ticks(ax.yaxis)
    ax.set(xlabel="time $t$", ylabel="training loss")


def _outputs(sol: Solution, ax: Axes, samples: int) -> None:
    """Every output of the first samples, or of points spread over a population: a colour per sample, a line style per output; targets as
    crosses at the right edge, test points in grey."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    data = None if sol.problem is None else sol.problem.data
    if sol.problem is None or data is not None:
        outputs = sol.outputs[:, :samples]
    else:  # points of a population stand in order: its first ones are all alike
        count = sol.outputs.shape[1]
        outputs = sol.outputs[:, np.unique(np.linspace(0, count - 1, min(samples, count)).round().astype(int))]
    k, marker = outputs.shape[2], _marker(sol)
    spread = None if sol.covariance is None else np.sqrt(np.maximum(np.einsum("ticic->tic", sol.covariance), 0))
    for i in range(outputs.shape[1]):
        for c in range(k):
            row = outputs[:, i, c]
            ax.plot(sol.t, row, color=f"C{i % 10}", linestyle=STYLES[c % len(STYLES)], marker=marker, markersize=3)
            if spread is not None:
                ax.fill_between(sol.t, row - spread[:, i, c], row + spread[:, i, c], color=f"C{i % 10}", alpha=0.2, linewidth=0)
            elif sol.error is not None:
                ax.fill_between(sol.t, row - sol.error, row + sol.error, color="grey", alpha=0.3, linewidth=0)
            if data is not None and data.loss.name == "squared":
                ax.plot(sol.t[-1], data.y[i, c], "x", color=f"C{i % 10}", clip_on=False, zorder=3)
    tests = np.empty((len(sol.t), 0, k)) if sol.test_outputs is None else sol.test_outputs[:, :samples]
    for i in range(tests.shape[1]):
        for c in range(k):
            row = tests[:, i, c]
            ax.plot(sol.t, row, color="0.6", linewidth=1, linestyle=STYLES[c % len(STYLES)], marker=marker, markersize=2)
            if spread is not None:
                sd = spread[:, sol.outputs.shape[1] + i, c]
                ax.fill_between(sol.t, row - sd, row + sd, color="0.6", alpha=0.2, linewidth=0)
    keys: list[Any] = [
        Line2D([], [], color="black", linestyle=STYLES[c % len(STYLES)], label=f"output {c}") for c in range(k if 1 < k <= 4 else 0)
    ]
    if data is not None and data.loss.name == "squared" and outputs.shape[1]:
        keys.append(Line2D([], [], color="black", linestyle="", marker="x", label="targets"))
    if tests.shape[1]:
        keys.append(Line2D([], [], color="0.6", label="test points"))
    if spread is not None:
        keys.append(Patch(color="black", alpha=0.2, label="mean ± standard deviation"))
    if keys:
        ax.legend(handles=keys, fontsize="small")
    ax.set(xlabel="time $t$", ylabel="outputs" if k > 1 else "output")


def _density(sol: Solution, ax: Axes, samples: int) -> None:
    """The density at the end: a curve over one axis, a map over two, both signs of a signed measure."""
    assert isinstance(sol.problem, OnGrid)
    grid, density = sol.problem.grid, sol.problem.density(sol.state)
    if grid.dims == 2:
        mesh = ax.pcolormesh(*grid.edges, density.T, cmap="Greys")
        ax.figure.colorbar(mesh, ax=ax, label=f"density at $t$ = {sol.t[-1]:g}")
        ax.set(xlabel="first axis", ylabel="second axis")
        return
    signs = density.reshape(-1, len(grid.axes[0]))
    for values, label in zip(signs, ("positive", "negative"), strict=False):
        ax.stairs(values, grid.edges[0], label=label)
    if len(signs) > 1:
        ax.legend(fontsize="small")
    ax.set(xlabel="angle" if len(signs) > 1 else "position", ylabel=f"density at $t$ = {sol.t[-1]:g}", ylim=(0, None))


def label_widths(axes: Any, widths: Any) -> None:
    """Ticks at the widths of a logarithmic axis, with the numbers of those that are far enough apart to be read."""
    from matplotlib.ticker import NullLocator

    widths = np.unique(widths)
    places = np.log(widths / widths[0]) / np.log(widths[-1] / widths[0])
    named = [0]
    for i in range(1, len(widths) - 1):
        if places[i] - places[named[-1]] >= APART and 1 - places[i] >= APART:
            named.append(i)
    named.append(len(widths) - 1)
    axes.set_xticks(widths, [str(m) if i in named else "" for i, m in enumerate(widths)])
    axes.xaxis.set_minor_locator(NullLocator())


def plain_ticks(axis: Any) -> None:
    """Plain numbers on a logarithmic axis with fewer than two powers of ten in view: at 1, 2 and 5 times them, or else evenly apart.

    Matplotlib labels all ticks there, and their numbers run into each other.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    low, high = axis.get_view_interval()
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high) + 1)
    in_view = [np.count_nonzero((low <= ticks) & (ticks <= high)) for ticks in (powers, np.outer(powers, PARTS))]
    if in_view[0] < 2:
        axis.set_major_locator(LogLocator(subs=PARTS) if in_view[1] > 1 else MaxNLocator(3))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
