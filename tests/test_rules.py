"""Rules of the tests themselves: data that do not depend on the order of tests, no skip in secret."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


def generators(tree):
    """Names that a module binds to a generator, ``NAME = default_rng(...)``."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func).endswith("default_rng"):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def consumed(source):
    """Functions that draw from a generator of their module: their data depend on what ran before."""
    tree = ast.parse(source)
    names = set(generators(tree))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and names & {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    ]


@pytest.mark.parametrize("folder", ["tests", "benchmarks"])
def test_no_data_depend_on_the_order_of_tests(folder):
    files = sorted((REPOSITORY / folder).rglob("*.py"))
    assert files
    assert {file.name: functions for file in files if (functions := consumed(file.read_text(encoding="utf-8")))} == {}


def test_the_check_of_generators_sees():
    source = "RNG = np.random.default_rng(0)\nX = RNG.random(3)\ndef f():\n    return {}\n"
    assert consumed(source.format("RNG.random()")) == ["f"] and consumed(source.format("X")) == []
    assert consumed("def f():\n    rng = default_rng(0)\n    return rng.random()") == []


def hidden_skips(source):
    """Tests with a bare ``return``: what comes after it is checked for some parameters and silently skipped for others."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and any(returns(node.body))
    ]


def returns(body):
    """Bare returns in these statements, not in functions inside of them."""
    for node in body:
        if isinstance(node, ast.Return) and node.value is None:
            yield node
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in ("body", "orelse", "finalbody", "handlers"):
                inner = getattr(node, name, [])
                yield from returns([part for handler in inner for part in handler.body] if name == "handlers" else inner)


def test_no_test_skips_in_secret():
    sources = {file.name: file.read_text(encoding="utf-8") for file in (REPOSITORY / "tests").rglob("test_*.py")}
    found = {name: tests for name, source in sources.items() if (tests := hidden_skips(source))}
    assert found == {}, "leave the case out of the table, or write two branches or two tests"


def test_the_check_of_hidden_skips_sees():
    assert hidden_skips("def test_a(x):\n    if x:\n        return\n    assert x") == ["test_a"]
    assert hidden_skips("def test_a(x):\n    def inner():\n        return\n    assert inner() is None") == []


def test_every_benchmark_takes_the_same_options_and_writes_what_it_found():
    """--quick, --seed and --out of the harness, one JSON and one figure; but for the two that are run by others."""
    scripts = {file.name: file.read_text(encoding="utf-8") for file in (REPOSITORY / "benchmarks").glob("*.py")}
    programs = {name: source for name, source in scripts.items() if '__name__ == "__main__"' in source}
    assert len(programs) > 20
    without = {name for name, source in programs.items() if not all(re.search(rf"\b{call}\(", source) for call in ("options", "write"))}
    assert without == {"kernel_peers.py", "places.py"}
