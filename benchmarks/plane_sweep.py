r"""The plane of scalings of two-layer networks: the class that finite networks show, against the one that is predicted.

At random points of the plane (and on its lines) networks of widths 2^8..2^12 make one step of gradient descent, or of RMSProp, under the
logistic loss. Slopes in the width of the logits at the start, of the change of the function to first order (gradient descent: of the
tangent kernel), of one parameter's move and of the change of the function (root mean squares over networks) are held against
``scaling.plane_class``; for gradient descent moves and changes are divided by the root mean square of the residuals, which is bounded but
goes from 1/2 to 0 or 1 as logits grow, and for RMSProp residuals do not count. All samples are of one class: with two, residuals cancel at
small logits and not at large ones, a factor that looks like a slope. Where a point lies, as far as networks tell, is read off the signs of
the slopes: one within .05 of zero counts as zero. A class that differs is listed with the distance of its point to the nearest line; only
points within .1 of a line may.

Without --quick, 200 points of each method: under gradient descent 164 are in the predicted class and the others within .052 of a line,
under RMSProp 164, within .056. Measured slopes are within .013 and .025 of the predicted exponents wherever training is stable.

    python benchmarks/plane_sweep.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import harness
import numpy as np

import infwidth as iw
from infwidth.limits import Parameterization, activations, scaling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

ZERO = 0.05  # slopes that count as zero
NEAR = 0.1  # to a line: may be taken for a neighbour
SAMPLES, DIM = 6, 8
RATE = 1.0
KEYS = ("f0", "kernel", "increment_a", "change")
METHODS = ("gradient", "rmsprop")


def points(number: int, rng: np.random.Generator) -> Array:
    """Points (q_sigma, s): two thirds anywhere around the band, one third on the lines that cut it."""
    found = []
    for i in range(number):
        q, s = rng.uniform(-1.6, 0.4), rng.uniform(-0.9, 0.4)
        if i % 3 == 2:
            line = ("logits", "kernels", "top", "bottom")[i // 3 % 4]
            q = -0.5 if line == "logits" else q
            s = {"logits": s, "kernels": -1 - q, "top": 0.0, "bottom": -0.5}[line]
        found.append((q, s))
    return np.array(found)


def measure(where: scaling.PlaneClass, widths: tuple[int, ...], seeds: int, seed: int) -> dict[str, float]:
    """Slopes of what the predicted exponents are of."""
    rng = np.random.default_rng([seed, 1])
    X, y = rng.standard_normal((SAMPLES, DIM)) / DIM**0.5, np.ones(SAMPLES)
    p = Parameterization((0, -where.q_sigma), (0, 0), (-where.q_tilde, -where.q_tilde))
    rmsprop = where.method == "rmsprop"
    # the first step of RMSProp is ten times its rate in every parameter
    method: Any = iw.RMSProp(RATE / 10, 1, epsilon=0) if rmsprop else iw.GradientDescent(RATE, 1)
    leaky, squares = activations.leaky_relu(0.1), []
    for m in widths:
        network = iw.Network(DIM, 1, m, leaky, p)
        for label in range(seeds):
            run = iw.solve(network, X, y, method, loss="logistic", rng=10_000 * seed + 100 * label + widths.index(m))
            start = run.problem.start()
            moved = run.problem.layers(run.state)[0][1] - run.problem.layers(start)[0][1]
            first = first_order(run.problem, start, run.state) if rmsprop else kernel(run.problem, start)
            residual = np.ones(1) if rmsprop else 1 / (1 + np.exp(np.minimum(y * run.outputs[0][:, 0], 700)))
            parts = (run.outputs[0], first, moved, run.outputs[1] - run.outputs[0], residual)
            squares.append([np.mean(np.square(v)) for v in parts])
    sizes = np.sqrt(np.array(squares).reshape(len(widths), seeds, len(KEYS) + 1).mean(axis=1))
    sizes[:, 2:4] /= sizes[:, 4:]
    return dict(zip(KEYS, np.polyfit(np.log(widths), np.log(sizes[:, :4]), 1)[0].tolist(), strict=True))


def kernel(problem: Any, state: Array) -> Array:
    """Diagonal of the tangent kernel, the rates included: how fast the function changes by a unit residual."""
    (_, a), _ = problem.layers(state)
    X = problem.data.X
    (_, x), (h, _) = problem.forward(state, X)
    slope = problem.activation.derivative(h)
    of_a, of_w = (x**2).sum(axis=1), ((a[0] * slope) ** 2).sum(axis=1) * (X**2).sum(axis=1)
    scale = problem.scales[1] ** 2
    return scale * (problem.rates.weights[1] * of_a + problem.rates.weights[0] * of_w)


def first_order(problem: Any, start: Array, state: Array) -> Array:
    """Change of the function from one state to the other, to first order in the parameters' moves."""
    (W, a), (new_W, new_a) = problem.layers(start)[0], problem.layers(state)[0]
    X = problem.data.X
    (_, x), (h, _) = problem.forward(start, X)
    moved = problem.activation.derivative(h) * (X @ (new_W - W).T)
    return problem.scales[1] * (x @ (new_a - a)[0] + moved @ a[0])


def signs(found: dict[str, float], near: float) -> tuple[int, ...]:
    """Sides of the four lines: logits, kernels, upper edge, lower edge."""
    sides = (found["f0"], found["kernel"], found["increment_a"], found["increment_a"] + 0.5)
    return tuple(0 if abs(v) <= near else int(np.sign(v)) for v in sides)


def distance(found: dict[str, float]) -> float:
    """To the nearest of the lines that the point is not on, in exponents."""
    sides = (found["f0"], found["kernel"], found["increment_a"], found["increment_a"] + 0.5)
    return min(abs(v) for v in sides if abs(v) > 1e-9)


def draw(rows: list[dict[str, Any]]) -> Figure:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 4.6), layout="constrained")
    for ax, method in zip(axes, METHODS, strict=False):
        q = np.array([-1.7, 0.5])
        ax.fill_between(q, -0.5, 0, color="0.92")
        for x, y in ((q, [0, 0]), (q, [-0.5, -0.5])):
            ax.plot(x, y, color="black", lw=1)
        ax.plot([-0.5, -0.5], [-0.5, 0], color="C0", lw=1, label=r"logits finite, $q_\sigma=-1/2$")
        ax.plot([-1, -0.5], [0, -0.5], color="C3", lw=1, label=r"change finite, $q_\sigma+s=-1$")
        for agrees, marker, color, label in ((True, "o", "0.45", "class as predicted"), (False, "x", "red", "another class")):
            these = np.array([(r["q_sigma"], r["s"]) for r in rows if r["agrees"] == agrees and r["method"] == method])
            if len(these):
                ax.plot(*these.T, marker, color=color, ms=4, label=f"{label}: {len(these)}")
        what = {"gradient": r"gradient descent, $s=q_\sigma+\tilde q$", "rmsprop": r"RMSProp, $s=\tilde q$"}[method]
        ax.set(xlabel=r"$q_\sigma$", ylabel="$s$", xlim=(-1.7, 0.5), ylim=(-1.45, 0.45), title=what)
        ax.legend(fontsize=7, loc="lower left", ncols=2)
    for i, key in enumerate(KEYS):
        axes[2].plot([r["predicted"][key] for r in rows], [r["measured"][key] for r in rows], ".", color=f"C{i}", label=key, ms=4)
    ends = np.array([-2.0, 2.0])
    axes[2].plot(ends, ends, color="black", lw=1)
    axes[2].set(xlabel="predicted exponent", ylabel="slope of finite networks", title="both methods")
    axes[2].legend()
    return figure


def sweep(method: str, chosen: Any) -> list[dict[str, Any]]:
    """One row per point: what is predicted, and what networks show."""
    widths, seeds, number = ((128, 512, 2048), 24, 24) if chosen.quick else ((256, 1024, 4096), 60, 200)
    rows: list[dict[str, Any]] = []
    for q, s in points(number, np.random.default_rng(chosen.seed)):
        where = scaling.plane_class(q, s if method == "rmsprop" else s - q, method=method)
        predicted = {key: where.exponents()[key] for key in KEYS}
        measured = measure(where, widths, seeds, chosen.seed)
        agrees = signs(predicted, 1e-9) == signs(measured, ZERO)
        place = {"method": method, "q_sigma": float(q), "s": float(s), "class": where.name, "stable": where.stable}
        rows.append(place | {"predicted": predicted, "measured": measured, "agrees": agrees, "distance": distance(predicted)})
    return rows


def main() -> None:
    chosen = harness.options(__doc__)
    rows: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    for method in METHODS:
        here = sweep(method, chosen)
        wrong = [row for row in here if not row["agrees"]]
        for row in wrong:
            slopes = ", ".join(f"{key} {value:.3f}" for key, value in row["measured"].items())
            print(f"({row['q_sigma']:.3f}, s {row['s']:.3f}) {row['class']}: {row['distance']:.3f} from a line; measured {slopes}")
        far = sum(row["distance"] > NEAR for row in wrong)
        gaps = {key: max(abs(row["measured"][key] - row["predicted"][key]) for row in here if row["stable"]) for key in KEYS}
        most = max((row["distance"] for row in wrong), default=0.0)
        print(f"{method}: {len(here) - len(wrong)} of {len(here)} points in the predicted class")
        print(f"    of the others {far} further than {NEAR} from a line; the furthest is at {most:.3f}")
        print("    largest gap of a slope where training is stable:", {key: round(gap, 3) for key, gap in gaps.items()})
        summary[method] = {"wrong": len(wrong), "far": far, "furthest": most, "gaps": gaps}
        rows += here
    harness.write(chosen, "plane_sweep", {"summary": summary, "rows": rows}, draw(rows))


if __name__ == "__main__":
    main()
