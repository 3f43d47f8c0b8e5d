"""Every method and every model is held against the contract by type checkers."""

import ast
import inspect
from pathlib import Path

import infwidth as iw
from infwidth import _contract
from infwidth.limits import catapult, two_layer

REPOSITORY = Path(__file__).parents[1]


def public_classes(member):
    """Names of the public classes that have it, protocols apart."""
    things = [getattr(module, name) for module in (iw, iw.limits, iw.solvers, catapult, two_layer) for name in module.__all__]
    classes = {thing for thing in things if inspect.isclass(thing) and not getattr(thing, "_is_protocol", False)}
    return {kind.__name__ for kind in classes if inspect.isfunction(getattr(kind, member, None))}


def held():
    """Name of what is required -> names of the classes that are held against it."""
    calls = [node.value for node in ast.parse(Path(_contract.__file__).read_text(encoding="utf-8")).body if isinstance(node, ast.Expr)]
    found = {}
    for call in (call for call in calls if isinstance(call, ast.Call)):
        found.setdefault(ast.unparse(call.func), set()).update(map(ast.unparse, call.args))
    return found


def test_all_are_held():
    """mypy reads the file; a class that is not in it could lack a member unseen."""
    found = held()
    flows = public_classes("second")
    methods = public_classes("trajectory")
    assert found["flows"] == flows and found["methods"] | found["flows"] | found["rescaled"] == methods and len(methods) >= 7
    assert found["rescaled"] == {kind for kind in methods if hasattr(getattr(iw, kind), "other_limit")}
    networks, random = found["networks"], found["random_limits"]
    assert found["models"] | networks | random == public_classes("bind")
    assert random == public_classes("started_at") and not random & found["models"]
    assert found["networks_with_a_limit"] == networks & public_classes("limit")


def test_nothing_imports_it():
    sources = [file for folder in ("src", "limits", "solvers", "benchmarks") for file in (REPOSITORY / folder).rglob("*.py")]
    assert len(sources) > 200
    assert [file.name for file in sources if "_contract" in file.read_text(encoding="utf-8")] == []
