"""What a function of the user reads of the world around it: globals, captured values, and names in modules of the user.

A container that it only writes into (``calls.append(x)``, ``table[key] = x``), counts or looks for something in (``len(calls)``,
``x in seen``) is its output, and known by name. Names that come to be only while it runs (``eval``, ``globals()``) hide what they are.
"""

from __future__ import annotations

import dis
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from .libraries import is_library, is_library_name

__all__ = ["Hidden", "read_names"]

# Methods whose call changes what they belong to, and tells nothing of it.
WRITES = frozenset(
    "append extend insert add update setdefault appendleft extendleft remove discard clear put write writelines flush".split()
)
LOADS = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"))
HIDING = frozenset(("eval", "exec", "globals", "__import__", "import_module"))


class Hidden:
    """What nobody can tell before it runs."""

    def __init__(self, name: str) -> None:
        self.name = name


def read_names(function: FunctionType, captured: dict[str, Any]) -> dict[str, Any]:
    """Those globals and captured values that a function reads, by name; of modules of the user, the names in them that it mentions, or all
    where it uses the module itself."""
    code, space = function.__code__, function.__globals__
    used = {step.argval for part in _codes(code) for step in dis.get_instructions(part) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    hidden = {name: Hidden(name) for name in HIDING & _mentioned(code) if name not in space and name not in captured}
    values = {name: space[name] for name in used if name in space} | captured  # others are builtins, or not there yet
    modules = {name: value for name, value in values.items() if isinstance(value, ModuleType)}
    written, mentioned, bare = _written(code), _mentioned(code), _bare(code)
    read = {name: value for name, value in values.items() if name not in modules and name not in written}
    for name, module in (modules | _imported(code, space.get("__package__"))).items():
        read |= _of_module(name, module, mentioned, bare, [])
    return hidden | read


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A code and those within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _mentioned(code: CodeType) -> set[str]:
    return {name for part in _codes(code) for name in part.co_names}


def _of_module(name: str, module: ModuleType, mentioned: set[str], bare: set[str], seen: list[ModuleType]) -> dict[str, Any]:
    """What is read of a module, and of the modules of the user in it."""
    read: dict[str, Any] = {name: module}
    if is_library(module) or module in seen:
        return read
    whole = name.split(".")[-1] in bare
    for inner, value in vars(module).items():
        if inner in mentioned or (whole and not inner.startswith("__")):
            if isinstance(value, ModuleType):
                read |= _of_module(f"{name}.{inner}", value, mentioned, bare, [*seen, module])
            else:
                read[f"{name}.{inner}"] = value
    return read


def _imported(code: CodeType, package: str | None) -> dict[str, ModuleType]:
    """Modules of the user that a code imports while it runs."""
    found: dict[str, ModuleType] = {}
    for part in _codes(code):
        steps = list(dis.get_instructions(part))
        for i, step in enumerate(steps):
            if step.opname != "IMPORT_NAME":
                continue
            level = steps[i - 2].argval if isinstance(steps[i - 2].argval, int) else 0
            try:
                name = importlib.util.resolve_name("." * level + step.argval, package)
                if not is_library_name(name.split(".")[0]):
                    found[f"import {name}"] = importlib.import_module(name)
            except Exception:  # it is there only where the function will run
                found[f"import {step.argval}"] = sys
    return found


def _bare(code: CodeType) -> set[str]:
    """Names, of attributes too, that are used otherwise than for an attribute of theirs."""
    names: set[str] = set()
    for part in _codes(code):
        steps = list(dis.get_instructions(part))
        for step, after in zip(steps, [*steps[1:], steps[-1]], strict=True):
            if step.opname in (*LOADS, "LOAD_ATTR") and after.opname not in ("LOAD_ATTR", "LOAD_METHOD", "STORE_ATTR"):
                names.add(step.argval)
    return names


def _written(code: CodeType) -> set[str]:
    """Global and captured names that a code assigns to, or into whose content it writes without reading of it."""
    assigned: set[str] = set()
    changed: set[str] = set()
    read: set[str] = set()
    for part in _codes(code):
        steps = list(dis.get_instructions(part))
        for i, step in enumerate(steps):
            if step.opname in ("STORE_GLOBAL", "DELETE_GLOBAL") or (step.opname == "STORE_DEREF" and step.argval in part.co_freevars):
                assigned.add(step.argval)
            if step.opname in LOADS:
                if _writes_into(steps, i):
                    changed.add(step.argval)
                elif not _asks_whether(steps, i):
                    read.add(step.argval)
    return assigned | (changed - read)


def _writes_into(steps: list[dis.Instruction], i: int) -> bool:
    """x.append(..), x[key] = .., x[key] += .."""
    after = [later.opname for later in steps[i + 1 : i + 4]]
    if after[:1] in (["LOAD_ATTR"], ["LOAD_METHOD"]) and steps[i + 1].argval in WRITES:
        return True
    return after[1:2] == ["STORE_SUBSCR"] or after[1:3] == ["COPY", "COPY"]


def _asks_whether(steps: list[dis.Instruction], i: int) -> bool:
    """len(x), .. in x, if x"""
    after = steps[i + 1].opname if i + 1 < len(steps) else ""
    length = i > 0 and steps[i - 1].opname == "LOAD_GLOBAL" and steps[i - 1].argval == "len"
    return (length and after in ("CALL", "PRECALL")) or after in ("CONTAINS_OP", "TO_BOOL", "UNARY_NOT") or "JUMP" in after
