"""A teacher, a start and data for measures on the circle."""

import numpy as np

from infwidth.limits import GaussianTeacher

TURNS = np.deg2rad([20.0, 140.0, 250.0])
TEACHER = GaussianTeacher(3 * np.column_stack([np.cos(TURNS), np.sin(TURNS)]), [1.0, -1.0, 1.0], "relu")


def smooth(angles):
    return np.stack((np.exp(np.cos(angles - 0.5)), 0.7 * np.exp(np.sin(2 * angles)))) / (4 * np.pi)


def plane_data(n=12, seed=3):
    X = np.random.default_rng(seed).standard_normal((n, 2))
    return X, np.sin(2 * X[:, 0]) + X[:, 1]
