"""Peers of ``kernel_speed.py`` in an environment of their own: neural-tangents with the last jax that it can be imported with, scikit-ntk.

    python benchmarks/kernel_peers.py FOLDER      # makes the environment (2.6 GB) and prints its python

Run by the python of that environment it is the other side: one case per process, timed on every line that it is sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = ("neural-tangents", "jax==0.5.3", "jaxlib==0.5.3", "scikit-ntk")


def environment(folder: Path) -> Path | None:
    """Python of the peers' environment, made if it is not there; None, and why, where it cannot be made."""
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "complete").exists():
        print(f"making the peers' environment in {folder} (2.6 GB) ...", flush=True)
        try:
            venv.create(folder, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES], check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no peers: {folder} could not be made ({getattr(error, 'stderr', None) or error})")
            return None
        (folder / "complete").touch()
    return python


class Peer:
    """A process that computes one case whenever it is asked to."""

    def __init__(self, python: Path, case: dict[str, Any], data: Path, result: Path) -> None:
        arguments = [str(python), __file__, "--case", json.dumps(case), str(data), str(result)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.compile_seconds = self.measure()[0]

    def measure(self) -> tuple[float, float]:
        """Wall and CPU seconds of one more round."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            raise RuntimeError("the peer died: out of memory?")
        return float(answer[0]), float(answer[1])

    def close(self) -> float:
        """Let it write its matrices, and end; its peak memory in bytes."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write("end\n")
        self.process.stdin.flush()
        peak = float(self.process.stdout.readline())
        self.process.wait()
        return peak


def memory(name: str) -> float:
    """Bytes of this process, ``VmRSS`` now or ``VmHWM`` at most; NaN where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return float("nan")
    return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith(name))


def _serve(case: dict[str, Any], data: str, result: str) -> None:
    compute = (_scikit_ntk if case["peer"] == "scikit-ntk" else _neural_tangents)(case)
    X = np.load(data)
    made: dict[str, Any] = {}
    for line in sys.stdin:
        if line.strip() != "go":
            break
        wall, cpu = time.perf_counter(), time.process_time()
        made = compute(X)
        print(time.perf_counter() - wall, time.process_time() - cpu, flush=True)
    first: dict[str, Any] = {name: np.asarray(matrix)[:300] for name, matrix in made.items()}
    np.savez(result, **first)
    print(memory("VmHWM"), flush=True)


def _neural_tangents(case: dict[str, Any]) -> Callable[[Any], dict[str, Any]]:
    import jax  # type: ignore[import-not-found]

    jax.config.update("jax_enable_x64", True)
    from neural_tangents import stax  # type: ignore[import-not-found]

    phi = {
        "relu": stax.Relu,
        "erf": stax.Erf,
        "gelu": stax.Gelu,
        "tanh": lambda: stax.ElementwiseNumerical(jax.numpy.tanh, deg=25),
    }[case["activation"]]
    layers = [part for _ in range(case["layers"]) for part in (stax.Dense(1, case["W_std"]), phi())]
    kernel = stax.serial(*layers, stax.Dense(1, case["W_std"]))[2]
    compiled = jax.jit(lambda X: kernel(X, None, ("nngp", "ntk")))

    def compute(X: Any) -> dict[str, Any]:
        both = compiled(X)
        return {"nngp": both.nngp.block_until_ready(), "ntk": both.ntk.block_until_ready()}

    return compute


def _scikit_ntk(case: dict[str, Any]) -> Callable[[Any], dict[str, Any]]:
    from skntk import NeuralTangentKernel  # type: ignore[import-not-found]

    kernel = NeuralTangentKernel(case["layers"], bias=0.0)
    return lambda X: {"ntk": kernel(X) * (2 * (case["layers"] + 1) / X.shape[1])}  # in our normalisation, W_std^2 = 2


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "--case":
        _serve(json.loads(sys.argv[2]), sys.argv[3], sys.argv[4])
    elif len(sys.argv) == 2 and not sys.argv[1].startswith("-"):
        print(environment(Path(sys.argv[1])))
    else:
        sys.exit(__doc__)
