"""Arguments checked at the boundary: each error names the argument, what it was, and what to do.

One function per type of argument, so that a flag, a name or a number means the same to every public name.
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Callable, Iterable, Sized
from typing import Any, TypeVar

import numpy as np

from .machine.memory import refuse_above_available

__all__ = [
    "array",
    "asked",
    "choice",
    "flag",
    "function",
    "instance",
    "integer",
    "integers",
    "listed",
    "numbers",
    "observed",
    "path",
    "real",
    "reals",
    "returned",
    "settle",
    "shown",
    "squarable",
    "vector",
]

Array = np.ndarray
T = TypeVar("T")

LARGE = 1e8  # bytes of a copy; above, the system is asked how many are free
MOST_LISTED = 1_000_000
EXACT = 2**53  # integers beyond have no float of their own


def settle(record: Any, **values: Any) -> None:
    """Put checked values in the place of those that a frozen dataclass was given."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def shown(value: Any, most: int = 80) -> str:
    """A value as messages show it: in one line, of bounded length, and never with an error of its own."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**most:
        return "an integer of more digits than a float has range"
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= most else f"{text[: most - 3]}..."


def real(
    name: str,
    value: Any,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
    way_out: str = "",
) -> float:
    """A finite number, ``> above`` and ``>= least``, ``< below`` and ``<= most``."""
    number = _number(value)
    if number is None or not (math.isfinite(number) and above < number < below and least <= number <= most):
        bounds = [f"{sign} {bound:g}" for sign, bound in ((">", above), (">=", least), ("<", below), ("<=", most)) if math.isfinite(bound)]
        what = f"need a finite number{' ' if bounds else ''}{' and '.join(bounds)}, got {shown(value)}"
        raise ValueError(f"{name}: {what}{'; ' + way_out if way_out else ''}")
    return number


def integer(name: str, value: Any, *, least: int, most: int = EXACT, way_out: str = "") -> int:
    """An integer ``>= least`` and ``<= most``; a float of integer value such as ``1e5`` counts as one."""
    number = _number(value)
    if number is None or not (math.isfinite(number) and number.is_integer() and least <= number <= most):
        beyond = number is not None and number > most
        bound = f"from {least} to {most}" if most < EXACT or beyond else f">= {least}"
        raise ValueError(f"{name}: need an integer {bound}, got {shown(value)}{'; ' + way_out if way_out else ''}")
    return int(value)


def _number(value: Any) -> float | None:
    """A real number as a float; None where it is something else, and infinity where it is too long for a float."""
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def reals(name: str, value: Any, *, length: int | None = None, least_length: int = 0, each: str = "") -> tuple[float, ...]:
    """A sequence of finite numbers, of that length; ``each`` says what there is one of."""
    if not _sequence(value):
        raise ValueError(f"{name}: need a sequence of numbers{', one per ' + each if each else ''}, got {shown(value)}")
    numbers = tuple(real(f"{name}[{i}]", v) for i, v in enumerate(value))
    if (length is not None and len(numbers) != length) or len(numbers) < least_length:
        count = f"{least_length} numbers or more" if length is None else f"{length} numbers"
        raise ValueError(f"{name}: need {count}{', one per ' + each if each else ''}, got {len(numbers)}")
    return numbers


def integers(name: str, value: Any, *, least: int, most: int = EXACT, least_length: int = 1) -> tuple[int, ...]:
    """A sequence of integers ``>= least``."""
    if not _sequence(value):
        raise ValueError(f"{name}: need a sequence of integers, got {shown(value)}")
    found = tuple(integer(f"{name}[{i}]", v, least=least, most=most) for i, v in enumerate(value))
    if len(found) < least_length:
        raise ValueError(f"{name}: need {least_length} integers or more, got {len(found)}")
    return found


def _sequence(value: Any) -> bool:
    """Whether its items stand in an order: no set, text or masked array."""
    if isinstance(value, np.ndarray):
        return value.ndim == 1 and not isinstance(value, np.ma.MaskedArray)
    return np.iterable(value) and not isinstance(value, str | bytes | dict | set | type)


def listed(name: str, values: Iterable[Any]) -> list[Any]:
    """The values of an iterable; one that does not say how many it has may go on for ever."""
    if isinstance(values, Sized):
        return list(values)
    found = list(itertools.islice(values, MOST_LISTED + 1))
    if len(found) > MOST_LISTED:
        raise ValueError(f"{name}: a generator of more than {MOST_LISTED} values, which may have no end; give a list")
    return found


def flag(name: str, value: Any) -> bool:
    """True or False, and nothing that merely counts as one of them."""
    if not isinstance(value, bool | np.bool_):
        raise ValueError(f"{name}: need True or False, got {shown(value)}")
    return bool(value)


def choice(name: str, value: Any, known: Iterable[str], way_out: str = "") -> str:
    """One of some names."""
    known = tuple(known)
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name}: {shown(value)} is not one of {', '.join(known)}{'; ' + way_out if way_out else ''}")
    return str(value)


def instance(name: str, value: Any, kind: type[T], example: str) -> T:
    """An object of that class; ``example`` makes one."""
    if not isinstance(value, kind):
        article = "an" if kind.__name__[0] in "AEIO" else "a"
        raise TypeError(f"{name}: need {article} {kind.__name__}, got {shown(value)}; for example {example}")
    return value


def function(name: str, value: Any, signature: str, arguments: int | None = None) -> Callable[..., Any]:
    """A function; ``signature`` says of what, such as ``points (q, p) to densities (q,)``. That it takes so many ``arguments`` is looked at
    where there is no good time for a first call.
    """
    if not callable(value) or isinstance(value, type):
        raise TypeError(f"{name}: need a function, {signature}, got {shown(value)}")
    if arguments is not None:
        try:
            inspect.signature(value).bind(*range(arguments))
        except ValueError:  # compiled functions do not say what they take
            pass
        except TypeError as error:
            raise TypeError(f"{name}: need a function, {signature}, but this one does not take {arguments} arguments ({error})") from None
    return value


def observed(state: Any, problem: Any, kind: type, example: str) -> Array:
    """The state of a problem of that kind, for observables that are called by hand; ``example`` is a model of it."""
    if isinstance(problem, type):
        raise TypeError(f"problem: need a problem, got {shown(problem)}; for example sol.problem of solve({example}, ...)")
    instance("problem", problem, kind, f"sol.problem of solve({example}, ...)")
    start = problem.start()
    plain = isinstance(state, np.ndarray) and not isinstance(state, np.ma.MaskedArray)
    if not plain or state.shape != start.shape or state.dtype != start.dtype:
        raise ValueError(f"state: need a vector of {len(start)} numbers of {start.dtype}, such as sol.state, got {shown(state)}")
    return np.require(state, requirements=["C", "W"])  # of what is read-only a copy: compiled code would be compiled for it anew


def asked(name: str, function: Callable[..., Any], *arguments: Any, signature: str) -> Any:
    """What a user's function gives; an error of its own is told with its name."""
    try:
        return function(*arguments)
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{name}: failed with {type(error).__name__} ({error}); it must map {signature}") from error


def path(name: str, value: Any) -> Any:
    """A file name or path object."""
    import os

    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise TypeError(f"{name}: need a file name or a path, got {shown(value)}")
    return value


def array(name: str, value: Any, *, dtype: Any = None, columns: int | None = None) -> Array:
    """A finite, non-empty, C-contiguous matrix of floats; a vector becomes one column.

    Without ``dtype``, float32 stays float32 and everything else becomes float64.
    """
    a = _floats(name, value, dtype)
    if a.ndim == 1:
        a = a[:, None]
    if a.ndim != 2:
        raise ValueError(f"{name}: need a matrix with one row per sample, got shape {np.shape(value)}; reshape it")
    if a.size == 0:
        raise ValueError(f"{name}: is empty (shape {np.shape(value)}); give at least one sample and one column")
    if columns is not None and a.shape[1] != columns:
        raise ValueError(f"{name}: need {columns} columns, one row per sample, got shape {np.shape(value)}")
    finite = np.isfinite(a)
    if not finite.all():
        bad = int(np.argmin(finite.all(axis=1)))
        raise ValueError(f"{name}: row {bad} holds NaN or infinity; remove or impute it")
    return a


def numbers(name: str, value: Any) -> Array:
    """Real numbers as floats, of any shape: what is mapped elementwise, NaN and infinity included."""
    return _floats(name, value, None)


def vector(name: str, value: Any, *, length: int | None = None, least: float = -math.inf, most: float = math.inf, each: str = "") -> Array:
    """A finite, non-empty vector of float64; a column is one."""
    a = _floats(name, value, np.float64)
    if a.ndim == 2 and a.shape[1] == 1:
        a = a[:, 0]
    if a.ndim != 1 or a.size == 0 or (length is not None and len(a) != length):
        count = "numbers" if length is None else f"{length} numbers"
        raise ValueError(f"{name}: need a vector of {count}{', one per ' + each if each else ''}, got shape {np.shape(value)}")
    bad = ~(np.isfinite(a) & (a >= least) & (a <= most))
    if bad.any():
        bound = (f" >= {least:g}" if least > -math.inf else "") + (f" <= {most:g}" if most < math.inf else "")
        raise ValueError(f"{name}: need finite numbers{bound}, got {a[bad][0]:g} at index {int(np.argmax(bad))}")
    return a


def returned(name: str, value: Any, shape: tuple[int, ...], at: str, way_out: str = "") -> Array:
    """What a user's function gave, as finite float64 of that shape; ``at`` says where it was asked."""
    end = f"; {way_out}" if way_out else ""
    a = _floats(name, value, np.float64, what="must return")
    if a.shape != shape:
        raise ValueError(f"{name}: must return shape {shape} at {at}, gave {a.shape}")
    if not np.isfinite(a).all():
        bad = a.size - np.count_nonzero(np.isfinite(a))
        raise ValueError(f"{name}: must return finite numbers, gave NaN or infinity for {bad} of {a.size} at {at}{end}")
    return a


def squarable(name: str, a: Array) -> Array:
    """The array, if squares of its entries neither overflow nor all underflow in its precision."""
    largest = float(np.abs(a).max(initial=0.0))
    info = np.finfo(a.dtype)
    if largest > float(info.max) ** 0.49 or 0 < largest < float(info.tiny) ** 0.49:
        raise ValueError(f"{name}: its largest entry is {largest:.3g}, whose square has no digits in {a.dtype}; rescale it")
    return a


def _floats(name: str, value: Any, dtype: Any, what: str = "need") -> Array:
    """Real numbers as an array of floats in native byte order, C-contiguous, of any shape."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        missing = int(np.ma.getmaskarray(value).sum())
        raise ValueError(f"{name}: {missing} entries are masked; remove those rows, or fill them in (.filled)")
    try:
        a = np.asarray(value)
        if a.dtype.kind not in "biuf":
            raise TypeError(f"dtype {a.dtype}")
    except (TypeError, ValueError) as error:
        sparse = "; call its .toarray()" if hasattr(value, "toarray") else ""
        reason = " ".join(str(error).split())
        raise ValueError(f"{name}: {what} an array of real numbers, got {type(value).__name__} ({reason:.90}){sparse}") from None
    if a.dtype.kind in "iu" and a.size and max(abs(int(a.max())), abs(int(a.min()))) > EXACT:
        raise ValueError(f"{name}: holds integers beyond 2**53, which floats cannot tell apart; shift or rescale them first")
    single = a.dtype.kind == "f" and a.dtype.itemsize == 4
    target = np.dtype(dtype or (np.float32 if single else np.float64))
    if a.size * target.itemsize > LARGE and not (a.dtype == target and a.flags.c_contiguous):
        refuse_above_available(name, f"a copy of shape {a.shape} in {target}", float(a.size) * target.itemsize, "give fewer rows")
    with np.errstate(over="ignore"):
        out = np.asarray(a, target, order="C")
    if a.dtype.kind == "f" and not np.isfinite(out).all() and np.isfinite(a).all():
        raise ValueError(f"{name}: holds numbers beyond the range of {target}, up to {np.abs(a).max():.3g}; rescale it")
    return out
