"""A problem, a run as its losses tell it, and a model of a problem that is there already."""

import numpy as np

from infwidth.solvers import Solution


def trajectory(t, loss, **more):
    return Solution(t=np.array(t), step=np.arange(len(t)), loss=np.array(loss), outputs=np.zeros((len(t), 1, 1)), **more)


def problem(n=12, d=3, seed=5):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, X @ np.array([1.0, -0.5, 0.3])


class Bound:
    """The model whose problem is this one."""

    def __init__(self, problem):
        self.problem = problem

    def bind(self, data, rng):
        return self.problem
