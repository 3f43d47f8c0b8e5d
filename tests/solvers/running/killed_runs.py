"""Kill checkpointed runs with SIGKILL at random moments, resume them, and compare with undisturbed runs, bit by bit.

Run by test_checkpoint_file.py in a process of its own, because it forks. Prints one line per killed run and fails on the first difference.
"""

import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import infwidth as iw

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((12, 3)), RNG.standard_normal(12)
RUNS = {
    "minibatches": (iw.Network(3, 2, 16, "tanh", iw.Parameterization.mup(2)), iw.GradientDescent(0.1, 60, batch_size=4), None),
    "heavy ball": (iw.Network(3, 2, 16, "relu", iw.Parameterization.ntk(2)), iw.HeavyBall(0.1, 1.0, 60), [0, 7, 59, 60]),
    "rmsprop minibatches": (iw.Network(3, 2, 16, "tanh", iw.Parameterization.ntk(2)), iw.RMSProp(0.01, 60, batch_size=4), None),
    "flow": (iw.Network(3, 2, 16, "gelu", iw.Parameterization.mup(2)), iw.GradientFlow(6.0, rtol=1e-7), np.linspace(0, 6, 11)),
    "dop853": (iw.Network(3, 1, 16, "gelu", iw.Parameterization.mup(1)), iw.GradientFlow(12.0, rtol=1e-9, stepper="DOP853"), [1, 5.5, 12]),
    "compiled limit": (iw.DeepLinearIntegrable(3), iw.GradientDescent(0.2, 60, first_learning_rate=2.0), None),
    "causal limit": (iw.DeepLinearMuP(2), iw.HeavyBall(0.2, 0.5, 40), None),
    "causal flow": (iw.DeepLinearMuP(3), iw.GradientFlow(2.0), np.linspace(0, 2, 7)),
    "causal minibatches": (iw.DeepLinearMuP(2), iw.GradientDescent(0.1, 60, batch_size=4), None),
}


def run(name, checkpoint=None, callback=None):
    model, method, save_at = RUNS[name]
    return iw.solve(
        model,
        X,
        Y,
        method,
        rng=5,
        save_at=save_at,
        X_test=X[:2] + 1,
        observables={"norm": lambda t, state, problem: np.linalg.norm(problem.predict(state, X))},
        checkpoint=checkpoint,
        checkpoint_seconds=0,
        callback=callback,
    )


def everything(sol):
    end = sol.state if isinstance(sol.state, np.ndarray) else sol.state.now.F
    parts = [
        sol.t,
        sol.step,
        sol.loss,
        sol.outputs,
        sol.test_outputs,
        sol.observables["norm"],
        end,
        sol.stats.get("batch_loss", np.zeros(0)),
    ]
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


class Child:
    """A fork that does ``work(callback)`` and leaves. Its callback reports every point, and waits for leave to go on."""

    def __init__(self, work):
        self.reports, reporting = os.pipe()
        waiting, self.leave = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                work(lambda point: (os.write(reporting, b"."), os.read(waiting, 1)) and None)
                status = 0
            finally:
                os._exit(status)
        for end in (reporting, waiting):
            os.close(end)

    def follow(self, points):
        """Let it pass so many points."""
        for _ in range(points):
            os.read(self.reports, 1)
            os.write(self.leave, b".")

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        for end in (self.reports, self.leave):
            os.close(end)
        return os.WIFSIGNALED(os.waitpid(self.pid, 0)[1])


def main(kills):
    random.seed(1)
    undisturbed, points, seconds = {}, {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name in RUNS:
            undisturbed[name] = everything(run(name))
            seen = []
            began = time.perf_counter()
            assert everything(run(name, Path(folder) / f"whole {name}", seen.append)) == undisturbed[name], (
                f"{name}: a checkpoint changed it"
            )
            points[name], seconds[name] = len(seen), (time.perf_counter() - began) / len(seen)
        for kill in range(kills):
            name = list(RUNS)[kill % len(RUNS)]
            path = Path(folder) / f"{kill}"
            child = Child(lambda report, name=name, path=path: run(name, path, report))
            child.follow(random.randrange(2, points[name] - 1))
            time.sleep(random.uniform(0, seconds[name]))  # somewhere in a step, or in the writing of it
            assert child.kill(), f"{name}: had ended by itself"
            assert path.exists(), f"{name}: there is no checkpoint of the first point"
            assert everything(run(name, path)) == undisturbed[name], f"{name}: the resumed run differs"
            assert everything(run(name, path)) == undisturbed[name], f"{name}: the finished run differs when asked for again"
            print(f"{name}: killed, resumed to the same bits", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
