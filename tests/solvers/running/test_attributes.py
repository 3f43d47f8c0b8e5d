"""Content that a class does not pickle, or that it inherits a form without: seen, or refused."""

import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import pickle
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

import infwidth as iw
from infwidth.solvers.running.attributes import attributes, hides_attributes
from infwidth.solvers.running.fingerprint import fingerprint

X, Y = np.eye(2), np.array([1.0, -1.0])


class _Reduced:
    """Comes back from a pickle without its content."""

    def __init__(self, by=1):
        self.by = by

    def __reduce__(self):
        return type(self), ()

    def __call__(self, X):
        return self.by * X


class _ReducedInSlots:
    __slots__ = ("__by", "unset")

    def __init__(self, by=1):
        self.__by = by

    def __reduce_ex__(self, protocol):
        return _ReducedInSlots, ()


class _ReducedInPart(_Reduced):
    def __init__(self, by=1, name="one"):
        super().__init__(by)
        self.name = name

    def __reduce__(self):
        return _ReducedInPart, (1, self.name)


class _Forgetful(_Reduced):
    __reduce__ = object.__reduce__

    def __getstate__(self):
        return {}


class _Named(_Reduced):
    def __reduce__(self):
        return "_Named"


class _Registered:
    def __init__(self, by=1):
        self.by = by


copyreg.pickle(_Registered, lambda value: (_Registered, ()))


def _with(base, *arguments):
    """Instances of a class that inherits its form, with an attribute that the form leaves out."""
    kind = type("Kind", (base,), {"__module__": __name__})

    def make(by):
        value = kind(*arguments)
        value.by = by
        return value

    return make


def _of_a_tuple(by):
    """A class of the same name whose method does another thing."""

    class Point(NamedTuple):
        x: float

        def __call__(self, X, by=by):
            return by * X

    return Point(1.0)


def _partial(by):
    made = functools.partial(max, 0)
    made.by = by
    return made


MAKERS = {
    "reduce": _Reduced,
    "slots": _ReducedInSlots,
    "in part": _ReducedInPart,
    "getstate": _Forgetful,
    "by name": _Named,
    "registered": _Registered,
    "tuple": _with(tuple, (1, 2)),
    "fraction": _with(fractions.Fraction, 1, 2),
    "decimal": _with(decimal.Decimal, "0.5"),
    "date": _with(datetime.date, 2020, 1, 1),
    "generator": lambda by: _with(np.random.Generator, np.random.PCG64(0))(by),
    "vectorized": _with(np.vectorize, abs),
    "methods of a tuple": _of_a_tuple,
    "partial": _partial,
    "hidden array": lambda by: np.zeros(2).view(type("Own", (np.ndarray,), {"__module__": __name__, "by": by})),
}


@pytest.mark.parametrize("name", MAKERS)
def test_content_that_no_pickle_holds_is_seen(name):
    one, same, other = (fingerprint(MAKERS[name](by)) for by in (2, 2, 3))
    assert one == same != other


def test_the_pickles_do_hide_it():
    """So that the test above would fail for a fingerprint by what is pickled."""
    for kind in (_Reduced, _ReducedInSlots, _Forgetful, _Registered):
        assert pickle.dumps(kind(2)) == pickle.dumps(kind(3))


def test_hidden_content_that_cannot_be_seen_is_refused_naming_the_way_out():
    hidden = _Reduced(np.frompyfunc(lambda x: 2 * x, 1, 1))
    with pytest.raises(ValueError, match=r"^point: holds a .*ufunc, whose content cannot be told, .* fingerprint_parts\(\)"):
        fingerprint(hidden, "point")


def test_who_says_what_decides_is_believed():
    class Says(_Reduced):
        def fingerprint_parts(self):
            return self.by // 2

    assert fingerprint(Says(2)) == fingerprint(Says(3)) != fingerprint(Says(4))


def test_caches_and_empty_slots_are_no_content():
    class Lazy(_Reduced):
        @functools.cached_property
        def square(self):
            return self.by**2

    fresh, used = Lazy(3), Lazy(3)
    assert used.square == 9
    assert fingerprint(fresh) == fingerprint(used)
    assert attributes(_ReducedInSlots(4)) == {"_ReducedInSlots__by": 4}
    assert attributes(type("Heir", (_ReducedInSlots,), {})(4)) == {"_ReducedInSlots__by": 4}
    full = _ReducedInSlots(4)
    full.unset = 0
    assert fingerprint(full) != fingerprint(_ReducedInSlots(4))


class _Plain:
    def __init__(self, by):
        self.by = by


class _Colour(enum.Enum):
    RED = 1
    BLUE = 2


def test_what_is_pickled_whole_is_left_as_it_is():
    """Fingerprints of plain objects, which are in many files, do not depend on where this looks."""
    assert not hides_attributes(_Plain(2)) and not hides_attributes(_Plain) and not hides_attributes(0.5)
    assert fingerprint(_Colour.RED) == fingerprint(_Colour.RED) != fingerprint(_Colour.BLUE)


def test_compiled_functions_are_the_same_in_any_process():
    """As methods of generators are, and what builds the numbers of a data frame: their members hold addresses."""
    code = (
        "import numpy as np; from infwidth.solvers.running.fingerprint import fingerprint; "
        "print(fingerprint([np.random.default_rng(0).standard_normal, np.random.Generator.normal]))"
    )
    prints = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout for _ in range(2)}
    assert len(prints) == 1
    assert attributes(np.random.Generator.normal) == {}


def test_a_run_of_another_offset_is_not_resumed(tmp_path):
    def run(by):
        model = iw.TwoLayerMeanField("tanh", 8, offset=_Reduced(by))
        return iw.solve(model, X, Y[:, None] * np.ones(2), iw.GradientDescent(0.1, 2), rng=0, checkpoint=tmp_path / "run")

    run(1.0)
    with pytest.raises(ValueError, match="belongs to a run with another model"):
        run(5.0)


def test_a_sweep_over_such_objects_computes_each(tmp_path):
    def value(scale):
        return scale.by

    assert iw.sweep(value, [{"scale": _Reduced(2)}], resume=tmp_path)["value"] == [2]
    assert iw.sweep(value, [{"scale": _Reduced(7)}], resume=tmp_path)["value"] == [7]
