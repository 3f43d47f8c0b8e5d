"""Globals, captured values and names in modules decide a function that reads them; what it only writes or counts does not."""

import importlib
import sys
import textwrap
import types

import numpy as np
import pytest

from infwidth.solvers.running.fingerprint import fingerprint
from infwidth.solvers.running.read_names import read_names

CALLS, SEEN, COUNTS, TABLE, BUFFER, NUMBER = [], {}, {"n": 0}, {"rate": 1}, np.zeros(3), 0


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of the user with settings in a module below."""
    folder = tmp_path / "package_of_a_user"
    (folder / "below").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "below" / "__init__.py").write_text("RATE = 1")
    (folder / "settings.py").write_text("RATE = 1\nUNUSED = 1\nclass Model:\n    rate = 1")
    code = """
        import package_of_a_user, package_of_a_user.settings, package_of_a_user.below
        from package_of_a_user import settings
        def direct(x): return settings.RATE * x
        def nested(x): return package_of_a_user.settings.RATE * x
        def of_a_class(x): return package_of_a_user.settings.Model.rate * x
        def below(x): return package_of_a_user.below.RATE * x
        def computed(x): return getattr(settings, "RA" + "TE") * x
        def computed_nested(x): return getattr(package_of_a_user.settings, "RA" + "TE") * x
        def imports(x):
            import package_of_a_user.settings as s
            return s.RATE * x
        def imports_the_name(x):
            from package_of_a_user.settings import RATE
            return RATE * x
        def imports_the_module(x):
            from package_of_a_user import settings
            return settings.RATE * x
        def imports_nothing(x):
            import no_module_of_that_name
        """
    (tmp_path / "functions_of_a_user.py").write_text(textwrap.dedent(code))
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("functions_of_a_user")
    for name in [name for name in sys.modules if name.endswith("_of_a_user") or name.startswith("package_of_a_user")]:
        del sys.modules[name]


READERS = ["direct", "nested", "computed", "computed_nested", "imports", "imports_the_name", "imports_the_module"]


@pytest.mark.parametrize("name", READERS)
def test_a_changed_value_in_a_module_of_the_user(package, name):
    function = getattr(package, name)
    before = fingerprint(function)
    assert fingerprint(function) == before
    package.settings.RATE = 2
    assert fingerprint(function) != before


def test_changed_classes_and_packages_below(package):
    before = fingerprint(package.of_a_class), fingerprint(package.below)
    package.settings.Model.rate = 2
    package.package_of_a_user.below.RATE = 2
    assert not set(before) & {fingerprint(package.of_a_class), fingerprint(package.below)}


def test_what_is_not_read_of_a_module_does_not_matter(package):
    before = fingerprint(package.nested), fingerprint(package.imports)
    package.settings.UNUSED = 2
    assert (fingerprint(package.nested), fingerprint(package.imports)) == before


def test_a_module_that_is_not_there_yet_is_known_by_name(package):
    assert fingerprint(package.imports_nothing) == fingerprint(package.imports_nothing)


def evaluates(x):
    return eval("NUMBER") * x


def by_name(x):
    return globals()["NUMBER"] * x


def imports_by_name(x):
    return importlib.import_module("somewhere").RATE * x


@pytest.mark.parametrize(("function", "call"), [(evaluates, "eval"), (by_name, "globals"), (imports_by_name, "import_module")])
def test_names_that_come_to_be_only_in_the_run_are_refused(function, call):
    with pytest.raises(ValueError, match=rf"^function: holds a call of {call}, whose content cannot be told"):
        fingerprint(function, "function")


def append(x):
    CALLS.append(x)
    if not CALLS:
        return 0
    return len(CALLS)


def assign(x):
    SEEN[x] = True
    COUNTS["n"] += 1
    return x in SEEN


def count(x):
    global NUMBER
    NUMBER += 1
    return x


def test_what_a_function_only_writes_or_counts_does_not_decide_it():
    before = [fingerprint(function) for function in (append, assign, count)]
    append(1), assign(2), count(3)
    assert [fingerprint(function) for function in (append, assign, count)] == before


def scratch(x):
    BUFFER[0] = x
    return BUFFER.sum()


def logs_and_reads(x):
    TABLE.setdefault("calls", 0)
    return TABLE["rate"] * x


def takes(x):
    CALLS.append(x)
    return CALLS.pop(0)


@pytest.mark.parametrize(
    ("function", "change"),
    [(scratch, lambda: BUFFER.fill(7)), (logs_and_reads, lambda: TABLE.update(rate=7)), (takes, lambda: CALLS.append(7))],
)
def test_what_it_writes_and_reads_decides_it(function, change):
    before = fingerprint(function)
    change()
    assert fingerprint(function) != before


def test_a_reader_of_a_module_object():
    settings = types.ModuleType("settings_of_a_user")
    settings.rate, settings.unused = 1, 1

    def reads(x):
        return settings.rate * x

    def hands_on(x):
        return print(settings)

    assert set(read_names(reads, {"settings": settings})) == {"settings", "settings.rate"}
    assert set(read_names(hands_on, {"settings": settings})) == {"settings", "settings.rate", "settings.unused"}
