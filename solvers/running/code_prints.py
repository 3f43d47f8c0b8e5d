"""What decides a function: its code, and all that the code reads.

Of a function of the user (in a notebook, a script, a module that is not installed): code, defaults, captured values, and the globals that
it reads, functions among them, and so on. Of a function of an installed library: code, defaults and captured values; of a class of
one, the name. A container that a function writes into (``calls.append(x)``, ``table[key] = x``) is its output, and known by name.
"""

from __future__ import annotations

import dis
import functools
import sys
import sysconfig
import types
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

__all__ = ["callable_parts", "class_parts", "is_library", "name_of"]

DESCRIPTORS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType, types.GetSetDescriptorType,
               types.MemberDescriptorType)  # fmt: skip
# Methods whose call changes what they belong to.
WRITES = frozenset(
    "append extend insert add update setdefault pop popitem popleft appendleft remove discard clear put write writelines flush".split()
)
LOADS = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"))
# What Python itself keeps in a class.
FURNITURE = frozenset(
    "__dict__ __weakref__ __doc__ __module__ __qualname__ __annotations__ __annotate__ __annotate_func__ __annotations_cache__ "
    "__firstlineno__ __static_attributes__ __dataclass_fields__ __dataclass_params__ __match_args__ __abstractmethods__ _abc_impl "
    "__slots__ __orig_bases__ __parameters__ __hash__ __subclasshook__ _is_protocol _is_runtime_protocol __protocol_attrs__ "
    "__non_callable_proto_members__ __init_subclass__".split()
)


def name_of(kind: Any) -> str:
    """Module and name of a class."""
    return f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', '')}"


@functools.cache
def _is_library_module(name: str) -> bool:
    top = name.split(".")[0]
    if top in sys.stdlib_module_names or top in ("infwidth", "numpy", "scipy", "numba"):
        return top != "__main__"
    file = getattr(sys.modules.get(top), "__file__", None) or ""
    places = {sysconfig.get_path(place) for place in ("purelib", "platlib")}
    return any(file.startswith(place + "/") for place in places) or "site-packages" in file or "dist-packages" in file


def is_library(value: Any) -> bool:
    """Whether a function, class or module belongs to Python or to an installed package."""
    name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
    return isinstance(name, str) and _is_library_module(name)


def callable_parts(value: Any) -> list[Any] | None:
    """What decides a callable (or a part of a class, such as a property); None where it is none of the kinds that Python has for them."""
    if isinstance(value, FunctionType):
        return _function_parts(value)
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, types.MethodType):
        return [value.__func__, value.__self__]
    if isinstance(value, types.BuiltinFunctionType | types.MethodWrapperType):  # a method of an instance holds it
        return [value.__name__, value.__self__]
    if isinstance(value, DESCRIPTORS):
        return [value.__objclass__, value.__name__]
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    if isinstance(value, functools.cached_property):
        return [value.func]
    if isinstance(value, np.vectorize):
        return [value.pyfunc, value.otypes, value.signature, value.excluded]
    if isinstance(value, CodeType):
        return _code_parts(value)
    if type(value).__module__.startswith("numba.") and hasattr(value, "py_func"):
        return [value.py_func, {key: repr(option) for key, option in value.targetoptions.items()}]
    if isinstance(value, functools._lru_cache_wrapper | classmethod | staticmethod):
        return [value.__wrapped__]
    if isinstance(value, np.ufunc):
        known = any(getattr(sys.modules.get(place), value.__name__, None) is value for place in ("numpy", "scipy.special"))
        return [value.__name__] if known else None  # np.frompyfunc hides its function
    return None


def class_parts(kind: type, of: Callable[[Any], bytes]) -> list[bytes]:
    """The name of a class; of the user's, what he wrote into it too."""
    name = name_of(kind).encode()
    if is_library(kind):
        return [name]
    members = sorted((key, item) for key, item in vars(kind).items() if key not in FURNITURE)
    return [name, of(kind.__bases__), *(of(member) for member in members)]


def _function_parts(function: FunctionType) -> list[Any]:
    code = function.__code__
    captured = {name: _content(cell) for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True)}
    parts = [
        function.__qualname__,
        code,
        function.__defaults__,
        function.__kwdefaults__,
        {key: item for key, item in vars(function).items() if key != "__wrapped__"},
    ]
    return [*parts, captured if is_library(function) else _read(code, _globals(function) | captured)]


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"


def _code_parts(code: CodeType) -> list[Any]:
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]
    return [code.co_code, code.co_names, arguments, code.co_consts, code.co_flags]


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code and those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _globals(function: FunctionType) -> dict[str, Any]:
    steps = (step for code in _codes(function.__code__) for step in dis.get_instructions(code))
    names = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return {name: function.__globals__[name] for name in names if name in function.__globals__}  # others are builtins, or not there yet


def _read(code: CodeType, values: dict[str, Any]) -> dict[str, Any]:
    """Those of these values that a code reads; of a module of the user, the names in it that the code mentions."""
    mentioned = {name for part in _codes(code) for name in part.co_names}
    read: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, ModuleType):
            read[name] = value
            if not is_library(value):
                read |= {f"{name}.{inner}": vars(value)[inner] for inner in mentioned if inner in vars(value)}
    return read | {name: value for name, value in values.items() if name not in read and name not in _written(code)}


def _written(code: CodeType) -> set[str]:
    """Global and captured names that a code assigns to, or whose content it changes."""
    names: set[str] = set()
    for part in _codes(code):
        steps = list(dis.get_instructions(part))
        for i, step in enumerate(steps):
            if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") or (step.opname == "STORE_DEREF" and step.argval in part.co_freevars):
                names.add(step.argval)
            if step.opname not in LOADS:
                continue
            after = [later.opname for later in steps[i + 1 : i + 4]]
            if after[:1] in (["LOAD_ATTR"], ["LOAD_METHOD"]) and steps[i + 1].argval in WRITES:
                names.add(step.argval)
            elif after[1:2] == ["STORE_SUBSCR"] or after[1:3] == ["COPY", "COPY"]:  # x[key] = ..., x[key] += ...
                names.add(step.argval)
    return names
