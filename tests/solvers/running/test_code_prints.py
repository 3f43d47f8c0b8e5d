"""What a function reads decides it: globals, those of its helpers, captured and default values; not what it writes."""

import functools

import numba
import numpy as np
import pytest

from infwidth.solvers.running.code_prints import callable_parts, class_parts
from infwidth.solvers.running.fingerprint import fingerprint

NUMBER = 1.0
TABLE = {"rate": 0.1}
ARRAY = np.ones(3)


def direct(x):
    return NUMBER * x


def through_a_helper(x):
    return direct(x) + 1


def in_a_comprehension(x):
    return [NUMBER for _ in x]


def of_a_table(x):
    return TABLE["rate"] * x


def of_an_array(x):
    return ARRAY.sum() * x


def recursive(n):
    return NUMBER if n == 0 else recursive(n - 1)


@functools.lru_cache
def cached(x):
    return NUMBER * x


class Method:
    factor = 2

    def __call__(self, x):
        return NUMBER * self.factor * x


@numba.njit
def compiled(x):
    return NUMBER * x


FUNCTIONS = [direct, through_a_helper, in_a_comprehension, recursive, cached, Method(), Method().__call__, compiled, np.vectorize(direct)]


@pytest.mark.parametrize("function", [*FUNCTIONS, functools.partial(through_a_helper, 2)])
def test_a_changed_global_is_another_function(function, monkeypatch):
    before = fingerprint(function)
    assert fingerprint(function) == before
    monkeypatch.setitem(globals(), "NUMBER", 2.0)
    assert fingerprint(function) != before


def test_changed_content_of_a_global_is_another_function(monkeypatch):
    before = fingerprint(of_a_table), fingerprint(of_an_array), fingerprint(Method())
    monkeypatch.setitem(TABLE, "rate", 0.2)
    monkeypatch.setitem(globals(), "ARRAY", np.arange(3.0))
    monkeypatch.setattr(Method, "factor", 3)
    after = fingerprint(of_a_table), fingerprint(of_an_array), fingerprint(Method())
    assert not set(before) & set(after)


def test_what_a_metaclass_holds_decides_its_classes(monkeypatch):
    class Meta(type):
        rate = 1

    class Settings(metaclass=Meta):
        pass

    def reads(x):
        return Settings.rate * x

    before = fingerprint(reads)
    monkeypatch.setattr(Meta, "rate", 2)
    assert fingerprint(reads) != before


def test_compiled_functions_are_known_by_what_they_captured():
    def make(c):
        @numba.njit
        def scaled(x):
            return c * x

        return scaled

    one, same, other = make(1.0), make(1.0), make(2.0)
    one(3.0)  # compiled now
    assert fingerprint(one) == fingerprint(same) != fingerprint(other)


def test_functions_inside_ufuncs_are_hidden_and_refused():
    assert fingerprint(np.sin) != fingerprint(np.cos)
    with pytest.raises(ValueError, match=r"holds a numpy\.ufunc"):
        fingerprint(np.frompyfunc(direct, 1, 1))


def test_classes_of_libraries_are_known_by_name():
    assert class_parts(dict, lambda value: b"") == [b"builtins.dict"]
    assert len(class_parts(Method, lambda value: b"")) > 2
    assert callable_parts(3) is None


def test_sets_in_the_code_have_no_order():
    """Constants such as {"a", "b"} are listed in another order in every process."""
    import subprocess
    import sys

    code = "from infwidth.solvers.running.fingerprint import fingerprint as f; print(f(lambda x: x in {'a', 'b', 'c', 'd'}))"
    printed = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(seed)).stdout
        for seed in ("1", "2", "3")
    }
    assert len(printed) == 1 and len(printed.pop()) == 33


def environment(seed):
    import os
    from pathlib import Path

    import infwidth

    path = os.pathsep.join([str(Path(infwidth.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
