"""The package as a whole: its folders and their tests, its version, what importing it costs, and which way imports may point."""

import ast
import configparser
import graphlib
import importlib
import importlib.metadata
import os
import re
import statistics
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import infwidth

REPOSITORY = Path(__file__).parents[1]
FOLDERS = ("limits", "solvers")
PACKAGES = ("infwidth", "infwidth.limits", "infwidth.solvers")


def run_python(code, cwd):
    """Run code in a fresh interpreter which finds the infwidth of this one, be it the checkout or an installed one."""
    environment = os.environ | {"PYTHONPATH": str(Path(infwidth.__file__).parents[1])}
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True)


# The mapping of folders to packages


def test_setup_cfg_lists_every_package():
    config = configparser.ConfigParser()
    config.read(REPOSITORY / "setup.cfg")
    listed = config["options"]["packages"].split()
    folders = {file.parent for name in FOLDERS for file in (REPOSITORY / name).rglob("*.py")}
    expected = {".".join(("infwidth", *folder.relative_to(REPOSITORY).parts)) for folder in folders}
    assert sorted(listed) == sorted(expected | {"infwidth"})
    mapping = dict(re.split(r"\s*=\s*", line) for line in config["options"]["package_dir"].split("\n") if line)
    assert mapping == {"infwidth": "src/infwidth", "infwidth.limits": "limits", "infwidth.solvers": "solvers"}


def test_every_folder_of_the_package_has_an_init():
    for name in FOLDERS:
        for file in (REPOSITORY / name).rglob("*.py"):
            assert (file.parent / "__init__.py").exists(), f"{file.parent} would be missing in the wheel"


def test_every_module_has_a_test_file_of_its_name():
    """Tests mirror limits/ and solvers/, folder by folder."""
    modules = [file for name in FOLDERS for file in (REPOSITORY / name).rglob("*.py") if file.name != "__init__.py"]
    assert len(modules) > 50
    expected = [Path("tests", file.relative_to(REPOSITORY)).with_name(f"test_{file.name}") for file in modules]
    assert [str(file) for file in expected if not (REPOSITORY / file).exists()] == []


def test_the_source_folder_holds_links_to_the_two_root_folders():
    source = REPOSITORY / "src" / "infwidth"
    for name in FOLDERS:
        assert (source / name).is_symlink()
        assert (source / name).readlink() == Path("..", "..", name)
    own = {path.name for path in source.iterdir() if path.is_dir() and not path.is_symlink()}
    assert own <= {"__pycache__"}, "a package in src/ needs a line in setup.cfg and a check here"


def test_the_package_is_marked_as_typed():
    assert (Path(infwidth.__file__).parent / "py.typed").exists()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_bare_import_says_which_name_to_import(name):
    result = run_python(f"import {name}", cwd=REPOSITORY)
    assert result.returncode != 0
    assert f"ImportError: this folder is a part of infwidth: write `import infwidth.{name}`" in result.stderr


# The version


def test_the_version_is_written_once():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "infwidth.__version__"}


@pytest.mark.may_skip("a checkout that is not installed has no metadata")
def test_the_version_of_the_installed_distribution():
    try:
        installed = importlib.metadata.version("infwidth")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("infwidth is not installed")
    assert installed == infwidth.__version__, "install the package again: its metadata are of another version"


def test_the_version_of_the_pages():
    citation = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [infwidth.__version__]
    changelog = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == infwidth.__version__


# What an import costs


@pytest.mark.parametrize("code", ["import infwidth", "import infwidth; infwidth.limits; infwidth.solvers; infwidth.solve"])
def test_importing_is_light(code, tmp_path):
    heavy = {"numba", "scipy.integrate", "matplotlib"}
    result = run_python(f"{code}; import sys; print(*({heavy} & sys.modules.keys()))", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == []


# The public names


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names(package):
    module = importlib.import_module(package)
    assert module.__all__, "no public names: were they not read?"
    for name in module.__all__:
        assert getattr(module, name) is vars(module)[name]
        assert name in dir(module)
    with pytest.raises(AttributeError, match=rf"module '{package}' has no attribute 'Netwrok'"):
        module.Netwrok  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES)
def test_a_public_name_is_not_that_of_a_module_beside_it(package):
    # Importing a submodule sets it as an attribute of its package, over a function of the same name.
    module = importlib.import_module(package)
    for file in Path(module.__file__).parent.iterdir():
        if file.stem in module.__all__:
            assert getattr(module, file.stem) is importlib.import_module(f"{package}.{file.stem}")


# The house


def tree_of_the_readme():
    """Folder -> what stands in it, by the tree in the README."""
    block = (REPOSITORY / "README.md").read_text(encoding="utf-8").split("## The house")[1].split("```")[1]
    tree: dict[str, set[str]] = {}
    folder = ""
    for line in filter(None, block.split("\n")):
        if line.startswith(" "):
            tree[folder] |= set(re.split(r"\s{2,}", line.strip())[0].split())
        else:
            folder = line.split("/")[0]
            tree[folder] = set()
    return tree


@pytest.mark.parametrize("name", FOLDERS)
def test_the_tree_of_the_readme_is_that_of_the_code(name):
    found = {f"{path.name}/" for path in (REPOSITORY / name).iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    found |= {path.stem for path in (REPOSITORY / name).glob("*.py") if path.stem != "__init__"}
    assert tree_of_the_readme()[name] == found, "the tree under `The house` in README.md, line by line"


def unnamed(init, names):
    """Modules of a room that its docstring does not name and that lend it no public name: nobody finds them there."""
    docstring = ast.get_docstring(ast.parse(init)) or ""
    return [
        name
        for name in names
        if f"``{name}``" not in docstring and not re.search(rf"from \.({name} import|{name}$| import {name}\b)", init)
    ]


def test_every_room_says_what_stands_in_it():
    missing = {}
    for init in (file for name in FOLDERS for file in (REPOSITORY / name).rglob("__init__.py")):
        modules = [path.stem for path in init.parent.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
        missing[init.parent.relative_to(REPOSITORY)] = unnamed(init.read_text(encoding="utf-8"), sorted({*modules} - {"__init__"}))
    assert len(missing) > 20
    assert {str(room): modules for room, modules in missing.items() if modules} == {}


def test_the_check_of_rooms_sees():
    init = '"""Rooms: ``a``."""\nfrom .b import X as X\nfrom . import c as c\n'
    assert unnamed(init, ["a", "b", "c", "d"]) == ["d"]


def test_files_are_small():
    lines = {file: len(file.read_text(encoding="utf-8").splitlines()) for name in FOLDERS for file in (REPOSITORY / name).rglob("*.py")}
    names = {file.relative_to(REPOSITORY).as_posix(): count for file, count in lines.items() if file.name != "__init__.py"}
    assert {name: count for name, count in names.items() if count > 300} == {}
    assert statistics.median(names.values()) < 150


def test_no_module_imports_itself_through_others():
    """The imports that run when a module is loaded; those inside functions and for type checkers do not."""
    modules = {}
    for name in FOLDERS:
        for file in (REPOSITORY / name).rglob("*.py"):
            parts = ("infwidth", *file.relative_to(REPOSITORY).with_suffix("").parts)
            modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    graph = {}
    for module, file in modules.items():
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        top = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.Import | ast.ImportFrom)]
        found = imports_of("\n".join(map(ast.unparse, top)), package)
        graph[module] = {name if name in modules else name.rpartition(".")[0] for name in found} & modules.keys()
    assert graph["infwidth.limits.two_layer.mean_field"] >= {"infwidth.limits.two_layer.problem", "infwidth.solvers.data"}
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError, which names the circle


# What solvers ask of a problem, a model or a method are its abilities


def probed(source):
    """Members of the contract's objects that are asked for by name, where mypy sees nothing: ``getattr(problem, "name", None)``."""
    objects = {"problem", "model", "method", "limit", "network", "engine"}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("getattr", "hasattr") and isinstance(node.args[1], ast.Constant):
            if ast.unparse(node.args[0]).rpartition(".")[2].lstrip("_") in objects:
                yield ast.unparse(node)


def test_solvers_probe_nothing():
    sources = {file.name: file.read_text(encoding="utf-8") for file in sorted((REPOSITORY / "solvers").rglob("*.py"))}
    assert sources and {name: found for name, source in sources.items() if (found := list(probed(source)))} == {}


def test_the_check_of_probing_sees():
    assert list(probed("hasattr(self.problem, 'masses')")) == ["hasattr(self.problem, 'masses')"]
    assert list(probed("getattr(method, field.name), getattr(value, 'name')")) == []


# Which way imports point: limits may import solvers, never the reverse


def imports_of(source, package):
    """The absolute names of all that a module of this package imports, wherever in its text."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*parents, *filter(None, [node.module])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def imports_limits(source, package):
    # The names of infwidth itself count too: half of them are those of limits.
    allowed = ("infwidth.solvers", "infwidth._")
    return [name for name in imports_of(source, package) if name.split(".")[0] in ("infwidth", "limits") and not name.startswith(allowed)]


def test_solvers_import_no_limits():
    files = sorted((REPOSITORY / "solvers").rglob("*.py"))
    assert files
    for file in files:
        package = ".".join(("infwidth", *file.parent.relative_to(REPOSITORY).parts))
        assert imports_limits(file.read_text(encoding="utf-8"), package) == [], file


@pytest.mark.parametrize(
    "source",
    [
        "import limits",
        "import limits.network",
        "from limits import Network",
        "import infwidth",
        "import infwidth.limits.networks.network",
        "from infwidth import limits",
        "from infwidth import Network",
        "from infwidth.limits import Network",
        "from .. import limits",
        "from ..limits import Network",
        "from ..limits.network import Network",
        "def f():\n    from ..limits import Network",
        "if TYPE_CHECKING:\n    from ..limits import Network",
    ],
)
def test_the_check_of_imports_sees(source):
    assert imports_limits(source, "infwidth.solvers")
    assert imports_limits(source.replace("from ..", "from ..."), "infwidth.solvers.gaussian")


@pytest.mark.parametrize("source", ["import numpy", "from . import data", "from .data import Data", "from .._lazy import lazy_names"])
def test_the_check_of_imports_lets_pass(source):
    assert imports_limits(source, "infwidth.solvers") == []
