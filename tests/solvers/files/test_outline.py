"""What is written comes back as it was, type by type, or is refused."""

import json
from collections import Counter, OrderedDict, namedtuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infwidth.solvers.files.outline import attach, detach

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.complex_numbers(allow_nan=False)
KEYS = st.integers() | st.text() | st.booleans() | st.tuples(st.integers(), st.text())
NESTED = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner)
)


def there_and_back(value):
    arrays = []
    return attach(json.loads(json.dumps(detach(value, arrays))), arrays)


def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one.items(), other.items(), strict=True))
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return repr(one) == repr(other)


@given(NESTED)
def test_any_nesting_comes_back(value):
    assert same(there_and_back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        {1: "int", "1": "str"},
        {"a": {"b": np.full(2, 1.0)}, "a/b": np.full(2, 2.0)},
        {"__array__": "x"},
        {"": 1},
        {"": ["array", 0]},
        {"x": {"": ["tuple", []]}},
        (1, (2, [3, ()])),
        {0: np.ones(2), (1, "a"): None},
        {np.int64(3): 1},
        np.float32(0.1),
        np.datetime64("2020-01-01"),
        np.str_("text"),
        float("inf"),
        -0.0,
        2**200,
        1j,
        "\ud800",
    ],
    ids=repr,
)
def test_what_json_has_no_word_for_comes_back(value):
    assert same(there_and_back(value), value)


def test_integers_that_python_does_not_write_in_decimals_come_back():
    assert there_and_back([10**5000 + 1, {-(10**5000): 2**64}]) == [10**5000 + 1, {-(10**5000): 2**64}]


@pytest.mark.parametrize(
    "array", [np.arange(6).reshape(2, 3).T, np.array(1.5), np.zeros((0, 3), ">f4"), np.array(["a", "bc"]), np.array([True]), np.array([1j])]
)
def test_arrays_come_back(array):
    back = there_and_back([array])[0]
    assert type(back) is np.ndarray
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        b"bytes",
        Counter("aab"),
        OrderedDict(a=1),
        namedtuple("Point", "x y")(1, 2),
        np.ma.array([1, 2], mask=[0, 1]),
        np.array([{}, None]),
        np.zeros(2, [("a", int)]),
        {"deep": {frozenset(): 1}},
        np.str_("a\0"),
        np.bytes_(b"a\0"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_would_come_back_as_something_else_is_refused(value):
    with pytest.raises(TypeError, match=r"/x.*: cannot store an? .*; give"):
        detach({"x": value}, [])


def test_endless_nesting_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(TypeError, match="contains itself"):
        detach(loop, [])


@pytest.mark.parametrize(
    "node",
    [
        {"": 1},
        {"": ["array", 0], "more": 1},
        {"": ["array", -1]},
        {"": ["array", 1]},
        {"": ["array", True]},
        {"": ["array", [0]]},
        {"": ["scalar", 0]},
        {"": ["complex", ["a", "b"]]},
        {"": ["tuple", "ab"]},
        {"": ["dict", [[1]]]},
        {"": ["exec", "print()"]},
        {"": [["tuple"], []]},
    ],
    ids=str,
)
def test_forged_outlines_are_refused(node):
    with pytest.raises(ValueError, match="its outline"):
        attach(node, [np.zeros(2)])
