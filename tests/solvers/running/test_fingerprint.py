"""What counts as the same run: specifications, functions by what they hold, seeds."""

import collections
import copy
import dataclasses
import functools
import threading

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.running.fingerprint import fingerprint

X, Y = np.eye(2), np.array([1.0, -1.0])
NET = iw.Network(2, 1, 8, "tanh", iw.Parameterization.mup(1))


def test_frozen_distributions_are_known_by_their_parameters():
    from scipy import stats

    prints = [fingerprint(law) for law in (stats.norm(0, 1), stats.norm(0, 1), stats.norm(0, 2), stats.chi(1, scale=2))]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


class _Scale:
    def __init__(self, c):
        self.c = c

    def __call__(self, X):
        return self.c * X

    def times(self, X):
        return self.c * X


def _power(x, p=2):
    return x**p


@pytest.mark.parametrize(
    "make",
    [
        _Scale,
        lambda c: _Scale(c).times,
        lambda c: functools.partial(_power, p=c),
        lambda c: lambda x, c=c: x**c,
        lambda c: _Scale(np.full(3, c)),
        lambda c: iw.limits.GaussianTeacher(np.full((1, 2), float(c)), [1.0], "relu"),
        lambda c: iw.solve(NET, X, c * Y, iw.GradientDescent(0.1, 2), rng=0).predict,
    ],
    ids=["callable object", "bound method", "partial", "default", "array inside", "teacher", "solution"],
)
def test_functions_are_known_by_what_they_hold(make):
    prints = [fingerprint(make(c)) for c in (1, 1, 9)]
    assert prints[0] == prints[1] != prints[2]


def test_the_order_of_observables_does_not_matter():
    a, b = (lambda t, s, p: t), (lambda t, s, p: -t)
    assert fingerprint({"a": a, "b": b}) == fingerprint({"b": b, "a": a})


def test_same_specification_same_fingerprint():
    from infwidth.limits import activations

    one = iw.Network(2, 1, 8, activations.leaky_relu(0.1), iw.Parameterization.mup(1))
    two = iw.Network(2, 1, 8, activations.leaky_relu(0.1), iw.Parameterization.mup(1))
    other = iw.Network(2, 1, 8, activations.leaky_relu(0.2), iw.Parameterization.mup(1))
    assert fingerprint(one) == fingerprint(two) != fingerprint(other)
    assert fingerprint(np.zeros(3)) != fingerprint(np.zeros((3, 1)))


@dataclasses.dataclass
class _Options:
    rate: float = 1.0


def _of_a_thread(value):
    held = threading.local()
    held.value = value
    return held


def _with_more(value):
    options = _Options()
    options.more = value
    return options


def _bound(value):
    """A problem that holds an object of the user, which no array of it shows."""
    problem = iw.TwoLayerMeanField("tanh", 8).bind(iw.solvers.Data.check(X, Y), np.random.default_rng(0))
    problem.offset = _Scale(value)
    return problem


@pytest.mark.parametrize(
    "make",
    [
        _of_a_thread,
        _with_more,
        _bound,
        lambda c: collections.OrderedDict([("a", 1), ("b", 2)][:: 1 if c == 1 else -1]),
        lambda c: 10**5000 + c,
    ],
    ids=["thread", "attribute of a dataclass", "object in a problem", "order", "long integer"],
)
def test_content_that_is_easily_missed(make):
    prints = [fingerprint(make(c)) for c in (1, 1, 9)]
    assert prints[0] == prints[1] != prints[2]


def test_a_copy_leaves_its_mark_on_a_class_and_none_on_prints():
    """Python writes the names of slots into a class when an object of it is copied or pickled for the first time."""

    @dataclasses.dataclass
    class Mine:
        number: int = 3

    before = fingerprint(Mine())
    copy.deepcopy(Mine())
    assert "__slotnames__" in vars(Mine)
    assert fingerprint(Mine()) == before
