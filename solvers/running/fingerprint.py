"""Fingerprints: whether a file belongs to the run that asks for it.

A value is known by what decides it: data by their bytes, functions by their code and by what they read (defaults, captured values,
globals, see :mod:`.code_prints`), objects by the state that would be pickled and, where a class of the user says itself what that is, by
their attributes too. What cannot be seen into is refused: a result of other data must not be taken for the one asked for.
"""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import hashlib
import sys
import threading
from collections import OrderedDict
from collections.abc import Collection, Iterable
from types import FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .attributes import attributes, hides_attributes
from .code_prints import callable_parts, class_parts, name_of
from .libraries import is_library
from .read_names import Hidden

__all__ = ["Identified", "fingerprint"]

PLAIN = (bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range)
LOCKS = ("_thread.lock", "_thread.RLock", "_thread.allocate_lock")  # they hold no data
WAY_OUT = (
    "use arrays, numbers, strings, functions, and dataclasses or objects of them, or give its class a method fingerprint_parts() that "
    "returns what decides it"
)


@runtime_checkable
class Identified(Protocol):
    """An object that says itself what decides it."""

    def fingerprint_parts(self) -> Any:
        """Data that are equal for equal objects; not seconds, caches or scratch memory."""
        ...


def fingerprint(value: Any, name: str = "value") -> str:
    """A digest that is equal for equal values, in any process.

    Raises
    ------
    ValueError
        Where a part cannot be seen into; ``name`` is the argument that holds it.

    Examples
    --------
    >>> one, other = (lambda x, rate=rate: rate * x for rate in (0.1, 0.2))
    >>> fingerprint(one) == fingerprint(other)
    False
    """
    try:
        return _Printer().of(value).hex()[:32]
    except _Unseen as error:
        raise ValueError(f"{name}: holds a {error}, whose content cannot be told, as a run that can be resumed needs; {WAY_OUT}") from None
    except RecursionError:
        raise ValueError(f"{name}: is nested too deep to be told from others; flatten it") from None


class _Unseen(Exception):
    """A type that hides its content."""


class _Printer:
    """Digests of the parts of one value, each computed once."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Any, bytes]] = {}  # with the value, so that its id stays its own
        self._open: dict[int, int] = {}

    def of(self, value: Any) -> bytes:
        if type(value) in PLAIN:
            shown = hex(value) if type(value) is int else repr(value)  # Python refuses to write very long integers in decimals
            return _digest(type(value).__name__, [shown.encode()])
        key = id(value)
        if key in self._known:
            return self._known[key][1]
        if key in self._open:  # it contains itself
            return _digest("again", [str(len(self._open) - self._open[key]).encode()])
        self._open[key] = len(self._open)
        try:
            digest = _digest(name_of(type(value)), self._parts(value))
        finally:
            del self._open[key]
        self._known[key] = value, digest
        return digest

    def _parts(self, value: Any) -> Iterable[bytes]:
        kind = type(value)
        if kind in (dict, MappingProxyType):
            return self._unordered(value.items())
        parts = self._content(value)
        return [*parts, *self._unsaid(value)] if hides_attributes(value) and not isinstance(value, Identified) else parts

    def _content(self, value: Any) -> Iterable[bytes]:
        """What a value of its kind is known by."""
        kind = type(value)
        if kind is OrderedDict:
            return [self.of(item) for item in value.items()]
        if isinstance(value, threading.local):
            return [self.of(kind), self.of(vars(value))]
        if isinstance(value, Hidden):
            raise _Unseen(f"call of {value.name}")
        if isinstance(value, tuple) or kind is list:
            return [*([] if is_library(kind) else [self.of(kind)]), *(self.of(item) for item in value)]
        if kind in (set, frozenset):
            return sorted(self.of(item) for item in value)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, np.generic | np.dtype):
            return [repr(value).encode()] if isinstance(value, np.dtype) else [repr(value.dtype).encode(), value.tobytes()]
        if isinstance(value, ModuleType):
            return [value.__name__.encode()]
        if isinstance(value, type):
            return class_parts(value, self.of)
        if isinstance(value, Identified):
            return [self.of(value.fingerprint_parts())]
        if dataclasses.is_dataclass(value):
            fields = [field for field in dataclasses.fields(value) if hasattr(value, field.name)]
            return [self.of(kind), *(self.of((field.name, getattr(value, field.name))) for field in fields), *self._added(value)]
        if (parts := callable_parts(value)) is not None:
            return [self.of(part) for part in parts]
        if isinstance(value, np.ufunc):  # it hides the function that np.frompyfunc was given
            raise _Unseen(name_of(kind))
        if (random := _random_state(value)) is not None:
            return [self.of(random)]
        return self._object(value)

    def _added(self, value: Any) -> list[bytes]:
        """Attributes of a dataclass of the user that are no fields of it."""
        return [] if is_library(type(value)) else self._unsaid(value, {field.name for field in dataclasses.fields(value)})

    def _unsaid(self, value: Any, said: Collection[str] = ()) -> list[bytes]:
        """Attributes that are not in what a value is known by, or need not be."""
        found = {key: item for key, item in attributes(value).items() if key not in said and not _is_cache(type(value), key)}
        return [self.of(found)] if found else []

    def _unordered(self, pairs: Iterable[tuple[Any, Any]]) -> list[bytes]:
        return sorted(self.of(key) + self.of(item) for key, item in pairs)

    def _array(self, value: np.ndarray) -> list[bytes]:
        parts = [repr(value.dtype).encode(), repr(value.shape).encode()]
        if type(value) is not np.ndarray and hasattr(value, "__dict__"):
            parts.append(self.of({key: item for key, item in vars(value).items() if not key.startswith("_")}))
            parts += [] if is_library(type(value)) else [self.of(type(value))]
        if isinstance(value, np.ma.MaskedArray):
            return [*parts, self.of(np.asarray(value.filled(0))), self.of(np.ma.getmaskarray(value))]
        if value.dtype.hasobject:
            return [*parts, *(self.of(item) for item in value.ravel().tolist())]
        flat = np.ascontiguousarray(value).reshape(-1)
        return [*parts, hashlib.sha256(flat.view(np.uint8).data if flat.nbytes else b"").digest()]

    def _object(self, value: Any) -> list[bytes]:
        kind = type(value)
        if name_of(kind) in LOCKS:
            return []
        sparse = sys.modules.get("scipy.sparse")
        if sparse is not None and sparse.issparse(value):  # its attributes remember what was computed with it
            rows = value.tocsr(copy=True)
            rows.sum_duplicates()
            return [self.of(part) for part in (value.shape, rows.dtype, rows.data, rows.indices, rows.indptr)]
        if kind.__module__.split(".")[0] == "infwidth":  # a problem: what decides it is plain, the rest serves speed
            return self._unordered((key, item if _decides(item) else type(item)) for key, item in vars(value).items())
        try:
            reducer = copyreg.dispatch_table.get(kind)
            reduced = value.__reduce_ex__(4) if reducer is None else reducer(value)
        except Exception:
            raise _Unseen(name_of(kind)) from None
        if isinstance(reduced, str):
            return [self.of(reduced)]
        build, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
        if isinstance(state, dict):
            state = {key: item for key, item in state.items() if not _is_cache(kind, key)}
        return [self.of(kind), *(self.of(part) for part in (build, arguments, state, list(items or ()))), *self._unordered(pairs or ())]


def _digest(tag: str, parts: Iterable[bytes]) -> bytes:
    digest = hashlib.sha256(tag.encode())
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()


def _random_state(value: Any) -> Any:
    """Of a source of randomness: all that decides what it will draw."""
    if isinstance(value, np.random.Generator):
        return [value.bit_generator]
    if isinstance(value, np.random.BitGenerator):
        return [value.state, value.seed_seq if hasattr(value, "seed_seq") else None]
    if isinstance(value, np.random.SeedSequence):
        return [value.state]
    if value is getattr(np.random.mtrand, "_rand", None):
        return ["numpy's global random state"]
    return list(value.get_state(legacy=False).items()) if isinstance(value, np.random.RandomState) else None


def _is_cache(kind: type, name: Any) -> bool:
    """Whether an attribute remembers a computed value, and may be there or not."""
    return isinstance(name, str) and isinstance(getattr(kind, name, None), functools.cached_property)


def _decides(value: Any) -> bool:
    data = (*PLAIN, tuple, list, dict, np.ndarray, np.generic, FunctionType, MethodType, functools.partial)
    return isinstance(value, data) or dataclasses.is_dataclass(value) or not is_library(type(value))
