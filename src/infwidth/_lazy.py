"""Public names that load on first use (PEP 562), so that ``import infwidth`` stays light."""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path


def lazy_names(package: str, file: str) -> tuple[Callable[[str], object], Callable[[], list[str]], list[str]]:
    """``__getattr__``, ``__dir__`` and ``__all__`` of a package whose public names load on first use.

    The names are the relative imports under ``if TYPE_CHECKING:`` in the package's own file. They are written there
    for the type checkers, which do not run the package, and read from there at run time, which does not run the
    imports. So a public name is one line, and the two readers cannot disagree::

        if TYPE_CHECKING:
            from .network import Network as Network
        else:
            __getattr__, __dir__, __all__ = lazy_names(__name__, __file__)

    Parameters
    ----------
    package : str
        ``__name__`` of the package.
    file : str
        ``__file__`` of the package.
    """
    origins = _type_checking_imports(ast.parse(Path(file).read_text(encoding="utf-8")))

    def __getattr__(name: str) -> object:
        this = sys.modules[package]
        if name not in origins:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name, obj=this)
        module, attribute = origins[name]
        value = getattr(import_module(module, package), attribute) if attribute else import_module(module, package)
        setattr(this, name, value)  # found without __getattr__ from now on
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *origins})

    return __getattr__, __dir__, sorted(origins)


def _type_checking_imports(tree: ast.Module) -> dict[str, tuple[str, str]]:
    """Public name -> (relative module, attribute); (".name", "") for a submodule."""
    origins: dict[str, tuple[str, str]] = {}
    for block in tree.body:
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING":
            for statement in block.body:
                if isinstance(statement, ast.ImportFrom) and statement.level:
                    dots = "." * statement.level
                    for alias in statement.names:
                        origin = (dots + statement.module, alias.name) if statement.module else (dots + alias.name, "")
                        origins[alias.asname or alias.name] = origin
    return origins
