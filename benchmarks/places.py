r"""The runs of ``slow_places.py``, by public names alone, so that an older revision of the library can take them too.

    python benchmarks/places.py PLACE SEED [quick]

prepares one and runs it once, and then once for every line on its input, and answers with the CPU seconds of each.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np

import infwidth as iw
from infwidth.limits import activations

Array = np.ndarray

FIRST = """
import time, numpy as np, infwidth as iw
X = np.random.default_rng(0).standard_normal((50, {d})); begin = time.process_time()
iw.solve(iw.TwoLayerMeanField("relu", 1000), X, X[:, 0], iw.GradientDescent(0.1, 2), rng=0)
print(time.process_time() - begin)
"""


def hermite_data(rng: np.random.Generator, quick: bool) -> tuple[Array, Array, Array, Array, int]:
    """Samples of a quadratic, particles, and steps."""
    n, d, N, steps = 20_000, 50, 400, 1 if quick else 4
    X = rng.standard_normal((n, d))
    return X, (X[:, 0] ** 2 - 1) * 2**-0.5, rng.standard_normal((N, d)) / 7, rng.choice([-0.5, 0.5], (N, 1)), steps


def hermite(X: Array, y: Array, W: Array, a: Array, steps: int) -> Callable[[], Array]:
    """Full-batch steps of He_2 students."""
    model = iw.TwoLayerMeanField(activations.hermite(2), len(W), initial=(W, a))
    return lambda: iw.solve(model, X, y, iw.GradientDescent(0.02, steps), rng=0, save_at=[0]).state


def replicas_data(quick: bool) -> tuple[Array, Array, float, float, float, int, int, int]:
    """Three samples; temperature, weight decay and step size; replicas, particles of each, and steps."""
    return np.array([-1.5, 0.5, 2.0]), np.array([-1.0, 0.8, 1.5]), 0.1, 0.2, 0.04, 400, 50, 20 if quick else 100


def replicas(x: Array, y: Array, tau: float, decay: float, h: float, R: int, N: int, T: int) -> Callable[[], Array]:
    """Langevin steps of R systems of N particles."""
    model = iw.TwoLayerMeanField("tanh", R * N, replicas=R)
    return lambda: iw.solve(model, x[:, None], y, iw.Langevin(h, tau, decay, T), rng=0, save_at=[T]).state


def one_layer_data(rng: np.random.Generator, quick: bool) -> tuple[Array, Array, int]:
    """Data of a linear map, and steps."""
    X = rng.standard_normal((40, 6))
    return X, X @ rng.standard_normal((6, 3)), 100 if quick else 500


def one_layer(X: Array, Y: Array, steps: int) -> dict[str, Callable[[], Array]]:
    """The same limit twice."""
    mup, integrable, method = iw.DeepLinearMuP(1), iw.DeepLinearIntegrable(1, "naive"), iw.GradientDescent(0.01, steps)
    return {"ours": lambda: iw.solve(mup, X, Y, method).outputs, "numpy": lambda: iw.solve(integrable, X, Y, method).outputs}


RUNS: dict[str, Callable[[np.random.Generator, bool], Callable[[], Array]]] = {
    "He_2, n = 20,000": lambda rng, quick: hermite(*hermite_data(rng, quick)),
    "400 replicas of 50": lambda rng, quick: replicas(*replicas_data(quick)),
    "DeepLinearMuP(1)": lambda rng, quick: one_layer(*one_layer_data(rng, quick))["ours"],
    "DeepLinearIntegrable(1)": lambda rng, quick: one_layer(*one_layer_data(rng, quick))["numpy"],
}


def main() -> None:
    place, seed, *quick = sys.argv[1:]
    run = RUNS[place](np.random.default_rng(int(seed)), bool(quick))
    run()
    print("ready", flush=True)
    for _ in sys.stdin:
        begin = time.process_time()
        run()
        print(time.process_time() - begin, flush=True)


if __name__ == "__main__":
    main()
