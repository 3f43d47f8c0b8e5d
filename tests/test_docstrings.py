"""What docstrings refer to exists under a public name; what is public documents its arguments and its errors, in tables that are whole."""

import ast
import configparser
import functools
import importlib
import inspect
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import infwidth
from infwidth.solvers import checks

REPOSITORY = Path(__file__).parents[1]
PACKAGE = Path(infwidth.__file__).parent
FILES = sorted(file for folder in ("", "limits", "solvers") for file in (PACKAGE / folder).glob("*.py" if not folder else "**/*.py"))
ROLE = re.compile(r":(?:mod|class|func|meth|attr|data|obj):`~?(infwidth[\w.]*)`")
IMPORT = re.compile(r"^\s*>>> from (infwidth[\w.]*) import ([\w, ]+?)(?:  # .*)?$", re.MULTILINE)
SECTION = re.compile(r"^(\w[\w ]*)\n(-{3,})$", re.MULTILINE)


def docstrings(file):
    """Every docstring of a file, of private objects too: they are read by those who change them."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            yield text


def is_public(path):
    """Whether a dotted path leads through public names alone: those in ``__all__`` of packages and modules, members of classes."""
    found = infwidth
    for name in path.split(".")[1:]:
        if name.startswith("_") or not hasattr(found, name) or (isinstance(found, ModuleType) and name not in found.__all__):
            return False
        found = getattr(found, name)
    return True


@pytest.mark.parametrize("file", FILES, ids=[str(file.relative_to(PACKAGE)) for file in FILES])
def test_docstrings_refer_to_public_names(file):
    text = "\n".join(docstrings(file))
    paths = ROLE.findall(text) + [
        f"{module}.{name.split(' as ')[0].strip()}" for module, names in IMPORT.findall(text) for name in names.split(",")
    ]
    assert not [path for path in paths if not is_public(path)]


def test_is_public_knows_private_paths():
    assert is_public("infwidth.limits.isotropic.PiecewiseLinear.radial_mean")
    assert importlib.import_module("infwidth.limits.isotropic.directions").PiecewiseLinear
    assert not is_public("infwidth.limits.isotropic.directions.PiecewiseLinear")
    assert not is_public("infwidth.limits.DeepLinearMuQ")


# Arguments and errors of what is public


def packages():
    """Those of the distribution that have public names."""
    mapping = configparser.ConfigParser()
    mapping.read(REPOSITORY / "setup.cfg", encoding="utf-8")
    return [module for name in mapping["options"]["packages"].split() if hasattr(module := importlib.import_module(name), "__all__")]


@functools.cache
def public_objects():
    """Dotted name -> function or class, each once, those of public modules such as ``scaling`` included."""
    modules, found = packages(), {}
    for module in modules:
        for name in module.__all__:
            thing = getattr(module, name)
            if isinstance(thing, ModuleType) and thing.__name__.startswith("infwidth.") and thing not in modules:
                modules.append(thing)
            elif (inspect.isclass(thing) or inspect.isfunction(thing)) and thing not in found.values():
                found[f"{module.__name__}.{name}"] = thing
    return found


def contracts():
    """The protocols that models, problems and methods keep: what they document, every member of that name need not again."""
    return [thing for thing in public_objects().values() if getattr(thing, "_is_protocol", False)]


def callables():
    """Name, callable, its docstrings (its own, those it inherits and those of the contract), and whether it is a method."""
    protocols = contracts()
    for name, thing in public_objects().items():
        if inspect.isfunction(thing):
            yield name, thing, thing.__doc__ or "", False
            continue
        if thing not in protocols and not issubclass(thing, Exception):
            yield name, thing, thing.__doc__ or "", False
        for member, value in vars(thing).items():
            function = value.__func__ if isinstance(value, staticmethod | classmethod) else value
            if inspect.isfunction(function) and not member.startswith("_"):
                docs = [getattr(base, member).__doc__ or "" for base in [*thing.__mro__, *protocols] if hasattr(base, member)]
                yield f"{name}.{member}", function, "\n\n".join(map(inspect.cleandoc, docs)), True


def sections(doc):
    """Title and text of every section of a docstring (or of several)."""
    doc = inspect.cleandoc(doc)
    marks = list(SECTION.finditer(doc))
    ends = [*(mark.start() for mark in marks), len(doc)][1:]
    return [(mark[1], doc[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]


def documented(doc, method):
    """Names that the sections list; for a method also what its sentences name."""
    listed = [line.split(":")[0] for title, text in sections(doc) if title in ("Parameters", "Attributes") for line in text.split("\n")]
    names = {name.strip(" *") for line in listed if not line.startswith(" ") for name in line.split(",")}
    return names | set(re.findall(r"\w+", doc)) if method else names


def undocumented(function, doc, method):
    """Arguments that the docstring does not name."""
    arguments = [name for name in inspect.signature(function).parameters if name not in ("self", "cls") and not name.startswith("_")]
    known = documented(doc, method)
    return [name for name in arguments if name not in known]


def refuses(function):
    """Whether a function raises ValueError or TypeError by its own hand, or hands an argument to a check that does."""
    parts = [vars(function).get(name) for name in ("__init__", "__post_init__")] if inspect.isclass(function) else [function]
    for node in [node for part in filter(inspect.isfunction, parts) for node in ast.walk(ast.parse(textwrap.dedent(source(part))))]:
        if isinstance(node, ast.Raise) and node.exc is not None and re.match(r"(Value|Type)Error\b", ast.unparse(node.exc)):
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CHECKS:
            return True
    return False


CHECKS = set(checks.__all__) - {"settle", "shown", "observed"}  # the last checks what solve hands over, not an argument of the user's


def source(function):
    try:
        return inspect.getsource(function)
    except OSError:  # what dataclass wrote
        return "pass"


def test_public_callables_document_their_arguments():
    found = {name: missing for name, function, doc, method in callables() if (missing := undocumented(function, doc, method))}
    assert found == {}


def test_what_is_public_has_a_docstring():
    """Records and enumerations that Python writes itself included."""
    own = {name: thing.__doc__ for name, thing in public_objects().items()}
    written = re.compile(r"\w+\(.*\)$", re.DOTALL)  # what dataclass and NamedTuple make up
    assert [name for name, doc in own.items() if not doc or written.match(doc)] == []


def shows(function):
    """Whether its docstring has an example, or that of its module, where it is one of many alike."""
    return ">>>" in (function.__doc__ or "") + (inspect.getmodule(function).__doc__ or "")


INNER = {"infwidth.solvers.machine.jit", "infwidth.solvers.gram.gram"}  # of what others are made


def test_public_functions_have_an_example():
    functions = {name: thing for name, thing in public_objects().items() if inspect.isfunction(thing)}
    assert len(functions) > 80
    assert {name for name, function in functions.items() if not shows(function)} == INNER


def unnamed_results(function):
    """Classes of the library that a function says it returns, and that have no public name."""
    module, returned = inspect.getmodule(function), str(function.__annotations__.get("return", ""))
    kinds = [kind for name in re.findall(r"\b[A-Z]\w+", returned) if inspect.isclass(kind := getattr(module, name, None))]
    return [kind.__name__ for kind in kinds if kind.__module__.startswith("infwidth.") and kind not in public_objects().values()]


def test_what_public_functions_return_is_public():
    functions = {name: thing for name, thing in public_objects().items() if inspect.isfunction(thing)}
    assert {name: kinds for name, function in functions.items() if (kinds := unnamed_results(function))} == {}


def tells_errors(doc, method):
    """Whether it has a section Raises; a sentence is enough for a method."""
    return "Raises" in [title for title, _ in sections(doc)] or (method and re.search(r"\b(Value|Type)Error\b", doc) is not None)


def test_public_callables_document_their_errors():
    assert [name for name, function, doc, method in callables() if refuses(function) and not tells_errors(doc, method)] == []


def test_the_checks_of_arguments_see():
    def function(first, second):
        """Sum of the first and the second.

        Parameters
        ----------
        first : float
        """
        if first < 0:
            raise ValueError("first: is negative")
        return first + second

    assert len(public_objects()) > 150
    assert not shows(function) and shows(public_objects()["infwidth.solve"])
    assert undocumented(function, function.__doc__, False) == ["second"] and undocumented(function, function.__doc__, True) == []
    assert refuses(function) and not refuses(sections)
    assert not tells_errors(function.__doc__, False) and tells_errors("ValueError where it is negative.", True)


# Tables


def broken_tables(doc):
    """Rows of simple tables that run into the gaps between their columns, or below a table that has no end."""
    gaps, rules = [], 0
    for line in [*inspect.cleandoc(doc).split("\n"), ""]:
        if re.fullmatch(r"=+( +=+)+", line):
            gaps, rules = [(match.start(), match.end()) for match in re.finditer(" +", line)], rules + 1
        elif not line.strip():
            if rules in (1, 2):
                yield "no rule at its end"
            gaps, rules = [], 0
        elif rules == 3 or any(line[start:end].strip() for start, end in gaps):
            yield line


def test_tables_are_whole():
    assert {file.name: rows for file in FILES if (rows := [row for doc in docstrings(file) for row in broken_tables(doc)])} == {}


def test_the_check_of_tables_sees():
    table = "====  ====\na     b\n====  ====\n{}\n====  ===="
    assert list(broken_tables(table.format("1     2"))) == list(broken_tables(table.format("1     23456"))) == []
    assert list(broken_tables(table.format("1234567  2"))) == ["1234567  2"]
    assert list(broken_tables(table.format("1     2").rpartition("\n")[0])) == ["no rule at its end"]
    assert list(broken_tables(table.format("1     2") + "\nmore")) == ["more"]
