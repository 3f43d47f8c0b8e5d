r"""Places that were slow where people work, as ratios to plain numpy in the same run.

- He_2 students on 20,000 samples: an activation without a compiled form, against the six lines of numpy that hold all pre-activations.
- 400 replicas of 50 particles under Langevin dynamics, against numpy arrays with an axis for the replicas.
- ``DeepLinearMuP(1)``, 500 steps, against ``DeepLinearIntegrable(1, "naive")``, whose outputs are the same.
- The first step of relu particles with an empty cache of compiled code, in CPU seconds, in a process of its own.

All variants run in turn in every round; the ratio is the median over rounds of (ours / peer), below 1 where the library is faster. The
former way of this library runs in the same rounds where it can still be asked for: blocks of particles with all samples (He_2, with the
Hermite polynomials of today) and one system at a time (replicas).

    python benchmarks/slow_places.py [--quick] [--seed 0] [--out FOLDER] [--against REVISION]

``--against`` runs the same places (``places.py``) on another revision of this repository too, a process for each, round by round in turn,
and gives the median over rounds of (then / now).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import places
from harness import options, write
from revisions import ROOT, alternating, environment, source_of

from infwidth.solvers.figures import plain_ticks
from infwidth.solvers.particles import reference, together

Array = np.ndarray


def hermite(rng: np.random.Generator, quick: bool) -> dict[str, Callable[[], object]]:
    """One full-batch step of 400 particles."""
    X, y, W, a, steps = places.hermite_data(rng, quick)
    n, N, c, ours = len(X), len(W), 2**-0.5, places.hermite(X, y, W, a, steps)

    def former() -> Array:
        with mock.patch.object(reference, "SAMPLES", n):
            return ours()

    def plain() -> Array:
        V, b = W.copy(), a.copy()
        for step in range(steps + 1):  # the last evaluation of a run is that of its end
            H = X @ V.T
            S = (H * H - 1) * c
            r = (S @ b[:, 0] / N - y) / n
            db, dV = S.T @ r, b * ((2 * c * H * r[:, None]).T @ X)
            if step < steps:
                b, V = b - 0.02 * db[:, None], V - 0.02 * dV
        return np.concatenate([V.ravel(), b.ravel()])

    np.testing.assert_allclose(ours(), plain(), rtol=1e-9, atol=1e-12)
    return {"ours": ours, "former": former, "numpy": plain}


def replicas(rng: np.random.Generator, quick: bool) -> dict[str, Callable[[], object]]:
    """Langevin steps of 400 systems of 50 particles on three samples."""
    x, y, tau, decay, h, R, N, T = given = places.replicas_data(quick)
    ours = places.replicas(*given)

    def former() -> Array:
        with mock.patch.object(together, "SMALL", 0):
            return ours()

    def plain() -> Array:
        r = np.random.default_rng(0)
        w, a = r.standard_normal((2, R, N))
        for _ in range(T):
            S = np.tanh(w[..., None] * x)
            q = ((a[..., None] * S).mean(1) - y) / 3
            da, dw = -(S * q[:, None]).sum(2), -a * ((1 - S * S) * (q * x)[:, None]).sum(2)
            a = a + h * (da - decay * a) + (2 * tau * h) ** 0.5 * r.standard_normal(a.shape)
            w = w + h * (dw - decay * w) + (2 * tau * h) ** 0.5 * r.standard_normal(w.shape)
        return w

    np.testing.assert_allclose(ours(), former(), rtol=1e-6, atol=1e-9)
    return {"ours": ours, "former": former, "numpy": plain}


def one_layer(rng: np.random.Generator, quick: bool) -> dict[str, Callable[[], object]]:
    """The same limit twice."""
    X, Y, steps = places.one_layer_data(rng, quick)
    runs = places.one_layer(X, Y, steps)
    np.testing.assert_allclose(runs["ours"](), runs["numpy"](), atol=1e-10)
    return dict(runs)


def timed(variants: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of every variant in every round, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, run in variants.items():
            begin = time.process_time()
            run()
            seconds[name].append(time.process_time() - begin)
    return seconds


def first_step(d: int, source: Path = ROOT / "src") -> float:
    """CPU seconds of the first run with relu in d dimensions, on an empty cache."""
    with tempfile.TemporaryDirectory() as folder:
        code = [sys.executable, "-c", places.FIRST.format(d=d)]
        done = subprocess.run(code, env=environment(source, NUMBA_CACHE_DIR=folder), capture_output=True, text=True, check=True)
    return float(done.stdout)


def against(chosen: argparse.Namespace, rounds: int, dimensions: tuple[int, ...]) -> dict[str, Any]:
    """CPU seconds of every place then and now, and the medians of their ratios; empty where that revision cannot be had."""
    with source_of(chosen.against) as then:
        if then is None:
            return {}
        sources, script, seconds = {"then": then, "now": ROOT / "src"}, ROOT / "benchmarks" / "places.py", {}
        for place in places.RUNS:
            arguments = [place, str(chosen.seed), *(["quick"] if chosen.quick else [])]
            seconds[place] = alternating(script, arguments, sources, rounds)
        for d in dimensions:
            turns = [{name: first_step(d, source) for name, source in sources.items()} for _ in range(1 if chosen.quick else 3)]
            seconds[f"first relu, d = {d}"] = {name: [turn[name] for turn in turns] for name in sources}
    ratios = {place: float(np.median(np.array(s["then"]) / s["now"])) for place, s in seconds.items()}
    print(f"CPU seconds at {chosen.against} and now, median over rounds, and their ratio:")
    for place, s in seconds.items():
        print(f"{place:26s} {np.median(s['then']):8.3f} {np.median(s['now']):8.3f} {ratios[place]:7.2f}")
    return {"revision": chosen.against, "cpu_seconds": seconds, "ratios": ratios}


def main() -> None:
    from matplotlib import pyplot as plt

    chosen = options(__doc__, lambda parser: parser.add_argument("--against", metavar="REVISION", help="run the places on it too"))
    rng = np.random.default_rng(chosen.seed)
    rounds = 3 if chosen.quick else 9
    dimensions = (8,) if chosen.quick else (2, 3, 8)
    measured, ratios = {}, {}
    for name, place in {"He_2, n = 20,000": hermite, "400 replicas of 50": replicas, "DeepLinearMuP(1)": one_layer}.items():
        seconds = timed(place(rng, chosen.quick), rounds)
        peer = np.array(seconds["numpy"])
        ratios[name] = {who: float(np.median(np.array(s) / peer)) for who, s in seconds.items() if who != "numpy"}
        measured[name] = seconds
        print(f"{name:20s}", ", ".join(f"{who} {ratio:.2f} x the peer" for who, ratio in ratios[name].items()), flush=True)
    compile_seconds = {f"relu, d = {d}": first_step(d) for d in dimensions}
    print("first step on an empty cache:", ", ".join(f"{name}: {s:.1f} s" for name, s in compile_seconds.items()))
    results: dict[str, Any] = {"cpu_seconds": measured, "ratios": ratios, "first_step_seconds": compile_seconds}
    if chosen.against is not None:
        results["against"] = against(chosen, rounds, dimensions)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), width_ratios=(3, 1), layout="constrained")
    for shift, who, colour in ((0.2, "former", "0.7"), (-0.2, "ours", "tab:blue")):
        shown = [(i, ratio[who]) for i, ratio in enumerate(ratios.values()) if who in ratio]
        left.barh([i + shift for i, _ in shown], [value for _, value in shown], 0.38, color=colour, label=who)
    left.axvline(1, color="black", linewidth=0.8)
    left.set_yticks(range(len(ratios)), list(ratios))
    left.set(xscale="log", xlabel="CPU time / that of the peer (numpy; of DeepLinearMuP the integrable model)")
    plain_ticks(left.xaxis)
    left.legend(frameon=False)
    places_then = results.get("against", {}).get("cpu_seconds", {})
    for i, (name, now) in enumerate(compile_seconds.items()):
        if then := places_then.get(f"first {name}"):
            right.bar(i - 0.2, np.median(then["then"]), 0.38, color="0.7")
        right.bar(i + 0.2 * bool(then), now, 0.38, color="tab:blue")
    right.set_xticks(range(len(compile_seconds)), list(compile_seconds), rotation=30)
    right.set_title("first run, empty cache", fontsize="medium")
    right.set_ylabel("CPU seconds")
    write(chosen, "slow_places", results, figure)


if __name__ == "__main__":
    main()
