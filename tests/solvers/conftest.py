"""Problems small enough to know everything about."""

import numpy as np
import pytest

from infwidth.solvers import Evaluation
from infwidth.solvers.abilities import FirstStep


class Explosion(FirstStep):
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


@pytest.fixture
def Exploding():
    """The class of problems that explode."""
    return Explosion


@pytest.fixture
def scripted():
    """A model of given losses, one per step."""
    return Scripted
