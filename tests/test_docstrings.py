"""What docstrings refer to exists, under a public name."""

import ast
import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

import infwidth

PACKAGE = Path(infwidth.__file__).parent
FILES = sorted(file for folder in ("", "limits", "solvers") for file in (PACKAGE / folder).glob("*.py" if not folder else "**/*.py"))
ROLE = re.compile(r":(?:mod|class|func|meth|attr|data|obj):`~?(infwidth[\w.]*)`")
IMPORT = re.compile(r"^\s*>>> from (infwidth[\w.]*) import ([\w, ]+?)(?:  # .*)?$", re.MULTILINE)


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
