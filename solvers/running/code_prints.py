"""What decides a function: its code, and all that the code reads (see :mod:`.read_names`).

Of a function of the user (in a notebook, a script, a module that is not installed): code, defaults, captured values, and the globals that
it reads, functions among them, and so on. Of a function of an installed library: code, defaults and captured values; of a class of
one, the name.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from .libraries import is_library
from .read_names import read_names

__all__ = ["callable_parts", "class_parts", "name_of"]

DESCRIPTORS = (types.MethodDescriptorType, types.WrapperDescriptorType, types.ClassMethodDescriptorType, types.GetSetDescriptorType,
               types.MemberDescriptorType)  # fmt: skip
# What Python itself keeps in a class.
FURNITURE = frozenset(
    "__dict__ __weakref__ __doc__ __module__ __qualname__ __annotations__ __annotate__ __annotate_func__ __annotations_cache__ "
    "__firstlineno__ __static_attributes__ __dataclass_fields__ __dataclass_params__ __match_args__ __abstractmethods__ _abc_impl "
    "__slots__ __slotnames__ __orig_bases__ __parameters__ __hash__ __subclasshook__ _is_protocol _is_runtime_protocol __protocol_attrs__ "
    "__non_callable_proto_members__ __init_subclass__".split()
)


def name_of(kind: Any) -> str:
    """Module and name of a class."""
    return f"{getattr(kind, '__module__', '')}.{getattr(kind, '__qualname__', '')}"


def callable_parts(value: Any) -> list[Any] | None:
    """What decides a callable (or a part of a class, such as a property); None where it is none of the kinds that Python has for them."""
    if isinstance(value, FunctionType):
        return _function_parts(value)
    if isinstance(value, functools.partial):
        return [value.func, value.args, value.keywords, *([vars(value)] if vars(value) else [])]
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
    return [name, of(type(kind)), of(kind.__bases__), *(of(member) for member in members)]


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
    return [*parts, captured if is_library(function) else read_names(function, captured)]


def _content(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return "empty"


def _code_parts(code: CodeType) -> list[Any]:
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount + 2]
    return [code.co_code, code.co_names, arguments, code.co_consts, code.co_flags]
