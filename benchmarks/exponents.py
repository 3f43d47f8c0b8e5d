r"""Powers of the width: the exponent calculus against slopes of finite networks.

For every parameterization, activation and number of hidden layers, networks of widths 2^6..2^10 make two steps of gradient descent on
one fixed problem (squared loss, targets of order 1, so that the residual stays of order 1). Pre-activations, m df/dh, f, the effect of
every layer's own update, and the changes of h and f are measured at steps 0, 1, 2; slopes of their mean logarithms in log m are held
against ``scaling.exponents``. The tolerance is .2.

Every disagreement is listed and put into the first of these classes that fits:

residual          the residual itself depends on m in that step (a good first step, or an overshoot); taking its slope out agrees
small prefactor   agrees with a first step 3 or 10 times larger (later steps the same, or a tenth, so as not to overshoot): a term of the
                  predicted power is there, but its constant is small, and noise terms of order m^{-1/2} cover it
overshoot         agrees with all rates five times smaller
crossover         on its way: from all rates five times smaller to the larger first steps the slope comes nearer by .2 or more
seed noise        not outside the tolerance by more than two standard errors
unexplained       none of these

    python benchmarks/exponents.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from infwidth.limits import Parameterization, scaling

Array = np.ndarray

TOLERANCE = 0.2
RATE = 0.5
FIRST_RATE = {"IP-LLR": 2.0}  # makes its first step of order 1: the mean of y x is about 1/2
STEPS = 2
ACTIVATIONS = ("linear", "relu", "tanh")
LARGER: dict[str, tuple[float, float]] = {  # factors of the first rate and of the later ones
    "first x 3": (3, 1),
    "first x 10": (10, 1),
    "first x 3, later / 10": (3, 0.1),
    "first x 10, later / 10": (10, 0.1),
}
SMALLER = "all / 5"
CONTROLS = LARGER | {SMALLER: (0.2, 0.2)}
CLASSES = ("residual", "small prefactor", "overshoot", "crossover", "seed noise", "unexplained")
COLORS = dict(zip(CLASSES, ("#8e6bbf", "#2c7fb8", "#41ab5d", "#7fcdbb", "#f0b429", "#d7301f"), strict=True))


def parameterizations(hidden_layers: int) -> list[Parameterization]:
    P, L = Parameterization, hidden_layers
    return [
        P.standard(L),
        P.ntk(L),
        P.mup(L),
        P.integrable(L),
        P.integrable_large_lr(L),
        P.integrable_bias(L),
        P.integrable_non_centered(L),
    ]


def data(seed: int) -> tuple[Array, Array]:
    """Eight unit vectors in four dimensions; a target of mean 1 and slope 2."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((8, 4))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    direction = rng.standard_normal(4)
    return X, 1 + 2 * (X - X.mean(axis=0)) @ direction / np.linalg.norm(direction)


class Case:
    """One parameterization, activation and depth: measured, compared, its disagreements explained."""

    def __init__(self, p: Parameterization, activation: str, widths: tuple[int, ...], seeds: int, seed: int) -> None:
        self.p, self.activation, self.widths, self.seeds, self.seed = p, activation, widths, seeds, seed
        table = scaling.exponents(p, activation, STEPS)
        self.names = [name for name, _ in table.rows()]
        self.predicted = np.array([values for _, values in table.rows()])

    def measure(self, first: float = 1.0, later: float = 1.0, widths: tuple[int, ...] | None = None) -> scaling.Slopes:
        """Slopes with the rate of step 0, or those of the later steps, multiplied."""
        X, y = data(self.seed)
        return scaling.slopes(
            self.p,
            self.activation,
            X,
            y,
            learning_rate=RATE * later,
            first_learning_rate=FIRST_RATE.get(self.p.name, RATE) * first,
            widths=widths or self.widths,
            seeds=[1000 * self.seed + s for s in range(self.seeds)],
            steps=STEPS,
        )

    def run(self) -> dict[str, Any]:
        began = time.perf_counter()
        measured = self.measure()
        assert list(measured.names) == self.names
        off = measured.slope - self.predicted
        wrong = np.argwhere(~(np.abs(off) <= TOLERANCE))
        controls = {}
        if len(wrong):
            few = self.widths[:-1] if len(self.widths) > 3 else self.widths
            controls = {name: self.measure(first, later, few) for name, (first, later) in CONTROLS.items()}
        residual = scaling.Slopes(("residual",), measured.widths, np.log(measured.residual)[:, :, None], measured.residual).slope[0]
        disagreements = []
        for i, t in wrong:
            kind, evidence = self.explain(int(i), int(t), measured, residual, controls)
            disagreements.append(
                {
                    "quantity": self.names[i],
                    "step": int(t),
                    "predicted": float(self.predicted[i, t]),
                    "slope": float(measured.slope[i, t]),
                    "standard_error": float(measured.standard_error[i, t]),
                    "class": kind,
                    "evidence": evidence,
                }
            )
        return {
            "parameterization": self.p.name,
            "hidden_layers": self.p.hidden_layers,
            "activation": self.activation,
            "points": self.predicted.size,
            "agree": self.predicted.size - len(wrong),
            "predicted": self.predicted.ravel().tolist(),
            "slopes": measured.slope.ravel().tolist(),
            "disagreements": disagreements,
            "seconds": time.perf_counter() - began,
        }

    def explain(self, i: int, t: int, measured: scaling.Slopes, residual: Array, controls: dict[str, scaling.Slopes]) -> tuple[str, str]:
        predicted, error = self.predicted[i, t], measured.standard_error[i, t]
        off = measured.slope[i, t] - predicted
        there = {name: control.slope[i, t] - predicted for name, control in controls.items()}
        if self.names[i].startswith(("update", "change")) and abs(residual[t]) > 0.1 and abs(off - residual[t]) <= TOLERANCE:
            return "residual", f"the residual has slope {residual[t]:.2f}"
        for name in LARGER:
            if abs(there[name]) <= TOLERANCE:
                return "small prefactor", f"{name}: {predicted + there[name]:.2f}"
        if abs(there[SMALLER]) <= TOLERANCE:
            return "overshoot", f"{SMALLER}: {predicted + there[SMALLER]:.2f}"
        evidence = ", ".join(f"{name}: {predicted + o:.2f}" for name, o in there.items())
        nearest = min(abs(o) for o in (off, *(there[name] for name in LARGER)) if np.isfinite(o))
        if abs(there[SMALLER]) - nearest >= TOLERANCE:
            return "crossover", evidence
        if abs(off) <= TOLERANCE + 2 * error:
            return "seed noise", evidence
        return "unexplained", evidence


def run_case(case: Case) -> dict[str, Any]:
    with threadpool_limits(1):
        return case.run()


def report(results: list[dict[str, Any]]) -> None:
    print(f"slopes within {TOLERANCE} of the prediction, all L\n{'':18}" + "".join(f"{a:>12}" for a in ACTIVATIONS))
    for name in dict.fromkeys(r["parameterization"] for r in results):
        row = []
        for activation in ACTIVATIONS:
            mine = [r for r in results if r["parameterization"] == name and r["activation"] == activation]
            row.append(f"{sum(r['agree'] for r in mine)}/{sum(r['points'] for r in mine)}")
        print(f"{name:18}" + "".join(f"{cell:>12}" for cell in row))
    print("\ndisagreements")
    for r in results:
        for d in r["disagreements"]:
            print(
                f"{r['parameterization']:16} L={r['hidden_layers']} {r['activation']:7} {d['quantity']:18} step {d['step']}:"
                f" {d['slope']:6.2f} +- {d['standard_error']:.2f} (predicted {d['predicted']:4.1f})  {d['class']:16} {d['evidence']}"
            )
    points, agree = sum(r["points"] for r in results), sum(r["agree"] for r in results)
    classes = Counter(d["class"] for r in results for d in r["disagreements"])
    print(f"\n{agree} of {points} agree; " + ", ".join(f"{kind}: {classes[kind]}" for kind in CLASSES))


def plot(results: list[dict[str, Any]], path: Path, widths: tuple[int, ...], seeds: int) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(12, 4.6), sharex=True, sharey=True, layout="constrained")
    rng = np.random.default_rng(0)
    for ax, activation in zip(axes, ACTIVATIONS, strict=True):
        mine = [r for r in results if r["activation"] == activation]
        x, y = (np.concatenate([r[key] for r in mine]) for key in ("predicted", "slopes"))
        good = np.abs(x - y) <= TOLERANCE
        line = np.array([min(x.min(), y.min()) - 0.3, max(x.max(), y.max()) + 0.3])
        ax.fill_between(line, line - TOLERANCE, line + TOLERANCE, color="0.92", lw=0, label=f"predicted $\\pm$ {TOLERANCE}")
        jitter = rng.uniform(-0.09, 0.09, x.size)
        ax.plot((x + jitter)[good], y[good], ".", color="0.55", ms=3, alpha=0.5, label=f"agree: {good.sum()} of {good.size}")
        for kind in CLASSES:
            bad = [(d["predicted"], d["slope"]) for r in mine for d in r["disagreements"] if d["class"] == kind]
            if bad:
                px, py = np.array(bad).T
                ax.plot(px + rng.uniform(-0.09, 0.09, px.size), py, "o", ms=4, mew=0, color=COLORS[kind], label=f"{kind}: {len(bad)}")
        ax.set(title=activation, xlabel="predicted exponent of m")
        ax.legend(fontsize=8, loc="upper left")
    axes[0].set_ylabel(f"measured slope, m = {widths[0]}..{widths[-1]}")
    depths = sorted({r["hidden_layers"] for r in results})
    figure.suptitle(
        f"Exponent calculus against finite networks: 7 parameterizations, L = {depths[0]}..{depths[-1]}, steps 0, 1, 2, {seeds} seeds"
        " (small horizontal shifts separate the points)",
        fontsize=10,
    )
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="widths to 2^8, L to 3, fewer seeds")
    parser.add_argument("--seed", type=int, default=0, help="of the data and of the networks")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of exponents.json and exponents.png")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    widths = (64, 128, 256) if options.quick else (64, 128, 256, 512, 1024)
    seeds, depth = (8, 3) if options.quick else (16, 4)
    cases = [
        Case(p, activation, widths, seeds, options.seed)
        for L in range(1, depth + 1)
        for p in parameterizations(L)
        for activation in ACTIVATIONS
    ]
    began = time.perf_counter()
    with ProcessPoolExecutor(options.workers) as pool:
        results = list(pool.map(run_case, cases))
    report(results)
    seconds = time.perf_counter() - began
    print(f"{seconds:.0f} s")
    options.out.mkdir(parents=True, exist_ok=True)
    setting = {"widths": widths, "seeds": seeds, "seed": options.seed, "rate": RATE, "first_rate": FIRST_RATE, "tolerance": TOLERANCE}
    (options.out / "exponents.json").write_text(json.dumps({"setting": setting, "seconds": seconds, "cases": results}, indent=1))
    plot(results, options.out / "exponents.png", widths, seeds)


if __name__ == "__main__":
    main()
