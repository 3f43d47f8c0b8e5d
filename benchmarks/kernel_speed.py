r"""Gram matrices of kernel limits: this library against neural-tangents and scikit-ntk, in turn, in one run.

NNGP and NTK together, float64, :math:`\sigma_w = \sqrt2` (1.5 for tanh), no biases, 64 Gaussian inputs per point. Every round times both,
ours with its memory freshly taken, the peer compiled and warm; the ratio is the median over rounds of (peer / ours), in wall time with
all threads that both find (``taskset -c 0`` before the command gives one to each) and in CPU time, which other load on the machine
disturbs less. The results are held against each other off the diagonal (neural-tangents' own diagonal of relu is wrong by up to 4e-8, and
its quadrature of tanh by far more: that row, whose tanh is a user's own function to our library, states our gap to
:func:`infwidth.limits.gaussian.dual` instead). ``peak / outputs`` is what one process takes at most, over the two matrices.

    python benchmarks/kernel_speed.py [--quick] [--seed 0] [--out FOLDER]

The peers live in an environment of their own, ``FOLDER/kernel_peers``, which ``kernel_peers.py`` makes on the first run; without it the
table has our times alone, and says so.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from harness import options, write
from kernel_peers import Peer, environment
from matplotlib.figure import Figure

from infwidth.limits import activations, gaussian, kernels
from infwidth.solvers.figures import plain_ticks

matplotlib.use("Agg")
Array = np.ndarray

GOALS = {("relu", 2): 4, ("relu", 5): 8, ("relu", 20): 25, ("erf", 5): 8, ("erf", 20): 12, ("gelu", 5): 8, ("tanh", 2): 40}


def cases(quick: bool) -> list[dict[str, Any]]:
    n = 1000 if quick else 4000
    table = [("relu", 2), ("relu", 5), ("relu", 20), ("erf", 5), ("erf", 20), ("gelu", 5)]
    made = [{"activation": a, "layers": L, "n": n, "W_std": 2**0.5, "peer": "neural-tangents"} for a, L in table]
    made.append({"activation": "tanh", "layers": 2, "n": 200 if quick else 500, "W_std": 1.5, "peer": "neural-tangents"})
    made.append({"activation": "relu", "layers": 5, "n": n, "W_std": 2**0.5, "peer": "scikit-ntk"})
    return made


def ours(case: dict[str, Any]) -> kernels.Kernel:
    known = case["activation"] != "tanh"
    phi = case["activation"] if known else activations.custom("own", np.tanh, lambda h: 1 - np.tanh(h) ** 2)
    layers = [layer for _ in range(case["layers"]) for layer in (kernels.Dense(case["W_std"]), kernels.Elementwise(phi))]
    return kernels.serial(*layers, kernels.Dense(case["W_std"]))


def timed(k: kernels.Kernel, X: Array, get: tuple[str, ...]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    k(X, get=get)
    return time.perf_counter() - wall, time.process_time() - cpu


def gap(found: dict[str, Array], exact: dict[str, Array]) -> float:
    """Largest difference off the diagonal, relative to the largest entry."""
    gaps = []
    for name, matrix in exact.items():
        off = np.arange(len(matrix))[:, None] != np.arange(matrix.shape[1])
        gaps.append(np.abs(found[name][: len(matrix)] - matrix)[off].max() / np.abs(matrix).max())
    return float(max(gaps))


def by_duals(case: dict[str, Any], X: Array) -> dict[str, Array]:
    """The recursion on whole matrices, every expectation to 1e-14, for some rows."""
    w, Y = case["W_std"] ** 2, X[:40]
    K, p, q = w * Y @ X.T / X.shape[1], w * (Y**2).mean(axis=1), w * (X**2).mean(axis=1)
    T = K
    for _ in range(case["layers"]):
        c = np.clip(K / np.sqrt(np.outer(p, q)), -1, 1)
        slope = gaussian.dual(case["activation"], p[:, None], q, c, of="derivative", tolerance=1e-14).value
        K = w * gaussian.dual(case["activation"], p[:, None], q, c, tolerance=1e-14).value
        p, q = (w * gaussian.moments(case["activation"], v, tolerance=1e-14).square for v in (p, q))
        T = K + w * T * slope
    return {"nngp": K, "ntk": T}


PEAK = """
import sys, numpy as np
sys.path.insert(0, {here!r})
from kernel_speed import ours
from kernel_peers import memory
X, k = np.load({data!r}), ours({case!r})
k(X[:200])
before = memory("VmRSS")
k(X)
print(memory("VmHWM") - before)
"""


def peak(case: dict[str, Any], data: Path) -> float:
    """Memory that the two matrices and all else take in a process of their own, over the matrices."""
    code = PEAK.format(here=str(Path(__file__).parent), data=str(data), case=case)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return float(done.stdout) / (16.0 * case["n"] ** 2)


def row(case: dict[str, Any], python: Path | None, rounds: int, seed: int) -> dict[str, Any]:
    k, get = ours(case), ("ntk",) if case["peer"] == "scikit-ntk" else ("nngp", "ntk")
    X = np.random.default_rng(seed).standard_normal((case["n"], 64))
    with tempfile.TemporaryDirectory() as folder:
        data, result = Path(folder) / "X.npy", Path(folder) / "peer.npz"
        np.save(data, X)
        timed(k, X, get)
        peer = Peer(python, case, data, result) if python else None
        times = []
        for _ in range(rounds):
            times.append((*timed(k, X, get), *(peer.measure() if peer else (np.nan, np.nan))))
        wall, cpu, their_wall, their_cpu = np.array(times).T
        out = {**case, "seconds": float(np.median(wall)), "peer_seconds": float(np.median(their_wall))}
        out |= {"ratio": float(np.median(their_wall / wall)), "cpu_ratio": float(np.median(their_cpu / cpu))}
        out |= {"goal": GOALS[case["activation"], case["layers"]] if case["peer"] == "neural-tangents" else None}
        out["peak_over_outputs"] = peak(case, data)
        found = dict(zip(("nngp", "ntk"), k(X), strict=True))
        if peer:
            out["peer_peak_over_outputs"] = peer.close() / (16.0 * case["n"] ** 2)
        if case["activation"] == "tanh":
            out["gap"] = gap(found, by_duals(case, X))
        elif peer:
            with np.load(result) as exact:
                out["gap"] = gap(found, dict(exact))
    return out


def growth(quick: bool, seed: int) -> dict[str, float]:
    """Time of five times as many points, over that of some."""
    n, k = (1000 if quick else 4000), ours({"activation": "relu", "layers": 5, "W_std": 2**0.5})
    X = np.random.default_rng(seed).standard_normal((5 * n, 64)).astype(np.float32)
    timed(k, X[:n], ("ntk",))
    small = min(timed(k, X[:n], ("ntk",)) for _ in range(5))
    large = min(timed(k, X, ("ntk",)) for _ in range(2))
    return {"n": n, "wall": large[0] / small[0], "cpu": large[1] / small[1]}


def main() -> None:
    chosen = options(__doc__)
    python = environment(chosen.out / "kernel_peers")
    rows = []
    print("activation  L     n  against          ours s   peer s   ratio (CPU)   goal    gap    peak/outputs (peer)")
    for case in cases(chosen.quick):
        r = row(case, python, 3 if chosen.quick else 5, chosen.seed)
        rows.append(r)
        times = f"{r['seconds']:7.3f}  {r['peer_seconds']:7.2f}  {r['ratio']:5.1f} ({r['cpu_ratio']:5.1f})  {r['goal'] or '':>5}"
        memory = f"{r['peak_over_outputs']:.2f} ({r.get('peer_peak_over_outputs', np.nan):.1f})"
        print(f"{r['activation']:10} {r['layers']:2} {r['n']:5}  {r['peer']:15} {times}  {r.get('gap', np.nan):.1e}  {memory}", flush=True)
    five = growth(chosen.quick, chosen.seed)
    print(f"{5 * five['n']} points take {five['wall']:.1f} times the wall time of {five['n']} ({five['cpu']:.1f} of the CPU time)")
    write(chosen, "kernel_speed", {"rows": rows, "growth": five}, draw(rows))


def draw(rows: list[dict[str, Any]]) -> Figure:
    figure = Figure(figsize=(10, 3.8), layout="constrained")
    speed, memory = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    y = np.arange(len(rows))[::-1]
    for shift, key, color, label in ((0.2, "ratio", "C0", "wall time"), (-0.2, "cpu_ratio", "C1", "CPU time")):
        bars = speed.barh(y + shift, [r[key] for r in rows], 0.38, color=color, label=label)
        speed.bar_label(bars, fmt="%.1f", padding=3, fontsize=7)
    speed.plot([r["goal"] or np.nan for r in rows], y, "k|", markersize=22, label="goal")
    labels = [f"{r['activation']}, L = {r['layers']}, n = {r['n']}" + (" (scikit-ntk)" if r["peer"] == "scikit-ntk" else "") for r in rows]
    speed.set_yticks(y, labels)
    speed.set(xscale="log", xlabel="times as fast as the peer", xlim=(0.7, 400))
    speed.axvline(1, color="gray", lw=0.8)
    speed.legend(frameon=False, fontsize="small", loc="upper right", markerscale=0.4)
    for shift, key, color, label in ((0.2, "peak_over_outputs", "C2", "infwidth"), (-0.2, "peer_peak_over_outputs", "0.6", "peer")):
        memory.barh(y + shift, [r.get(key, np.nan) for r in rows], 0.38, color=color, label=label)
    memory.set(xscale="log", xlabel="peak memory over the outputs")
    plain_ticks(memory.xaxis)
    memory.axvline(1, color="gray", lw=0.8)
    memory.legend(frameon=False, fontsize="small", loc="upper right")
    return figure


if __name__ == "__main__":
    main()
