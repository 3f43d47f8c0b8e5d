r"""A limit for every class of the plane of scalings: finite networks against it, in all thirteen.

Tanh networks with three samples under the logistic loss, away from ties of the signs that diverging logits are read by. Logits in units of
their change, :math:`d^{-u} f_t`, are held against ``scaling.plane_limit`` in steps 1 and 2; where the limit has a random start, that of the
network. The gap falls by the power of the largest of the terms that the limit leaves out (``gap_exponent``): fluctuations, the start beside
the change, the kernel's move, residuals of logits that are not yet zero. Only some classes have the usual -1/2.

    python benchmarks/plane_limits.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import scaling
from infwidth.solvers.figures import label_widths, plain_ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

X = np.array([[-0.3, -0.6], [-1.1, -1.2], [0.8, 0.6]])
Y = np.array([1.0, -1.0, 1.0])
STEPS = 2
# One point of each class. Some are not those of plane_classes: at s = -1/6 the start and the kernel's move have the same exponent -1/3, and
# no mixture of powers is fitted by one. (-1/2, 1/4) and (0, -1/4) were tried first, and came out steeper than their leading term; samples,
# rates and widths were chosen so that it shows.
POINTS = [
    (-1, 1), (-0.5, 0), (-0.5, 0.5), (-0.75, 0.5), (-0.5, 1 / 3), (-0.75, 0.75), (-1.5, 1.5), (0, 0), (-1, 0.5), (0, -0.5), (-2 / 3, 0.5),
    (-1, 0.75), (0, -1 / 6),
]  # fmt: skip


def rate(limit: Any) -> float:
    """Large enough that diverging logits decide the signs at the smallest width, and below the edge that kernels stay what they are."""
    if limit.exponent < 1e-9:
        return 2.0
    return {0.0: 4.0, -0.5: 8.0}.get(limit.q_sigma, 20.0) if not limit.where.evolving_kernels else 20.0


def gaps(limit: Any, width: int, seeds: int, seed: int) -> list[float]:
    """Root mean square over steps and samples, for each network."""
    method, found, reference = iw.GradientDescent(rate(limit), STEPS), [], None
    start_unit = width ** limit.where.exponents()["f0"]
    for label in range(seeds):
        network = iw.Network(2, 1, width, "tanh", limit.parameterization)
        sol = iw.solve(network, X, Y, method, loss="logistic", rng=np.random.SeedSequence([seed, label, width]))
        own = limit
        if limit.random_start:
            start = sol.outputs[0] / start_unit
            own = limit.started_at(lambda Z, start=start: start)
        if limit.random_start or reference is None:
            reference = iw.solve(own, X, Y, method, loss="logistic", rng=0).outputs
        found.append(float(np.sqrt(np.mean((sol.outputs / limit.unit(width) - reference)[1:] ** 2))))
    return found


def draw(rows: list[dict[str, Any]]) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(3, 5, figsize=(15, 8), layout="constrained")
    for ax, row in zip(axes.ravel(), rows, strict=False):
        widths, values = np.array(row["widths"]), np.array(row["gaps"])
        ax.loglog(np.repeat(widths, values.shape[1]), values.ravel(), ".", color="C0", alpha=0.3)
        middle = np.exp(np.log(values).mean(axis=1))
        ax.loglog(widths, middle, "o", color="C0")
        guide = np.exp(np.log(middle).mean()) * (widths / np.exp(np.log(widths).mean())) ** row["predicted"]
        ax.loglog(widths, guide, "--", color="black")
        label_widths(ax, widths)
        plain_ticks(ax.yaxis)
        ax.set_title(
            f"{row['class'].replace(', ', chr(10), 1)}\n{row['slope']:.2f} ± {row['error']:.2f}, predicted {row['predicted']:.2f}",
            fontsize=8,
        )
    for ax in axes.ravel()[len(rows) :]:
        ax.axis("off")
    figure.supxlabel("width")
    figure.supylabel("gap between networks and the limit of their class")
    return figure


def main() -> None:
    chosen = harness.options(__doc__)
    particles, seeds = (8192, 12) if chosen.quick else (131072, 96)
    rows: list[dict[str, Any]] = []
    for point in POINTS:
        limit = scaling.plane_limit(*point, "tanh", particles, quasi_random=True)
        found = limit.where
        if limit.gap_exponent < -0.4:  # gaps come down to the error of the particles
            widths = (64, 256, 1024) if chosen.quick else (64, 512, 4096)
        else:  # terms that fall faster are still there at small widths
            widths = (256, 1024, 4096) if chosen.quick else (2048, 16384, 131072)
        values = [gaps(limit, width, seeds, chosen.seed) for width in widths]
        slope, error = iw.power_law(widths, values)
        rows.append(
            {
                "class": found.name,
                "q_sigma": found.q_sigma,
                "q_tilde": found.q_tilde,
                "rate": rate(limit),
                "widths": widths,
                "gaps": values,
                "slope": slope,
                "error": error,
                "predicted": limit.gap_exponent,
            }
        )
        at = f"({found.q_sigma:5.2f}, {found.q_tilde:5.2f})"
        print(f"{found.name:50} {at}  slope {slope:.3f} +- {error:.3f}, predicted {limit.gap_exponent:.3f}", flush=True)
    harness.write(chosen, "plane_limits", {"rows": rows}, draw(rows))


if __name__ == "__main__":
    main()
