"""Forged files: a good one with one entry of its outline, or one of its arrays, changed into something that it cannot be."""

import copy
import json

import numpy as np

from infwidth.solvers.files import archive

VALUES = [None, True, -1, 2.5, float("nan"), "x", [], [1], {"a": 1}, {"": ["tuple", []]}, {"": ["array", 10**6]}, 2**70]
ARRAYS = {
    "nan": lambda a: np.full(a.shape, np.nan),
    "long": lambda a: np.concatenate([a, a]) if a.ndim else np.zeros((2, 2)),
    "empty": lambda a: np.zeros((0, *a.shape[1:])),
    "text": lambda a: np.full(a.shape, "abc"),
    "flags": lambda a: np.zeros(a.shape, bool),
    "complex": lambda a: np.zeros(a.shape, complex),
    "half precision": lambda a: np.zeros(a.shape, np.float16),
    "big-endian": lambda a: np.zeros(a.shape, ">f8"),
    "one axis more": lambda a: a[..., None],
    "dates": lambda a: np.zeros(a.shape, "M8[s]"),
    "fields": lambda a: np.zeros(a.shape, [("a", float)]),
}


def read(path):
    arrays = archive.read_arrays(path)
    outline = json.loads(arrays.pop("outline").tobytes().decode())
    return outline, [arrays[str(i)] for i in range(len(arrays))]


def write(path, outline, arrays):
    text = np.frombuffer(json.dumps(outline).encode(), np.uint8)
    with open(path, "wb") as file:
        archive.write_arrays(file, {"outline": text} | {str(i): a for i, a in enumerate(arrays)})


def nodes(node, path=()):
    yield path
    for key, item in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
        yield from nodes(item, (*path, key))


def changed(outline, path, value=None, *, removed=False):
    other = copy.deepcopy(outline)
    node = other
    for key in path[:-1]:
        node = node[key]
    if removed:
        del node[path[-1]]
    else:
        node[path[-1]] = value
    return other


def forgeries(path):
    """Label, outline and arrays of every forgery of the file."""
    outline, arrays = read(path)
    for where in nodes(outline):
        if not where:
            continue
        label = "/".join(map(str, where))
        for value in VALUES:
            yield f"{label} = {value!r}", changed(outline, where, value), arrays
        if isinstance(where[-1], str):
            yield f"without {label}", changed(outline, where, removed=True), arrays
    for i, array in enumerate(arrays):
        for label, change in ARRAYS.items():
            yield f"array {i} of {array.dtype}: {label}", outline, [*arrays[:i], change(array), *arrays[i + 1 :]]
