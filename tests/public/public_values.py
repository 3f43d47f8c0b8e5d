"""Odd values, by what an argument takes: each with what must come of it.

``REFUSED``: means nothing, so it must be refused by name. ``SAME``: another form of the plain value, so the result must be the same (or a
refusal by name). ``EITHER``: extreme; refused by name, or taken with a result that means something.
"""

import datetime
import decimal
from fractions import Fraction

import numpy as np

REFUSED, SAME, EITHER = "refused", "same", "either"


class Strange:
    """An object that is nothing of what anybody takes."""


class Table:
    """What numpy sees of a DataFrame."""

    def __init__(self, values):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


NOTHING = {"class": dict, "object": Strange(), "complex": 1 + 2j, "bytes": b"relu", "date": datetime.date(2020, 1, 1)}

NUMBERS = {
    **{name: (value, REFUSED) for name, value in NOTHING.items()},
    "nan": (np.nan, REFUSED),
    "text": ("1", REFUSED),
    "flag": (True, REFUSED),
    "array of two": (np.array([1.0, 2.0]), REFUSED),
    "list": ([1.0], REFUSED),
    "dict": ({}, REFUSED),
    "masked": (np.ma.masked, REFUSED),
    "not a time": (np.datetime64("NaT"), REFUSED),
    "longer than a float": (10**400, REFUSED),
    "minus infinity": (-np.inf, REFUSED),
    "decimal": (decimal.Decimal("1"), EITHER),
    "fraction": (Fraction(1, 2), EITHER),
    "infinity": (np.inf, EITHER),
    "zero": (0, EITHER),
    "minus one": (-1, EITHER),
    "half": (0.5, EITHER),
    "tiny": (1e-300, EITHER),
    "huge": (1e300, EITHER),
    "minus huge": (-1e300, EITHER),
    "eps": (1e-16, EITHER),
    "two": (2, EITHER),
    "large": (1e9, EITHER),
    "a million million": (10**12, EITHER),
    "2**63": (2**63, EITHER),
}

FLAGS = {
    **{name: (value, REFUSED) for name, value in NOTHING.items()},
    "two": (2, REFUSED),
    "minus one": (-1, REFUSED),
    "many": (5_000_000, REFUSED),
    "half": (0.5, REFUSED),
    "nan": (np.nan, REFUSED),
    "none": (None, REFUSED),
    "text": ("no", REFUSED),
    "array": (np.array([True, False]), REFUSED),
    "empty array": (np.array([]), REFUSED),
    "list": ([True], REFUSED),
    "masked": (np.ma.masked, REFUSED),
}

NAMES = {
    **{name: (value, REFUSED) for name, value in NOTHING.items()},
    "unknown": ("no such name", REFUSED),
    "empty": ("", REFUSED),
    "number": (3, REFUSED),
    "nan": (np.nan, REFUSED),
    "flag": (True, REFUSED),
    "list": (["relu"], REFUSED),
    "array of names": (np.array(["relu", "tanh"]), REFUSED),
    "array of one": (np.array(["relu"]), REFUSED),
    "array of numbers": (np.zeros(2), REFUSED),
    "dict": ({"relu": 1}, REFUSED),
    "masked": (np.ma.masked, REFUSED),
}

FUNCTIONS = {
    **{name: (value, REFUSED) for name, value in NOTHING.items() if name != "class"},
    "number": (3, REFUSED),
    "text": ("tanh", REFUSED),
    "flag": (True, REFUSED),
    "array": (np.zeros(3), REFUSED),
    "class": (Strange, REFUSED),
    "dict": ({}, REFUSED),
    "without arguments": (lambda: 1.0, REFUSED),
    "gives nothing": (lambda *a, **k: None, REFUSED),
    "gives text": (lambda *a, **k: "high", REFUSED),
    "gives nan": (lambda *a, **k: np.full(np.shape(a[0]), np.nan), REFUSED),
    "gives complex": (lambda *a, **k: np.full(np.shape(a[0]), 1j), REFUSED),
    "gives objects": (lambda *a, **k: np.full(np.shape(a[0]), None), REFUSED),
    "gives another shape": (lambda *a, **k: np.ones((7, 5, 3)), REFUSED),
    "gives masked": (lambda *a, **k: np.ma.masked_all(np.shape(a[0])), REFUSED),
}

OBJECTS = {
    **{name: (value, REFUSED) for name, value in NOTHING.items()},
    "none": (None, REFUSED),
    "number": (3, REFUSED),
    "nan": (np.nan, REFUSED),
    "text": ("no such name", REFUSED),
    "flag": (True, REFUSED),
    "list": ([], REFUSED),
    "dict": ({}, REFUSED),
    "function": (lambda *a, **k: None, REFUSED),
    "array": (np.zeros((2, 2)), REFUSED),
}


def arrays(plain):
    """Odd forms of a good array of floats."""
    one = plain.reshape(-1)[0]

    def changed(value, at=0):
        other = plain.copy()
        other.reshape(-1)[at] = value
        return other

    def masked(which):
        return np.ma.MaskedArray(plain.copy(), mask=which)

    first = np.zeros(plain.shape, bool)
    first.reshape(-1)[0] = True
    wide = np.zeros((*plain.shape[:-1], 2 * plain.shape[-1]))
    wide[..., ::2] = plain
    frozen = plain.copy()
    frozen.setflags(write=False)
    strange = {
        **{name: (value, REFUSED) for name, value in NOTHING.items()},
        "text": ("1 2", REFUSED),
        "number of text": (plain.astype(str), REFUSED),
        "nan": (changed(np.nan), REFUSED),
        "infinite": (changed(np.inf, -1), REFUSED),
        "complex values": (plain + 1j, REFUSED),
        "objects": (np.full(plain.shape, None), REFUSED),
        "times": (np.full(plain.shape, np.datetime64("2020-01-01")), REFUSED),
        "masked entry": (masked(first), REFUSED),
        "all masked": (masked(True), REFUSED),
        "empty": (np.zeros((0, *plain.shape[1:])), REFUSED),
        "no columns": (np.zeros((len(plain), 0)), REFUSED),
        "four axes": (np.zeros((2, 2, 2, 2)), REFUSED),
        "ragged": ([[1.0, 2.0], [3.0]], REFUSED),
        "set": ({1.0, 2.0}, REFUSED),
        "dict": ({"a": 1.0}, REFUSED),
        "a number": (float(one), EITHER),
        "one entry": (plain.reshape(-1)[:1].copy(), EITHER),
        "one row": (plain[:1].copy(), EITHER),
        "huge": (plain * 1e300, EITHER),
        "tiny": (plain * 1e-300, EITHER),
        "one huge": (changed(1e300), EITHER),
        "beyond 2**53": (np.full(plain.shape, 2**63 - 1), EITHER),
        "zero": (np.zeros(plain.shape), EITHER),
        "negative": (-plain - 1, EITHER),
        "single": (plain.astype(np.float32), EITHER),
        "half precision": (plain.astype(np.float16), EITHER),
        "read-only": (frozen, SAME),
        "big-endian": (plain.astype(">f8"), SAME),
        "columns first": (np.asfortranarray(plain), SAME),
        "strided": (wide[..., ::2], SAME),
        "reversed twice": (plain[::-1].copy()[::-1], SAME),
        "list of lists": (plain.tolist(), SAME),
        "tuple": (tuple(map(tuple, plain)) if plain.ndim == 2 else tuple(plain.tolist()), SAME),
        "nothing masked": (masked(False), SAME),
        "long double": (plain.astype(np.longdouble), SAME),
        "DataFrame": (Table(plain), SAME),
        "DataFrame of text": (Table(plain.astype(str).astype(object)), REFUSED),
        "DataFrame with NA": (Table(np.where(first, None, plain)), REFUSED),
    }
    return strange
