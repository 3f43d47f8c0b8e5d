r"""One full-batch step of the two-layer particle system: this library against PyTorch and numpy, paired.

Every step computes the outputs of N particles on n samples in d dimensions, the squared loss, and moves all particles. The PyTorch and
numpy steps are written by hand, without autograd (which is slower): products into buffers that are kept, the mask applied in place, and
the gradient of the output weights taken from that of the weights where the activation is homogeneous. "blocked" does the same on blocks
of particles. For relu, "recomputing" takes blocks of 128 particles that stay in the cache, forgets their pre-activations and computes
them again on the way back, and multiplies the mask by the residuals' products r X, made once. The fastest of them is the peer.

All variants run in turn in every round and are compared round by round: the ratio is the median over rounds of (peer / ours). Once
with one thread each, in CPU time, which other load on the machine hardly disturbs; and once with all threads, in wall time, each after a
pause in which thread pools fall asleep. The results of all variants are held against each other before anything is timed. ``peak`` is
the fraction of the speed of a matrix product of size 1024 in float64, with as many threads, that ``4 N n (d + 1)`` operations reach.

    python benchmarks/particle_speed.py [--quick] [--seed 0] [--out FOLDER]

PyTorch is no dependency of the library; without it the peers are the numpy variants, and the table says so.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from harness import options, write
from threadpoolctl import threadpool_limits

from infwidth.limits import activations
from infwidth.solvers.figures import plain_ticks
from infwidth.solvers.particles.choice import engine
from infwidth.solvers.particles.thin import ThinEngine

try:
    import torch  # type: ignore[import-not-found]
except ImportError:
    torch = None

Array = np.ndarray
RATE = 1e-3


@dataclass(frozen=True)
class Case:
    """One size; ``engine`` overrides the choice of the library."""

    activation: str
    d: int
    N: int
    n: int
    engine: str = ""
    dtype: str = "float64"

    @property
    def name(self) -> str:
        return f"{self.activation} d={self.d} N={self.N:g} n={self.n:g} {self.dtype}" + (f" ({self.engine})" if self.engine else "")


def cases(quick: bool) -> list[Case]:
    if quick:
        return [Case("relu", d, 10_000, 100) for d in (2, 3, 20)] + [Case("tanh", 2, 10_000, 100)]
    grid = [Case("relu", d, N, n) for d in (2, 20, 100) for N in (1_000, 10_000, 100_000) for n in (100, 1_000)]
    return [
        *grid,
        Case("relu", 2, 1_000_000, 100),
        Case("relu", 2, 100_000, 1_000, "fused loop"),
        Case("relu", 3, 100_000, 1_000),
        Case("relu", 20, 100_000, 1_000, dtype="float32"),
        Case("tanh", 2, 100_000, 1_000),
        Case("tanh", 20, 100_000, 1_000),
        Case("erf", 20, 100_000, 1_000),
    ]


class Ours:
    """The engine that the library chooses, driven as :func:`infwidth.solve` drives it."""

    def __init__(self, case: Case, W: Array, a: Array, X: Array, y: Array) -> None:
        self.W, self.a, self.y = W.copy(), a.copy(), y
        activation = activations.get(case.activation)
        self.engine = ThinEngine(1.0, 0.0) if case.engine else engine(activation, case.d, 1)
        self.inputs = self.engine.prepare(X)

    def step(self) -> None:
        F, memo = self.engine.outputs(self.W, self.a, self.inputs)
        r = (F * (1 / len(self.W)) - self.y) * (1 / len(self.y))
        r = r.astype(self.W.dtype, copy=False)
        self.engine.move(self.W, self.a, self.inputs, r, RATE, (self.W, self.a), True, memo)

    def particles(self) -> tuple[Array, Array]:
        return self.W, self.a


class NumpyStep:
    """By hand in numpy."""

    def __init__(self, case: Case, W: Array, a: Array, X: Array, y: Array) -> None:
        self.W, self.a, self.X, self.y = W.copy(), a.copy(), X, y
        self.phi, self.slope = activations.get(case.activation).value, activations.get(case.activation).derivative
        self.relu = case.activation == "relu"
        self.h = np.empty((len(W), len(X)), W.dtype)

    def step(self) -> None:
        W, a, X, h = self.W, self.a, self.X, self.h
        np.matmul(W, X.T, out=h)
        if self.relu:
            np.maximum(h, 0, out=h)
            r = ((h.T @ a) * (1 / len(W)) - self.y) * (1 / len(X))
            np.multiply(h > 0, r[:, 0].astype(W.dtype), out=h)
            s = h @ X
            da = np.einsum("jd,jd->j", W, s)[:, None]
        else:
            slope = self.slope(h)
            h = self.phi(h)
            r = ((h.T @ a) * (1 / len(W)) - self.y) * (1 / len(X))
            slope *= r[:, 0]
            s, da = slope @ X, h @ r
        W -= RATE * a * s
        a -= RATE * da

    def particles(self) -> tuple[Array, Array]:
        return self.W, self.a


class TorchStep:
    """By hand in PyTorch, on all particles at once or on blocks of them."""

    def __init__(self, case: Case, W: Array, a: Array, X: Array, y: Array, block: int | None = None) -> None:
        self.W, self.a, self.X, self.y = (torch.from_numpy(v.copy()) for v in (W, a, X, y))
        self.activation, self.size = case.activation, block or len(W)
        self.h = torch.empty((len(W), len(X)), dtype=self.W.dtype)
        self.g = torch.empty((self.size, len(X)), dtype=self.W.dtype)

    def step(self) -> None:
        W, a, X = self.W, self.a, self.X
        f = torch.zeros_like(self.y)
        parts = range(0, len(W), self.size)
        for i in parts:
            h = self.h[i : i + self.size]
            torch.mm(W[i : i + self.size], X.T, out=h)
            if self.activation == "relu":
                h.relu_()
            elif self.activation == "tanh":
                h.tanh_()
            else:
                torch.erf(h, out=self.g[: len(h)])
            f.addmm_((self.g[: len(h)] if self.activation == "erf" else h).T, a[i : i + self.size])
        r = (f / len(W) - self.y) / len(X)
        for i in parts:
            h, W_b, a_b = self.h[i : i + self.size], W[i : i + self.size], a[i : i + self.size]
            if self.activation == "relu":
                torch.gt(h, 0, out=h)
                h *= r[:, 0]
                s = h @ X
                da = (W_b * s).sum(dim=1, keepdim=True)
            else:
                g = self.g[: len(h)]
                if self.activation == "tanh":
                    da = h @ r
                    torch.mul(h, h, out=g)
                    g.neg_().add_(1)
                else:
                    torch.erf(h, out=g)
                    da = g @ r
                    torch.mul(h, h, out=g)
                    g.neg_().exp_().mul_(2 / np.pi**0.5)
                g *= r[:, 0]
                s = g @ X
            W_b.sub_(a_b * s, alpha=RATE)
            a_b.sub_(da, alpha=RATE)

    def particles(self) -> tuple[Array, Array]:
        return self.W.numpy(), self.a.numpy()


class TorchRecomputing(TorchStep):
    """By hand in PyTorch for relu: nothing of size (particles x samples), the price is a second product."""

    def __init__(self, case: Case, W: Array, a: Array, X: Array, y: Array, block: int) -> None:
        super().__init__(case, W[:1], a[:1], X, y)
        self.W, self.a, self.size = torch.from_numpy(W.copy()), torch.from_numpy(a.copy()), block
        self.h = torch.empty((block, len(X)), dtype=self.W.dtype)
        self.transposed = self.X.T.contiguous()

    def step(self) -> None:
        f = torch.zeros_like(self.y)
        for W, a in self._blocks():
            f.addmm_(torch.mm(W, self.transposed, out=self.h[: len(W)]).relu_().T, a)
        rX = (f / len(self.W) - self.y) / len(self.X) * self.X
        for W, a in self._blocks():
            h = torch.mm(W, self.transposed, out=self.h[: len(W)])
            s = torch.gt(h, 0, out=h) @ rX
            da = (W * s).sum(dim=1, keepdim=True)
            W.sub_(a * s, alpha=RATE)
            a.sub_(da, alpha=RATE)

    def _blocks(self) -> Any:
        return zip(self.W.split(self.size), self.a.split(self.size), strict=True)


def measure(case: Case, threads: int, rounds: int, rng: np.random.Generator) -> dict[str, Any]:
    """Time all variants of one case in turn."""
    numba.set_num_threads(threads)
    if torch is not None:
        torch.set_num_threads(threads)
    W, a = rng.standard_normal((case.N, case.d)), rng.standard_normal((case.N, 1))
    X, y = rng.standard_normal((case.n, case.d)), rng.standard_normal((case.n, 1))
    W, a, X, y = (v.astype(case.dtype) for v in (W, a, X, y))
    variants: dict[str, Any] = {"ours": Ours(case, W, a, X, y), "numpy": NumpyStep(case, W, a, X, y)}
    if torch is not None:
        variants["torch"] = TorchStep(case, W, a, X, y)
        variants["torch blocked"] = TorchStep(case, W, a, X, y, block=max(64, min(case.N, 1 << 17) // max(1, case.n // 100)))
        if case.activation == "relu":
            variants["torch recomputing"] = TorchRecomputing(case, W, a, X, y, block=128)
    for name, variant in variants.items():
        with threadpool_limits(1 if name == "ours" else threads, "blas"):
            variant.step()
        for ours, theirs in zip(variants["ours"].particles(), variant.particles(), strict=True):
            np.testing.assert_allclose(theirs, ours, atol=1e-9 if case.dtype == "float64" else 2e-6)  # steps are 1e-4
    times: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(rounds):
        for name, variant in variants.items():
            times[name].append(_seconds(variant.step, threads, name == "ours"))
    peers = {name: np.array(t) for name, t in times.items() if name not in ("ours", "numpy" if torch is not None else "")}
    best = min(peers, key=lambda name: float(np.median(peers[name])))
    ours = np.array(times["ours"])
    return {
        "case": case.name,
        "ours_ms": 1e3 * float(np.median(ours)),
        "best_peer": best,
        "peer_ms": 1e3 * float(np.median(peers[best])),
        "numpy_ms": 1e3 * float(np.median(times["numpy"])),
        "ratio": float(np.median(peers[best] / ours)),
        "ratio_quartiles": np.quantile(peers[best] / ours, [0.25, 0.75]).tolist(),
        "numpy_ratio": float(np.median(np.array(times["numpy"]) / ours)),
        "gflops": 4e-9 * case.N * case.n * (case.d + 1) / float(np.median(ours)),
    }


def _seconds(step: Callable[[], Any], threads: int, ours: bool) -> float:
    """Time of a step, the mean over at least 2 ms: CPU time for one thread, wall time for more."""
    clock = time.process_time if threads == 1 else time.perf_counter
    with threadpool_limits(1 if ours else threads, "blas"):
        if threads > 1:
            time.sleep(0.01)
        begin = clock()
        step()
        if clock() - begin < 0.02:  # the caches and threads are awake now: start again
            begin, count = clock(), 0
            while count == 0 or clock() - begin < 2e-3:
                step()
                count += 1
            return (clock() - begin) / count
        return clock() - begin


def peak(threads: int) -> float:
    """GFLOP/s of a matrix product."""
    A = np.random.default_rng(0).standard_normal((1024, 1024))
    return 2e-9 * 1024**3 / float(np.median([_seconds(lambda: A @ A, threads, False) for _ in range(9)]))


def plot(every: dict[str, Any], peer: str, all_threads: int) -> Any:
    import matplotlib.pyplot as plt

    counts = (1, all_threads)
    names = [result["case"] for result in every["1 threads"]["results"]]
    figure, axes = plt.subplots(1, 2, figsize=(11, 1.2 + 0.27 * len(names)), sharey=True, sharex=True, layout="constrained")
    rows = np.arange(len(names))[::-1]
    for axis, threads in zip(axes, counts, strict=True):
        results = every[f"{threads} threads"]["results"]
        ratios = np.array([r["ratio"] for r in results])
        spread = np.abs(np.array([r["ratio_quartiles"] for r in results]).T - ratios)
        axis.barh(rows, ratios, left=0, xerr=spread, color="tab:blue", error_kw={"linewidth": 1})
        axis.axvline(1, color="black", linewidth=1)
        for row, result in zip(rows, results, strict=True):
            axis.annotate(f" {result['ours_ms']:.3g} ms", (max(result["ratio_quartiles"][1], 1), row), va="center", fontsize=8)
        axis.set(title="one thread, CPU time" if threads == 1 else f"{threads} threads, wall time")
        axis.set_xscale("log")
        axis.set_xlim(0.3, 6 * ratios.max())
        plain_ticks(axis.xaxis)
    axes[0].set_yticks(rows, names, fontsize=8)
    figure.supxlabel(
        f"time of {peer} / time of infwidth (median and quartiles over rounds); the numbers are the times of infwidth", fontsize=9
    )
    figure.suptitle("One full-batch particle step")
    return figure


def main() -> None:
    args = options(__doc__)
    peer = "numpy" if torch is None else f"PyTorch {torch.__version__}"
    print(f"peer: {peer}")
    every: dict[str, Any] = {"peer": peer}
    all_threads = numba.get_num_threads()
    for threads in (1, all_threads):
        rng = np.random.default_rng(args.seed)
        gemm = peak(threads)
        load = os.getloadavg()[0]  # beyond the number of cores, wall times tell little
        print(f"{threads} thread(s); matrix product of size 1024: {gemm:.0f} GFLOP/s; load {load:.1f} on {os.cpu_count()} cores")
        print(f"{'case':44s} {'ours ms':>9s} {'peer ms':>9s} {'numpy ms':>9s} {'ratio':>7s} {'numpy':>7s} {'peak':>6s}")
        results = []
        for case in cases(args.quick):
            result = measure(case, threads, 3 if args.quick else 5, rng)
            result["fraction_of_peak"] = result["gflops"] / gemm
            results.append(result)
            print(
                f"{result['case']:44s} {result['ours_ms']:9.3g} {result['peer_ms']:9.3g} {result['numpy_ms']:9.3g}"
                f" {result['ratio']:7.2f} {result['numpy_ratio']:7.2f} {result['fraction_of_peak']:6.2f}  {result['best_peer']}",
                flush=True,
            )
        every[f"{threads} threads"] = {"gemm_gflops": gemm, "load": load, "results": results}
    write(args, "particle_speed", every, plot(every, peer, all_threads))


if __name__ == "__main__":
    main()
