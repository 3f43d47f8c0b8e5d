r"""Runs that are killed and started again, and runs that are started twice: what is lost.

Kills: a run of every kind (each family of models with a checkpoint, a sweep and a comparison with a folder) gets SIGKILL or Ctrl-C at a
random time, and is then started again. Counted as lost: a file that cannot be read, steps or points that were finished and are not in it,
an end that is not the undisturbed run's to the last bit, any other error.

Double starts: two processes follow the same run with one checkpoint, or one folder, at the same time. Lost: an end of either that is not
the undisturbed run's to the last bit, or an error.

Every step waits some milliseconds, so that signals find the runs anywhere in their course (and between a step and its file).

    python benchmarks/kills.py [--quick] [--seed 0] [--out FOLDER]
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import numpy as np
from harness import options, write

import infwidth as iw
from infwidth import limits
from infwidth.limits import catapult, kernels
from infwidth.solvers import checkpoint
from infwidth.solvers.running.fingerprint import fingerprint

Array = np.ndarray

X, Y = np.array([[1.0, 0.3], [-0.4, 0.8], [0.2, -1.1]]), np.array([1.0, -0.7, 0.4])
STEPS, PAUSE = 30, 0.005
FORK = multiprocessing.get_context("fork")  # children begin with everything imported
P = iw.Parameterization
GRID = iw.Grid.uniform(-3.0, 3.0, 24)
NET = iw.Network(2, 2, 16, "tanh", P.mup(2))
GD, BATCHES = iw.GradientDescent(0.05, STEPS), iw.GradientDescent(0.05, STEPS, batch_size=2)
TEACHER = iw.GaussianTeacher([[1.0, 0.0]], [1.0], "erf")


def gaussian(w: Array) -> Array:
    return np.exp(-(w**2).sum(axis=1))


# name: model, method, data
RUNS: dict[str, tuple[Any, Any, tuple[Any, Any]]] = {
    "Network": (NET, GD, (X, Y)),
    "Network, minibatches": (NET, BATCHES, (X, Y)),
    "Network, momentum": (NET, iw.HeavyBall(0.1, 1.0, STEPS), (X, Y)),
    "Network, noise": (NET, iw.Langevin(0.05, 0.1, 0.2, STEPS), (X, Y)),
    "Network, RMSProp": (NET, iw.RMSProp(0.01, STEPS), (X, Y)),
    "Network, flow": (NET, iw.GradientFlow(5.0, rtol=1e-9, atol=1e-12), (X, Y)),
    "particles": (iw.TwoLayerMeanField("relu", 256, bias=True, replicas=4), BATCHES, (X, Y)),
    "particles of a population": (iw.TwoLayerMeanField("erf", 64, population=TEACHER), BATCHES, (None, None)),
    "from the network's own start": (limits.InitCorrectedMeanField("tanh", 64), GD, (X, Y)),
    "radii": (iw.RadialMeanField(5, 0.5, size=16), GD, (None, None)),
    "density": (iw.DensityMeanField(GRID, gaussian, "tanh", temperature=0.1), iw.TransportFlow(0.5), (X[:, :1], Y)),
    "circle": (iw.CircleMeanField("relu", 16), iw.GradientFlow(1.0, rtol=1e-9, atol=1e-12), (X, Y)),
    "linear, integrable": (iw.DeepLinearIntegrable(2), GD, (X, Y)),
    "nonlinear, integrable": (iw.DeepIntegrable(2, "tanh", 32, "naive"), GD, (X, Y)),
    "linear, µP": (iw.DeepLinearMuP(2), GD, (X, Y)),
    "linear, µP, flow": (iw.DeepLinearMuP(2), iw.GradientFlow(4.0, rtol=1e-8, atol=1e-10), (X, Y)),
    "dynamical mean field": (iw.DynamicalMeanField(2, "tanh", 512), iw.GradientDescent(0.05, 10), (X, Y)),
    "tangent kernel": (iw.NeuralTangentLimit(kernels.of(iw.Network(2, 1, 8, "relu", P.ntk(1)))), GD, (X, Y)),
    "linearized network": (limits.LinearizedNetwork(NET), GD, (X, Y)),
    "catapult": (catapult.TwoLayerLinearNetwork(16), GD, (X, Y)),
    "isotropic network": (limits.IsotropicNetwork(5, 0.5, 16, test_samples=20), BATCHES, (None, None)),
}
STUDIES = ("sweep", "comparison")
KINDS = (*RUNS, *STUDIES)
WIDTHS, SEEDS, POINTS = (8, 16), 6, 12


def point(seed: int) -> dict[str, Any]:
    """One point of the sweep."""
    sol = iw.solve(NET, X, Y, iw.GradientDescent(0.05, 5), rng=seed, callback=lambda _: time.sleep(PAUSE))
    return {"loss": sol.loss, "seed": seed, "shape": sol.outputs.shape}


class Paced:
    """A network whose start takes a while."""

    def __init__(self, width: int) -> None:
        self.width = width

    def bind(self, data: Any, rng: np.random.Generator) -> Any:
        time.sleep(5 * PAUSE)
        return iw.Network(2, 1, self.width, "linear", P.mup(1)).bind(data, rng)


def run(kind: str, path: Path, done: Callable[[int], None]) -> tuple[bool, str]:
    """Follow a run of that kind, telling each step or point that is finished; whether it came to its end, and a digest of its result."""
    if kind == "sweep":
        runs = iw.sweep(point, {"seed": range(POINTS)}, resume=path)
        return True, fingerprint([runs.points, runs.results], "result")
    if kind == "comparison":
        networks = [Paced(m) for m in WIDTHS]
        gaps = iw.compare(iw.DeepLinearMuP(1), networks, X, Y, iw.GradientDescent(0.1, 5), seeds=SEEDS, resume=path)
        return not gaps.failed, fingerprint([gaps.gaps, gaps.gap_paths, gaps.slope, gaps.slope_error], "result")
    model, method, data = RUNS[kind]

    def pause(at: Any) -> None:
        done(at.step)
        time.sleep(PAUSE)

    sol = iw.solve(model, *data, method, rng=3, checkpoint=path, checkpoint_seconds=0, callback=pause)
    assert sol.success or sol.stats["interrupted"], sol.message
    state = sol.state.history() if hasattr(sol.state, "history") else sol.state
    return sol.success, fingerprint([sol.t, sol.step, sol.loss, sol.outputs, sol.error, state], "result")


def _child(kind: str, path: Path, reached: Any, talk: Connection) -> None:
    warnings.simplefilter("error")

    def done(step: int) -> None:
        reached[0], reached[1] = step if reached[0] < 0 else reached[0], step

    talk.send("begins")
    try:
        answer: Any = run(kind, path, done)
    except KeyboardInterrupt:
        answer = (False, "Ctrl-C")
    except BaseException:
        answer = (False, "ERROR " + traceback.format_exc(limit=-2))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a late one finds the answer given
    talk.send(answer)


@dataclass
class Start:
    """A process that follows a run."""

    kind: str
    path: Path

    def __post_init__(self) -> None:
        self.reached = FORK.Array("i", [-1, -1], lock=False)  # the first and the last step that it came to
        self.talk, theirs = FORK.Pipe()
        self.process = FORK.Process(target=_child, args=(self.kind, self.path, self.reached, theirs), daemon=True)
        self.process.start()
        theirs.close()
        self.talk.recv()  # it begins
        self.began = time.perf_counter()

    def answer(self) -> tuple[bool, str]:
        """What came of it."""
        wait([self.talk], timeout=300)
        try:
            end: tuple[bool, str] = self.talk.recv()
        except EOFError:
            end = (False, "killed")
        self.seconds = time.perf_counter() - self.began
        self.process.join()
        self.talk.close()
        return end


def kept(kind: str, path: Path) -> int:
    """The last step in a checkpoint, or the number of points in a folder."""
    if kind in STUDIES:
        files = [file for file in path.glob("*.npz") if not file.name.startswith(".")] if path.exists() else []
        for file in files:
            checkpoint.read(file)
        return len(files)
    return int(checkpoint.read(path)["resume"]["step"]) if path.exists() else -1


def kill(kind: str, hard: bool, whole: tuple[str, float], at: float, path: Path) -> tuple[str, list[str]]:
    """One kill (``hard``: SIGKILL) at a fraction ``at`` of the run's time; how it ended, and what was lost."""
    held: int = -1
    lost: list[str] = []
    first = Start(kind, path)
    time.sleep(at * whole[1])
    os.kill(first.process.pid or 0, signal.SIGKILL if hard else signal.SIGINT)
    ended, digest = first.answer()
    if digest.startswith("ERROR"):
        lost.append(digest)
    try:
        held = kept(kind, path)
        if kind not in STUDIES and held < first.reached[1] - hard:  # SIGKILL between a step and its file
            lost.append(f"step {first.reached[1]} was finished, the file holds step {held}")
    except (OSError, ValueError) as error:
        lost.append(f"the file cannot be read: {error}")
    second = Start(kind, path)
    came, again = second.answer()
    if not came or again != whole[0]:
        lost.append(f"another end: {again}")
    if kind not in STUDIES and held >= 0 and second.reached[0] not in (-1, held):
        lost.append(f"the file holds step {held}, and step {second.reached[0]} was computed again")
    how = "ended before" if ended else ("SIGKILL" if hard else "Ctrl-C")
    return how, lost


def twice(kind: str, number: int, whole: tuple[str, float], apart: float, folder: Path) -> list[str]:
    """Two processes on one path, ``apart`` of the run's time."""
    path = folder / f"twice {number}"
    one = Start(kind, path)
    time.sleep(apart * whole[1])
    two = Start(kind, path)
    lost = [f"another end: {end}" for end in (one.answer(), two.answer()) if end != (True, whole[0])]
    third = Start(kind, path)
    if third.answer() != (True, whole[0]):
        lost.append("the file that they left has another end")
    return lost


def main() -> None:
    from matplotlib import pyplot as plt

    chosen = options(__doc__)
    rng = np.random.default_rng(chosen.seed)
    kills, doubles = (len(KINDS), 3) if chosen.quick else (100, 30)
    struck: dict[str, list[float]] = {"SIGKILL": [], "Ctrl-C": [], "ended before": []}
    lost: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder, whole = Path(name), {}
        for kind in KINDS:
            start = Start(kind, folder / kind)
            came, digest = start.answer()
            if not came:
                raise RuntimeError(f"{kind}: the undisturbed run failed: {digest}")
            whole[kind] = digest, start.seconds
        for number in range(kills):
            kind, at = KINDS[number % len(KINDS)], float(rng.uniform(0, 1.1))
            how, losses = kill(kind, (number + number // len(KINDS)) % 2 == 0, whole[kind], at, folder / str(number))
            struck[how].append(at)
            lost[f"kill {number}, {kind}, {how}"] = losses
        for number in range(doubles):
            kind = KINDS[(7 * number) % len(KINDS)]
            lost[f"double start {number}, {kind}"] = twice(kind, number, whole[kind], float(rng.choice([0.0, 0.5])), folder)
        leftovers = [file.name for file in folder.rglob("*.tmp")]
    bad = {name: what for name, what in lost.items() if what}
    for name, what in bad.items():
        print(name, what)
    counts = {how: len(times) for how, times in struck.items()}
    print(f"{kills} kills of {len(KINDS)} kinds of run ({counts}), {doubles} double starts: lost in {len(bad)}")
    figure, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
    axes.hist(
        list(struck.values()), bins=np.linspace(0, 1.1, 12).tolist(), stacked=True, label=[f"{how} ({n})" for how, n in counts.items()]
    )
    axes.set(xlabel="time of the signal / time of the run", ylabel="kills", title=f"lost in {len(bad)} of {kills + doubles}")
    axes.legend(frameon=False)
    results = {"kills": kills, "double_starts": doubles, "kinds": list(KINDS), "counts": counts, "lost": bad, "at": struck}
    write(chosen, "kills", {**results, "leftovers_of_kills": len(leftovers)}, figure)


if __name__ == "__main__":
    main()
