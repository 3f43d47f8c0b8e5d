"""Values as JSON and arrays: what is written comes back as it was, type by type, or is refused when it is written."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..checks import shown

__all__ = ["attach", "detach"]

Array = np.ndarray

DEEPEST = 60  # levels of nesting; Python's own recursion would end somewhere above 200
LONGEST = 10_000  # bits of an integer in decimals
STORABLE = "biufcSUmM"  # kinds of dtypes: numbers, strings, dates
WAY_OUT = "give arrays, numbers, strings, or lists, tuples and dicts of them"


def detach(value: Any, arrays: list[Array], name: str = "", depth: int = 0) -> Any:
    """A copy of ``value`` that JSON can hold, its arrays moved to the end of ``arrays``.

    Lists, and dicts whose keys are strings (but not the empty one), look like themselves. Everything else that JSON has no word for is
    ``{"": [tag, content]}``.

    Raises
    ------
    TypeError
        Where something would not come back as it was, with its path.
    """
    if depth > DEEPEST:
        raise TypeError(f"{name[:80]}: is nested more than {DEEPEST} levels deep (or contains itself); flatten it")
    kind = type(value)  # a subclass would come back as its base
    if kind is int and value.bit_length() > LONGEST:  # Python refuses to write so many decimals
        return {"": ["int", hex(value)]}
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is complex:
        return {"": ["complex", [value.real, value.imag]]}
    if kind is list:
        return [detach(item, arrays, f"{name}/{i}", depth + 1) for i, item in enumerate(value)]
    if kind is tuple:
        return {"": ["tuple", [detach(item, arrays, f"{name}/{i}", depth + 1) for i, item in enumerate(value)]]}
    if kind is dict:
        if all(type(key) is str and key for key in value):
            return {key: detach(item, arrays, f"{name}/{key}", depth + 1) for key, item in value.items()}
        below = [(f"{name}/{shown(key, 40)}", key, item) for key, item in value.items()]
        items = [[detach(key, arrays, f"{at} (key)", depth + 1), detach(item, arrays, at, depth + 1)] for at, key, item in below]
        return {"": ["dict", items]}
    if kind is np.ndarray or isinstance(value, np.generic):
        if value.dtype.hasobject:
            raise TypeError(f"{name}: cannot store an array of Python objects without pickle; {WAY_OUT}")
        if value.dtype.kind not in STORABLE:
            raise TypeError(f"{name}: cannot store an array of dtype {value.dtype}; give its fields as arrays of their own")
        if value.dtype.kind in "SU" and kind is not np.ndarray and np.asarray(value)[()] != value:
            raise TypeError(f"{name}: cannot store a {kind.__name__} with zeros at its end, which it would lose; give a str")
        arrays.append(np.asarray(value))
        return {"": ["array" if kind is np.ndarray else "scalar", len(arrays) - 1]}
    raise TypeError(f"{name or 'content'}: cannot store a {kind.__name__}, which would not come back as it was; {WAY_OUT}")


def attach(node: Any, arrays: list[Array], depth: int = 0) -> Any:
    """What :func:`detach` took apart; ValueError where it has taken apart nothing of the kind."""
    if depth > 2 * DEEPEST:
        raise ValueError("its outline is nested too deep")
    if isinstance(node, list):
        return [attach(item, arrays, depth + 1) for item in node]
    if not isinstance(node, dict):
        return node
    if "" not in node:
        return {key: attach(item, arrays, depth + 1) for key, item in node.items()}
    if len(node) != 1 or not isinstance(node[""], list) or len(node[""]) != 2:
        raise ValueError("its outline has an unknown entry")
    tag, content = node[""]
    if tag in ("array", "scalar"):
        if type(content) is not int or not 0 <= content < len(arrays):
            raise ValueError(f"its outline names the array {content!r}, which it has not")
        if tag == "array":
            return arrays[content]
        if arrays[content].shape != ():
            raise ValueError(f"its outline names the array {content!r} as a number")
        return arrays[content][()]
    if tag == "complex" and isinstance(content, list) and len(content) == 2 and all(type(part) is float for part in content):
        return complex(*content)
    if tag == "int" and isinstance(content, str):
        return int(content, 16)
    if tag == "tuple" and isinstance(content, list):
        return tuple(attach(item, arrays, depth + 1) for item in content)
    if tag == "dict" and isinstance(content, list) and all(isinstance(item, list) and len(item) == 2 for item in content):
        return {attach(key, arrays, depth + 1): attach(item, arrays, depth + 1) for key, item in content}
    raise ValueError(f"its outline has an unknown entry {tag!r:.40}")
