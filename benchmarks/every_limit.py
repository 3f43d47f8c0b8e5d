r"""Every limit that ``scaling.limit`` knows, against finite networks of growing width.

Seven parameterizations x six activations x L = 1..5 hidden layers. Where there is a limit, networks of several widths and seeds make four
steps of gradient descent on one fixed problem, and so does the limit: the gap (rms over steps and samples) should fall like m^{-1/2}. A
cell is as below. SP (at a rate 1/m) and NTP networks start at a random function: each is held against the limit started at its own.

slope      exponent of the gap in the width, with its standard error
0          the limit is f = 0 for all time; the exponent is that of the networks' own output
none       no limit in this library
failed     the limit or most networks diverged at these rates

Slopes are those of four steps at moderate widths. They are flatter than -1/2 where the dynamics amplifies what a finite width adds, and
where the sampling error of the limit shows; steeper where corrections of higher order still count (gelu, small overlaps).

IP with two hidden layers takes a first rate of 3. Its pre-activations of layer 2 start at m^{-1/2}, and step 0 gives them the order of its
rate. A rate of .3 leaves them at a few hundredths, no more than m^{-1/2} at these widths, so that the initial noise still chooses which
relu neurons are on: with FIRST_RATE_OF_IP = .3 the slope of relu is -.41 +- .04. The limit is right, and these widths are too small for it.

The limits of IP-LLR are the smaller the deeper the network, at one first rate: at 1.5 that of four layers is no larger after four steps
than what networks start with, and the gap is theirs. So its first rate goes up by factors of 1.5 until the limit has outputs of rms .1
("first_rate" of a row: 1.5 with L = 1, and with L = 4 from 3.4 to 17, but 86 for gelu). No network has a say in that; but the rule came
after a run at 1.5 with 16 seeds, in which 8 of the 25 slopes of IP-LLR (L = 4, and relu with L = 3 and 5) were steeper than -1/2 by more
than two standard errors, 6 of them by more than three.

Without --quick (widths 64..512, 16 seeds of muP, 64 of the others, limits of 8192 neurons; some minutes) all 210 networks have a limit, 23
of them f = 0. Of the other 187 slopes 182 lie within 2 standard errors of -1/2, and all within 3. Beyond 2 are: IP-LLR with gelu and L = 3
(-.37 +- .06), linear IP-bias with L = 5 (-.60 +- .05), and at L = 4 SP with tanh and erf and NTP with tanh (-.39 +- .05). Networks of one
width and seed share their draws over the cells, so the cells err together: the first 16 seeds alone give 13 of 30 cells of IP-non-centered
slopes from -.27 to -.39, all 64 give every one of the 30 a slope within one standard error of -1/2.

    python benchmarks/every_limit.py [--quick] [--seed 0] [--out FOLDER] [--resume FOLDER] [--only NAME[:L] ..]
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import harness
import numpy as np
from tables import parameterizations, unit_vectors

import infwidth as iw
from infwidth.limits import Network, Parameterization, scaling
from infwidth.solvers import sweep

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = np.ndarray

ACTIVATIONS = ("linear", "relu", "tanh", "gelu", "elu", "erf")
RATE, STEPS = 0.3, 4
FIRST_RATE = {"IP-LLR": 1.5, "IP-bias": 0.5}
FIRST_RATE_OF_IP = 3.0  # with L = 2: pre-activations of layer 2 start at m^{-1/2}, and a step of .3 leaves them at a few hundredths
ZERO = 1e-12
SEEN, HIGHER = 0.1, 1.5  # IP-LLR: its first rate goes up by that factor until the limit has outputs of that size
MOST_RAISES = 20
MORE_SEEDS = ("SP", "NTP", "IP", "IP-LLR", "IP-bias", "IP-non-centered")  # times 4


@dataclass(frozen=True)
class Case:
    """One network, at all widths."""

    p: Parameterization
    activation: str
    widths: tuple[int, ...]
    seeds: int
    neurons: int
    seed: int

    def network(self, width: int) -> Network:
        return Network(3, self.p.hidden_layers, width, self.activation, self.p)


def visible(case: Case, method: iw.GradientDescent, X: Array, y: Array) -> iw.GradientDescent:
    """The first rate that makes the limit large enough to be told from what networks start with; the networks have no say in it."""
    model = scaling.limit(case.network(1), neurons=min(case.neurons, 2048))
    for _ in range(MOST_RAISES):
        outputs = iw.solve(model, X, y, method, rng=case.seed).outputs
        if np.abs(outputs).max() < ZERO or not np.sqrt(np.mean(outputs**2)) < SEEN:
            break
        assert method.first_learning_rate is not None
        method = replace(method, first_learning_rate=HIGHER * method.first_learning_rate)
    return method


def run_case(case: Case) -> dict[str, Any]:
    """One row of the table."""
    row: dict[str, Any] = {"parameterization": case.p.name, "hidden_layers": case.p.hidden_layers, "activation": case.activation}
    model = scaling.limit(case.network(1), particles=4 * case.neurons, neurons=case.neurons)
    X, y = unit_vectors([case.seed, 6], 6, 3, mean=0.5, slope=1)
    naive = FIRST_RATE_OF_IP if case.p.name == "IP" and case.p.hidden_layers == 2 else None
    method = iw.GradientDescent(RATE, STEPS, first_learning_rate=FIRST_RATE.get(case.p.name, naive))
    if case.p.name == "IP-LLR":
        method = visible(case, method, X, y)
        row["first_rate"] = method.first_learning_rate
    row["model"] = repr(model) if len(repr(model)) < 120 else type(model).__name__
    seeds = range(case.seeds * case.seed, case.seeds * (case.seed + 1))
    try:
        found = iw.compare(model, [case.network(m) for m in case.widths], X, y, method, seeds)
    except ValueError as reason:  # the limit diverged
        return {**row, "kind": "failed", "why": str(reason)}
    healthy = np.isfinite(found.gaps)
    row["gaps"] = np.array([np.median(g[ok]) if ok.any() else np.nan for g, ok in zip(found.gaps, healthy, strict=True)])
    if healthy.mean() < 0.5 or not np.isfinite(found.slope):
        return {**row, "kind": "failed", "why": found.failed[-1]}
    assert found.limit is not None
    size = float(np.sqrt((found.limit.outputs**2).mean()))
    kind = "0" if np.abs(found.limit.outputs).max() < ZERO else "slope"
    return {**row, "kind": kind, "slope": found.slope, "standard_error": found.slope_error, "size": size}


def cell(row: dict[str, Any]) -> str:
    if row["kind"] in ("slope", "0"):
        text = f"{row['slope']:.2f}±{row['standard_error']:.2f}"
        return f"0 ({row['slope']:.1f})" if row["kind"] == "0" else text
    return "failed"


def report(results: list[dict[str, Any]]) -> None:
    print(f"{'':16} L  " + "".join(f"{a:>13}" for a in ACTIVATIONS))
    for name in dict.fromkeys(r["parameterization"] for r in results):
        for L in sorted({r["hidden_layers"] for r in results}):
            mine = {r["activation"]: r for r in results if r["parameterization"] == name and r["hidden_layers"] == L}
            print(f"{name:16} {L}  " + "".join(f"{cell(mine[a]):>13}" for a in ACTIVATIONS))
    kinds = Counter(r["kind"] for r in results)
    slopes = [(r["slope"] + 0.5) / r["standard_error"] for r in results if r["kind"] == "slope"]
    print(", ".join(f"{kind}: {number}" for kind, number in kinds.items()), f"of {len(results)}")
    if slopes:
        two, three = (sum(abs(z) <= most for z in slopes) for most in (2, 3))
        print(f"slopes within 2 standard errors of -1/2: {two} of {len(slopes)}, within 3: {three}")
    for r in results:
        if r["kind"] == "failed":
            print(f"failed: {r['parameterization']} {r['activation']} L={r['hidden_layers']}: {r['why']}")


def plot(results: list[dict[str, Any]], widths: tuple[int, ...], seeds: int) -> Figure:
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(r["parameterization"] for r in results))
    depths = sorted({r["hidden_layers"] for r in results})
    figure, axes = plt.subplots(2, 4, figsize=(15, 2.2 + 1.1 * len(depths)), layout="constrained")
    colors = plt.get_cmap("RdBu").copy()
    colors.set_bad("white")
    for ax, name in zip(axes.flat, names, strict=False):
        mine = {(r["hidden_layers"], r["activation"]): r for r in results if r["parameterization"] == name}
        values = np.array([[mine[L, a]["slope"] if mine[L, a]["kind"] == "slope" else np.nan for a in ACTIVATIONS] for L in depths])
        image = ax.imshow(values, cmap=colors, vmin=-1, vmax=0, aspect="auto")
        for (i, L), (j, a) in ((x, y) for x in enumerate(depths) for y in enumerate(ACTIVATIONS)):
            row = mine[L, a]
            if row["kind"] != "slope":
                ax.fill_between([j - 0.5, j + 0.5], i - 0.5, i + 0.5, color="0.8" if row["kind"] == "0" else "white", lw=0)
            text = cell(row).replace("±", "\n±").replace(" (", "\n(")
            dark = row["kind"] == "slope" and abs(row["slope"] + 0.5) > 0.35
            color = "white" if dark else "0.6" if row["kind"] == "failed" else "black"
            ax.text(j, i, text, ha="center", va="center", fontsize=7, color=color)
        ax.set(title=name, xticks=range(len(ACTIVATIONS)), yticks=range(len(depths)))
        ax.set_xticklabels(ACTIVATIONS, fontsize=8)
        ax.set_yticklabels([f"L = {L}" for L in depths], fontsize=8)
    for ax in axes.flat[len(names) :]:
        ax.axis("off")
        ax.text(
            0,
            0.9,
            "grey: the limit is f = 0\n(exponent of f in the width)\n\nSP, NTP: the limit from each\nnetwork's own start\n\n"
            "4 x the seeds but for muP\n"
            f"IP, L = 2: first rate {FIRST_RATE_OF_IP:g}\n"
            f"IP-LLR: first rate so that\nthe limit has rms {SEEN:g} or more",
            va="top",
            transform=ax.transAxes,
        )
        figure.colorbar(image, ax=ax, location="bottom", label="exponent of the gap (limit fluctuations: -1/2)")
    figure.suptitle(
        f"Gap between limit and finite networks, m = {widths[0]}..{widths[-1]}, {seeds} seeds, {STEPS} steps: its power in the width"
    )
    return figure


def earlier(chosen: argparse.Namespace, setting: dict[str, Any], cases: list[Case]) -> dict[Case, dict[str, Any]]:
    """The cells that --only leaves out, from the JSON of an earlier run in the same setting; failed ones are tried again."""
    if chosen.only is None:
        return {}
    if not (file := chosen.out / "every_limit.json").is_file():
        raise ValueError(f"--only: there is no every_limit.json of an earlier run in {chosen.out}; leave --only out")
    stored = json.loads(file.read_text())
    wanted = json.loads(json.dumps({**setting, "seed": chosen.seed}))
    if differing := [name for name, value in wanted.items() if stored[name] != value]:
        raise ValueError(f"--only: the run in {chosen.out} has another {', '.join(differing)}; leave --only out")
    rows = {(r["parameterization"], r["hidden_layers"], r["activation"]): r for r in stored["cases"]}
    kept = {
        c: rows[c.p.name, c.p.hidden_layers, c.activation]
        for c in cases
        if not {c.p.name, f"{c.p.name}:{c.p.hidden_layers}"} & {*chosen.only}
    }
    return {case: row for case, row in kept.items() if row["kind"] != "failed"}


def more(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", nargs="+", metavar="NAME[:L]", help="parameterizations to compute; the rest from the JSON in --out")
    harness.resumable(parser)


def main() -> None:
    chosen = harness.options(__doc__, more)
    widths = (32, 64, 128) if chosen.quick else (64, 128, 256, 512)
    seeds, depth, neurons = (6, 3, 1024) if chosen.quick else (16, 5, 8192)
    cases = [
        Case(p, activation, widths, seeds * (4 if p.name in MORE_SEEDS else 1), neurons, chosen.seed)
        for L in range(1, depth + 1)
        for p in parameterizations(L)
        for activation in ACTIVATIONS
    ]
    setting = {"widths": widths, "seeds": seeds, "neurons": neurons, "rate": RATE, "first_rates": FIRST_RATE, "steps": STEPS}
    kept = earlier(chosen, setting, cases)
    with harness.workers(chosen.workers) as pool:
        points = [{"case": case} for case in cases[::-1] if case not in kept]  # the long ones first
        kept |= {point["case"]: row for point, row in sweep(run_case, points, executor=pool, resume=chosen.resume)}
    results = [kept[case] for case in cases]
    for row in results:
        row["gaps"] = np.asarray(row.get("gaps", ())).tolist()
    report(results)
    harness.write(chosen, "every_limit", {**setting, "cases": results}, plot(results, widths, seeds))


if __name__ == "__main__":
    main()
