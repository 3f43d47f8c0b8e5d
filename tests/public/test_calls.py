"""Every public name, called with every odd value that its arguments could get: a good message or a result that means something.

The catalogue has one good call of each; the values follow from what its arguments are. Counted are good messages (they begin with the
name of an argument), right results, and what must not be: raw errors, results that mean nothing, and calls that do not end.
"""

import inspect
import types
import zlib
from dataclasses import replace

import pytest
from methods_catalogue import CONTRACT, METHODS
from public_catalogue import CALLS as FIRST
from public_catalogue import RECORDS
from public_judge import ENDLESS, GOOD, MEANINGLESS, RAW, RIGHT, cases, judged
from rooms_catalogue import ROOMS

import infwidth

CALLS = FIRST | ROOMS | METHODS
PART = 4  # of the cases, one of so many by default


def wrong(name, part):
    """Lines of the cases that went wrong, and how many were made; of all of them, or of those whose digest falls into one part."""
    call = CALLS[name]
    plain = call.use(call.function(**call.arguments))
    lines, made = [], 0
    for argument, label, arguments, fate in cases(call):
        if zlib.crc32(f"{name} {argument} {label}".encode()) % part:
            continue
        made += 1
        outcome = judged(call, arguments, fate, plain)
        assert outcome.verdict in (GOOD, RIGHT, RAW, MEANINGLESS, ENDLESS)
        if outcome.verdict not in (GOOD, RIGHT):
            lines.append(f"{outcome.verdict}: {name}({argument} = {label}): {outcome.what}")
    return lines, made


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # some calls write files by odd names


@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments(name):
    lines, _ = wrong(name, PART)
    assert not lines, "\n".join(lines)


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_all_odd_arguments(name):
    lines, _ = wrong(name, 1)
    assert not lines, "\n".join(lines)


def test_what_does_not_end_is_seen():
    call = replace(CALLS["catapult.phase"], function=endless, arguments={"learning_rate": 1.0}, seconds=0.2)
    assert judged(call, call.arguments, RIGHT, None).verdict == ENDLESS


def endless(learning_rate):
    while learning_rate:
        pass


def test_there_are_many_cases():
    assert sum(1 for call in CALLS.values() for _ in cases(call)) > 9000


def public(module, path="", seen=None):
    """Dotted name -> object, for every callable that a package lists; each once."""
    seen = {} if seen is None else seen
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, types.ModuleType):
            if value.__name__ not in seen:
                seen[value.__name__] = None
                public(value, f"{path}{name}.", seen)
        elif callable(value) and not any(value is other for other in seen.values()):
            seen[f"{path}{name}"] = value
    return {name: value for name, value in seen.items() if value is not None}


def test_every_public_name_is_called_or_is_a_record():
    called = {part.split(" ")[0] for part in CALLS} | {part.split(" ")[0].split(".")[-1] for part in CALLS}
    names = public(infwidth)
    assert len(names) > 100
    missing = [name for name in names if name.split(".")[-1] not in called | RECORDS]
    assert not missing, f"give each a good call in public_catalogue.py: {missing}"


def methods(kind):
    """Public methods that a class defines, with arguments beside itself."""
    for name, value in vars(kind).items():
        plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        arguments = inspect.signature(plain).parameters if isinstance(plain, types.FunctionType) else {}
        if (not name.startswith("_") or name == "__call__") and len(arguments) > (not isinstance(value, staticmethod)):
            yield f"{kind.__name__}.{name}"


def test_every_public_method_is_called():
    called = {".".join(part.split(" ")[0].split(".")[-2:]) for part in CALLS}
    classes = [kind for kind in public(infwidth).values() if inspect.isclass(kind) and not getattr(kind, "_is_protocol", False)]
    found = [method for kind in classes for method in methods(kind) if method.split(".")[1] not in CONTRACT]
    assert len(found) > 30
    missing = [method for method in found if method not in called]
    assert not missing, f"give each a good call in methods_catalogue.py: {missing}"
