"""Problems small enough to know everything about."""

from types import SimpleNamespace

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers import Evaluation, Problem
from infwidth.solvers.abilities import FirstStep


class Explosion(Problem, FirstStep):
    """dz/dt = z^2 from 1, infinite at t = 1; its loss and its output are z."""

    data = None
    coordinates = "parameters"
    first_step = False

    def bind(self, data, rng):
        return self

    def start(self):
        return np.ones(1)

    def evaluate(self, state, velocity=None, *, step=1, rows=None):
        if velocity is not None:
            velocity[:] = state**2
        return Evaluation(float(state[0]), state[:, None].copy())

    def predict(self, state, X):
        return X * state


class Scripted(Explosion):
    """Its loss follows a script: the state counts the steps of gradient descent at rate 1."""

    def __init__(self, losses):
        self.losses = losses

    def start(self):
        return np.zeros(1)

    def evaluate(self, state, velocity=None, *, step=1, rows=None):
        if velocity is not None:
            velocity[:] = 1
        return Evaluation(self.losses[int(state[0])], state[:, None].copy())


K = np.array([[2.0, 0.5], [0.5, 1.0]])
START = np.array([1.0, -2.0])


class Quadratic(Problem, FirstStep):
    """loss = 1/2 z K z, velocity -K z; ten times that at step 0 where that is special."""

    data = None
    coordinates = "parameters"

    def __init__(self, first_step=False):
        self.first_step = first_step

    def bind(self, data, rng):
        return self

    def start(self):
        return START.copy()

    def evaluate(self, state, velocity=None, *, step=1, rows=None):
        if velocity is not None:
            velocity[:] = -K @ state
            if step == 0 and self.first_step:
                velocity *= 10
        return Evaluation(float(state @ K @ state) / 2, state[:, None].copy())

    def predict(self, state, X):
        return X @ state[:, None]


@pytest.fixture
def Exploding():
    """The class of problems that explode."""
    return Explosion


@pytest.fixture
def scripted():
    """A model of given losses, one per step."""
    return Scripted


@pytest.fixture
def quadratic():
    """The problem, the one with a special first step, its matrix and start, and the end of a method on it."""

    def end(method, problem=None):
        return iw.solve(problem or Quadratic(), method=method, rng=0).state

    return SimpleNamespace(problem=Quadratic(), special=Quadratic(first_step=True), K=K, start=START, end=end)
