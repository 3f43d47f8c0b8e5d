r"""The plane of scalings of one, two and three hidden layers, and its exponents on finite networks.

Top and middle: the classes of ``scaling.plane_class`` under gradient descent and RMSProp, at the rates of arXiv:2003.05884. Grey: the
function does not learn; white: parameters move by more than their size; in between the band, coloured by whether logits vanish or diverge
at the start, whether the function changes by a vanishing or a diverging amount, and whether kernels evolve.

Below: at random points of the bands of two and three hidden layers networks make two steps under the logistic loss, and the slopes in
the width of the terms of f (``scaling.output_term_slopes``) are held against the predicted exponents; gradient descent only where logits
do not diverge, so that residuals stay what they are.

Without --quick (widths 256 and 1024) slopes within .1 and two standard errors are, with two hidden layers, 89 of 96 under gradient descent
and 85 of 96 under RMSProp, with three 192 and 186 of 192. Of the 24 others 13 are those of the initial weights alone and 4 those with the
first layer's increment: masks that switch give these their powers, by small prefactors.

    python benchmarks/deep_plane.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import activations, scaling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

METHODS = {"gradient": "gradient descent", "rmsprop": "RMSProp"}
DEPTHS = (1, 2, 3)
CLOSE = 0.1  # of a slope to its prediction, and two standard errors
STEP = 2
RATE = {"gradient": 3.0, "rmsprop": 0.1}
X = np.array([[1.0, 0.3], [-0.4, 1.0], [0.8, -1.0]])
Y = np.array([[1, -1, 1, 1, -1, 1], [-1, 1, 1, 1, -1, -1], [1, 1, -1, 1, -1, 1.0]])  # six outputs, over which sizes are averaged
SORTS = [
    f"{sizes}, kernels {kernels}"
    for sizes in ("f vanishes, change vanishes", "f vanishes, change diverges", "f and change diverge")
    for kernels in ("constant", "evolve")
]


def point(q: float, s: float, method: str, hidden_layers: int) -> scaling.PlaneClass:
    """At the same s gradient descent and RMSProp move the outer layers of one hidden layer alike."""
    return scaling.plane_class(q, s if method == "rmsprop" else s - q, method=method, hidden_layers=hidden_layers)


def sort(where: scaling.PlaneClass) -> float:
    """Number of its colour: -2 diverges, -1 does not learn, else that of ``SORTS``."""
    if not where.stable:
        return -2
    if not where.nontrivial:
        return -1
    e = where.exponents(3)
    return 2 * (e["f0"] > 0) + 2 * (e["change"] > 0) + where.evolving_kernels


def maps(cells: int) -> dict[str, Any]:
    """Colour of a grid of points, method by method and depth by depth."""
    q, s = np.linspace(-1.4, 0.2, cells) + 1e-4, np.linspace(-0.9, 0.2, cells) + 1e-4  # beside the lines
    grids = {f"{method} {L}": [[sort(point(a, b, method, L)) for a in q] for b in s] for method in METHODS for L in DEPTHS}
    return {"q": q.tolist(), "s": s.tolist(), **grids}


def measure(where: scaling.PlaneClass, widths: tuple[int, ...], seeds: int) -> list[dict[str, Any]]:
    """One row per term of f."""
    rate = RATE[where.method]
    method: Any = iw.GradientDescent(rate, STEP) if where.method == "gradient" else iw.RMSProp(rate, STEP, epsilon=0)
    leaky = activations.leaky_relu(0.1)
    found = scaling.output_term_slopes(where.parameterization, leaky, X, Y, method, widths=widths, seeds=range(seeds))
    predicted, place = where.exponents(STEP), {"class": where.name, "q_sigma": where.q_sigma, "q_tilde": where.q_tilde}
    return [
        place
        | {"term": name, "predicted": predicted[name], "slope": float(found.slope[i, STEP]), "error": float(found.standard_error[i, STEP])}
        for i, name in enumerate(found.names)
    ]


def draw(grids: dict[str, Any], rows: list[dict[str, Any]]) -> Figure:
    import matplotlib.pyplot as plt
    from matplotlib.colors import BoundaryNorm, ListedColormap

    figure, axes = plt.subplots(3, 3, figsize=(14, 11), layout="constrained")
    paired = plt.get_cmap("Paired")(np.arange(8))
    colours = ListedColormap(["white", "0.8", *paired[:4], *paired[6:]])
    norm = BoundaryNorm(np.arange(-2.5, 6), 8)
    for row, (method, name) in zip(axes, METHODS.items(), strict=False):
        for ax, L in zip(row, DEPTHS, strict=True):
            mesh = ax.pcolormesh(grids["q"], grids["s"], grids[f"{method} {L}"], cmap=colours, norm=norm)
            ax.set(title=f"{name}, {L} hidden layer{'s' if L > 1 else ''}", xlabel=r"$q_\sigma$")
            ax.set_ylabel(r"$\tilde q$" if method == "rmsprop" else r"$q_\sigma + \tilde q$")
    bar = figure.colorbar(mesh, ax=axes[:2], ticks=range(-2, 6), fraction=0.03)
    bar.ax.set_yticklabels(["diverges", "does not learn", *SORTS], fontsize=8)
    for ax, L in zip(axes[2], DEPTHS[1:], strict=False):
        for i, (method, name) in enumerate(METHODS.items()):
            these = [r for r in rows if r["hidden_layers"] == L and r["method"] == method]
            e, slope, error = (np.array([r[key] for r in these]) for key in ("predicted", "slope", "error"))
            ax.errorbar(e, slope, error, fmt=".", color=f"C{i}", ms=3, lw=0.5, label=name)
        ends = np.array(ax.get_xlim())
        ax.plot(ends, ends, color="black", lw=1)
        ax.set(xlabel="predicted exponent", ylabel="slope of finite networks", title=f"terms of f, {L} hidden layers")
        ax.legend()
    axes[2][2].axis("off")
    return figure


def main() -> None:
    chosen = harness.options(__doc__)
    cells, number, widths, seeds = (13, 2, (32, 128), 8) if chosen.quick else (49, 12, (256, 1024), 16)
    grids = maps(cells)
    rng, rows = np.random.default_rng(chosen.seed), []
    for L in DEPTHS[1:]:
        for method in METHODS:
            here: list[dict[str, Any]] = []
            while len(here) < number * 2 ** (L + 1):
                where = point(rng.uniform(-1.3, 0.0), rng.uniform(-0.8, 0.1), method, L)
                e = where.exponents(STEP)
                if where.stable and where.nontrivial and (method == "rmsprop" or max(e["f0"], e["change"]) <= 0):
                    here += measure(where, widths, seeds)
            gaps = [abs(row["slope"] - row["predicted"]) - 2 * row["error"] for row in here]
            close = sum(gap < CLOSE for gap in gaps)
            worst = here[int(np.argmax(gaps))]
            print(f"{METHODS[method]}, {L} hidden layers: {close} of {len(here)} slopes within {CLOSE} and two standard errors")
            print(f"    the furthest: {worst['term']} {worst['slope']:.2f} for {worst['predicted']:.2f}, {worst['class']}")
            rows += [row | {"method": method, "hidden_layers": L} for row in here]
    harness.write(chosen, "deep_plane", {"maps": grids, "rows": rows}, draw(grids, rows))


if __name__ == "__main__":
    main()
