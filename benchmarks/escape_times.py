r"""Escape times: how long networks of width m stay at the stationary points of integrable parameterizations.

The limits of naive IP with 3 and more hidden layers, and of IP-LLR with 5 and more, are f = 0 for all time. A finite network leaves late.
The escape time is the first t = (learning rate) x (steps) with loss < .9 loss(f = 0), interpolated between steps; medians over seeds,
standard errors by resampling them. The curves fitted are a + b ln m; a + b m^p with a free p; the one that theory predicts; and for IP-LLR
with 6 and 7 layers the competing one, that of the direct route, on which no surviving kernel bridges a missing link:

               predicted                                             direct
    naive IP   L = 3: ln m      L = 4: m^(1/2)     L = 5: m
    IP-LLR     L = 5: ln m      L = 6: ln m        L = 7: m^(1/2) ln m   L = 6: m^(1/2)   L = 7: m

The curve of lowest AIC fits better, from a lead of 1 on; the error of predicting each width from the others is given beside it. Where the
predicted curve is the logarithm and the network is linear, its slope is predicted too.

What the widths can tell. From m = 32 to 512 the data do not decide for the predicted curve of L = 6 and 7: there the direct one fits better
(AIC lower by 3 to 7). L = 6 is decided by the run from m = 64 to 4096 at first step 1, whose range was chosen after the narrower networks
were seen. The predictions for L >= 7 rest on their derivation and on the integration of the exact chain
(tests/limits/integrable/test_escape.py). L = 5 at first step 1 is not asymptotic: its networks leave within 1 to 9 steps, and its slope
misses the predicted one by 3 standard errors.

Every case: 32 standard Gaussian data points in 4 dimensions, linear teacher, squared loss, full batch. The first rate of IP-LLR is
strength / |mean_i y_i phi(w.x_i)|: the surviving kernels then have norm ``strength``.

    python benchmarks/escape_times.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from harness import options, workers, write

import infwidth as iw
from infwidth.limits import Network, Parameterization, escape, saddle
from infwidth.limits.integrable.growth_curve import EXPONENTS

Array = np.ndarray

WIDTHS = (32, 48, 64, 96, 128, 192, 256, 512)
QUICK_WIDTHS = (32, 64, 96, 128)
LARGEST_ERROR = 0.5  # of a free exponent: predicted laws differ by that much
TITLES = {"naive": "naive IP", "large_lr": "IP-LLR"}


@dataclass(frozen=True)
class Case:
    """One network at all widths. ``strength`` is that of the first step of IP-LLR."""

    scheme: str
    hidden_layers: int
    activation: str
    learning_rate: float
    seeds: int
    strength: float | None = None
    first_width: int = 32
    last_width: int = 512
    quick: bool = True

    @property
    def name(self) -> str:
        first = "" if self.strength is None else f", first step {self.strength:g}"
        return f"{TITLES[self.scheme]} L={self.hidden_layers} {self.activation}{first}"

    @property
    def scaling(self) -> saddle.EscapeScaling:
        return saddle.escape_scaling(self.hidden_layers, self.scheme)

    @property
    def direct_exponent(self) -> float | None:
        """Exponent (L - 5)/2 of the direct route, where it differs from the predicted one."""
        return (self.hidden_layers - 5) / 2 if self.scheme == "large_lr" and self.hidden_layers > 5 else None


CASES = (
    Case("naive", 3, "linear", 0.1, 48),
    Case("naive", 3, "tanh", 0.2, 24),
    Case("naive", 4, "linear", 0.25, 32),
    Case("naive", 4, "tanh", 0.5, 16, quick=False),
    Case("naive", 5, "linear", 0.5, 24, last_width=256),
    Case("naive", 5, "tanh", 0.5, 16, last_width=256, quick=False),
    Case("large_lr", 5, "linear", 0.1, 64, 1.0, quick=False),  # leaves within 1 to 9 steps: not asymptotic
    Case("large_lr", 5, "linear", 0.25, 64, 0.5),
    Case("large_lr", 5, "tanh", 0.2, 32, 1.0, quick=False),
    Case("large_lr", 6, "linear", 0.2, 64, 1.0, first_width=64, last_width=4096),  # the bridge against the direct route
    Case("large_lr", 6, "linear", 0.25, 48, 0.5, quick=False),
    Case("large_lr", 6, "tanh", 0.25, 24, 1.0, quick=False),
    Case("large_lr", 7, "linear", 0.1, 48, 1.0, last_width=256, quick=False),
    Case("large_lr", 7, "linear", 0.5, 32, 0.5, last_width=256, quick=False),
    Case("large_lr", 7, "tanh", 0.5, 16, 1.0, last_width=256, quick=False),
)


def problem() -> tuple[Array, Array]:
    """The data of every case: 32 Gaussian points in 4 dimensions and a linear teacher of norm 1."""
    X = np.random.default_rng(0).standard_normal((32, 4))
    return X, X @ np.full(4, 0.5)


def first_rate(case: Case) -> float | None:
    """Base rate of the large first step."""
    if case.strength is None:
        return None
    return case.strength / saddle.growth_rate(*problem(), activation=case.activation)


def network(case: Case, width: int) -> Network:
    parameterization = Parameterization.integrable if case.scheme == "naive" else Parameterization.integrable_large_lr
    return Network(4, case.hidden_layers, width, case.activation, parameterization(case.hidden_layers))


class Times(NamedTuple):
    """Of one network. ``blow_up`` is "" where it did not diverge, else whether it did "before" or "after" its escape."""

    escape: float
    half_loss: float
    blow_up: str


def times(case: Case, width: int, seeds: Sequence[int]) -> list[Times]:
    """Times of every seed.

    A narrow network that its large first step makes diverge (loss above 10^6) before its loss ever crosses the level has left too: its
    escape time is when it diverged. The half-loss time of a diverged network is infinite.
    """
    X, y = problem()
    if width > 1024:
        X, y = X.astype(np.float32), y.astype(np.float32)
    zero = float(np.mean(y**2)) / 2
    method = iw.GradientDescent(case.learning_rate, steps=20_000, first_learning_rate=first_rate(case))
    found = []
    for seed in seeds:
        run = iw.solve(network(case, width), X, y, method, rng=seed, callback=lambda point: point.loss < 0.5 * zero)
        if run.success:
            found.append(Times(escape.escape_time(run), escape.escape_time(run, 0.5), ""))
        elif run.loss.min() < 0.9 * zero:
            found.append(Times(escape.escape_time(run), np.inf, "after"))
        else:
            found.append(Times(float(run.t[-1]) + case.learning_rate, np.inf, "before"))
    return found


def job(task: tuple[Case, int, tuple[int, ...]]) -> list[Times]:
    return times(*task)


def study(case: Case, widths: Sequence[int], seeds: int, first_seed: int, executor: Executor | None, resamples: int) -> dict[str, Any]:
    """Times at every width, and the fits. The seeds of a width are its own."""
    tasks = []
    for width in widths:
        count = seeds if width <= 512 else max(seeds // 4, 16)
        own = np.random.SeedSequence((first_seed, width)).generate_state(count).tolist()
        tasks += [(case, width, tuple(own[i : i + 8])) for i in range(0, count, 8)]
    tasks.sort(key=lambda task: -task[1])  # the longest first
    gathered: dict[int, list[Times]] = {width: [] for width in widths}
    for task, found in zip(tasks, map(job, tasks) if executor is None else executor.map(job, tasks), strict=True):
        gathered[task[1]] += found
    escapes = [[run.escape for run in gathered[width]] for width in widths]
    scaling = case.scaling
    fit = escape.fit_growth(widths, escapes, scaling.exponent, logarithm=scaling.logarithm, resamples=resamples, rng=first_seed)
    curves = {curve.name: curve for curve in fit.curves} | {"predicted": fit.predicted}
    if case.direct_exponent is not None:  # the same resamples, hence the same weights
        direct = escape.fit_growth(widths, escapes, case.direct_exponent, resamples=resamples, rng=first_seed)
        curves["direct"] = replace(direct.predicted, name="direct")
    return {
        "case": case.name,
        **asdict(case),
        "first_learning_rate": first_rate(case),
        "widths": list(widths),
        "seeds_per_width": [len(row) for row in escapes],
        "times": escapes,
        "diverged_before_escape": [sum(run.blow_up == "before" for run in gathered[width]) for width in widths],
        "diverged_after_escape": [sum(run.blow_up == "after" for run in gathered[width]) for width in widths],
        "half_loss_delay": [float(np.median([run.half_loss - run.escape for run in gathered[width]])) for width in widths],
        "medians": fit.medians.tolist(),
        "errors": fit.errors.tolist(),
        "predicted_scaling": scaling._asdict(),
        "predicted_log_slope": predicted_slope(case),
        "curves": {name: asdict(curve) for name, curve in curves.items()},
    }


def predicted_slope(case: Case) -> float | None:
    """Slope in ln m, where theory has the constant: strict saddles of linear networks, and naive IP with three layers."""
    if case.scaling != (0.0, True) or (case.scheme == "large_lr" and case.activation != "linear"):
        return None
    rate = saddle.growth_rate(*problem(), case.hidden_layers, activation=case.activation, first_learning_rate=first_rate(case))
    return saddle.log_slope(rate, case.hidden_layers, case.scheme, case.learning_rate)


def run(quick: bool = False, seed: int = 0, cases: Sequence[Case] = CASES, progress: bool = False) -> list[dict[str, Any]]:
    """The study of every case; ``quick`` takes narrow networks, few seeds, leaves the slowest cases out, and starts no processes."""
    results = []
    with contextlib.nullcontext() if quick else workers() as executor:
        for case in cases:
            if quick and not case.quick:
                continue
            begin = time.perf_counter()
            widths = QUICK_WIDTHS if quick else tuple(m for m in (*WIDTHS, 1024, 2048, 4096) if case.first_width <= m <= case.last_width)
            results.append(study(case, widths, 16 if quick else case.seeds, seed, executor, 100 if quick else 400))
            if progress:
                print(f"{case.name}: {time.perf_counter() - begin:.1f} s", flush=True)
    return results


def told(r: dict[str, Any], form: str, otherwise: str = "undecided") -> str:
    """The free exponent by a format of its value and error; something else where it tells no law from another."""
    p, error = r["curves"]["power"]["exponent"], r["curves"]["power"]["exponent_error"]
    inside = EXPONENTS[0] + 0.01 < p < EXPONENTS[1] - 0.01
    return form.format(p, error) if inside and error <= LARGEST_ERROR else otherwise


def better(r: dict[str, Any]) -> str:
    """The curve of lowest AIC, where it leads by 1 or more; "open" otherwise."""
    different = [name for name in r["curves"] if name != "predicted" or r["curves"][name]["exponent"]]  # the predicted may be the logarithm
    first, second = sorted(different, key=lambda name: r["curves"][name]["aic"])[:2]
    return first if r["curves"][second]["aic"] - r["curves"][first]["aic"] >= 1 else "open"


def columns(r: dict[str, Any]) -> list[str]:
    """The cells of one case in the table."""
    log = r["curves"]["log"]
    fitted = [r["curves"][name] for name in ("log", "power", "predicted", "direct") if name in r["curves"]]
    p, theory = r["predicted_scaling"]["exponent"], r["predicted_log_slope"]
    before, after = sum(r["diverged_before_escape"]), sum(r["diverged_after_escape"])
    slope = "" if p else f"{log['slope']:.3f}+-{log['slope_error']:.3f}" + ("" if theory is None else f" ({theory:.3f})")
    return [
        r["case"],
        f"{r['medians'][0]:.2f}",
        f"{r['medians'][-1]:.2f}+-{r['errors'][-1]:.2f}",
        told(r, "{:.2f}+-{:.2f}"),
        (f"m^{p:g}" if p else "") + (" ln m" if r["predicted_scaling"]["logarithm"] else ""),
        "/".join(f"{curve['aic']:.1f}" for curve in fitted),
        "/".join(f"{100 * curve['prediction_error']:.0f}%" for curve in fitted),
        better(r),
        slope,
        f"{before} + {after} of {sum(r['seeds_per_width'])}" if before + after else "",
    ]


def table(results: Sequence[dict[str, Any]]) -> str:
    """One line per case.

    AIC and the error of predicting each width from the others: logarithm / free power / predicted / direct route, the last for
    IP-LLR with L >= 6. Diverged: before + after the escape.
    """
    heads = ["case", "first", "last median", "free p", "predicted", "AIC", "left out", "better", "slope in ln m (theory)", "diverged"]
    rows = [heads, *(columns(r) for r in results)]
    sizes = [max(len(row[i]) for row in rows) for i in range(len(heads))]
    return "\n".join("  ".join(cell.ljust(size) for cell, size in zip(row, sizes, strict=True)).rstrip() for row in rows)


MATHS = r"$p={:.2f}\pm{:.2f}$"
LOOKS = {
    ("linear", None): ("#1f4e9c", "o"),
    ("linear", 1.0): ("#1f4e9c", "o"),
    ("linear", 0.5): ("#5aa9e6", "s"),
    ("tanh",): ("#c8502d", "^"),
}


def figure(results: Sequence[dict[str, Any]]) -> Any:
    """Escape time against width: one panel per stationary point, with the fitted predictions."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import NullFormatter, ScalarFormatter

    fig, grid = plt.subplots(2, 3, figsize=(11, 6.4), layout="constrained")
    panels = {("naive", 3 + i): grid[0, i] for i in range(3)} | {("large_lr", 5 + i): grid[1, i] for i in range(3)}
    for r in results:
        axes = panels[r["scheme"], r["hidden_layers"]]
        strength = r["strength"]
        color, marker = LOOKS[("tanh",)] if r["activation"] == "tanh" else LOOKS["linear", strength]
        fitted = escape.GrowthCurve(**r["curves"]["predicted"])
        first = "" if strength is None else rf", $|\rho_0|={strength:g}$"
        label = f"{r['activation']}{first}: {told(r, MATHS, '$p$ undecided')}"
        axes.errorbar(r["widths"], r["medians"], r["errors"], color=color, marker=marker, ls="", ms=4.5, capsize=2, label=label)
        m = np.geomspace(r["widths"][0], r["widths"][-1], 200)
        axes.plot(m, fitted(m), color=color, lw=1.2)
        if "direct" in r["curves"]:
            axes.plot(m, escape.GrowthCurve(**r["curves"]["direct"])(m), color=color, lw=1, ls="--")
        if r["predicted_log_slope"] is not None:
            middle = len(r["widths"]) // 2
            line = r["medians"][middle] + r["predicted_log_slope"] * np.log(m / r["widths"][middle])
            axes.plot(m, line, color="black", lw=1, ls=":")
    for (scheme, L), axes in panels.items():
        scaling = saddle.escape_scaling(L, scheme)
        growth = {0.0: "", 0.5: r"\sqrt{m}\,", 1.0: "m"}[scaling.exponent] + (r"\ln m" if scaling.logarithm else "")
        axes.set_title(rf"{TITLES[scheme]}, $L={L}$:  $t \sim {growth}$", fontsize=11)
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        if scaling.exponent:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(ScalarFormatter())
            axes.yaxis.set_minor_formatter(NullFormatter())
        else:
            axes.set_ylim(bottom=0)
        if axes.has_data():
            axes.legend(fontsize=8, frameon=False, loc="upper left")
        else:
            axes.text(0.5, 0.5, "not in the quick run", transform=axes.transAxes, ha="center", color="grey")
            axes.set(xticks=[], yticks=[])
            axes.minorticks_off()
        axes.margins(y=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    solid = "solid: the law, its offset and slope fitted\n$p$: of a fit with a free power"
    grid[0, 2].text(0.97, 0.04, solid, transform=grid[0, 2].transAxes, ha="right", fontsize=8)
    grid[0, 0].text(0.97, 0.04, "dotted: slope predicted, not fitted", transform=grid[0, 0].transAxes, ha="right", fontsize=8)
    grid[1, 1].text(0.97, 0.04, "dashed: without the bridge", transform=grid[1, 1].transAxes, ha="right", fontsize=8)
    for axes in grid[1]:
        axes.set_xlabel("width $m$")
    for axes in grid[:, 0]:
        axes.set_ylabel("escape time $t$ (rate $\\times$ steps)")
    return fig


def main() -> None:
    chosen = options(__doc__)
    results = run(chosen.quick, chosen.seed, progress=True)
    print(table(results))
    write(chosen, "escape_times", {"cases": results}, figure(results))


if __name__ == "__main__":
    main()
