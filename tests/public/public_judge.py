"""What came of an odd call: a good message, a raw one, a result that means something, or one that does not."""

import inspect
import numbers
import re
import signal
import warnings
from collections import Counter
from dataclasses import dataclass, fields, is_dataclass
from types import FunctionType, MethodType

import numpy as np
from public_values import EITHER, FLAGS, FUNCTIONS, NAMES, NUMBERS, OBJECTS, REFUSED, SAME, arrays

GOOD, RAW, MEANINGLESS, ENDLESS, RIGHT = "good", "raw", "meaningless", "endless", "right"
DATA = {
    "width",
    "X",
    "X1",
    "y",
    "X_test",
    "method",
    "model",
    "loss",
    "save_at",
    "rng",
    "observables",
    "problem",
    "solution",
    "state",
    "cloud",
}
MESSAGE = re.compile(r"^(\w+)(\[[^\]]*\])?((?:, \w+)*):? ")


class TimeIsUp(BaseException):
    pass


def odd_values(value):
    """Label -> (odd value, what must come of it) for an argument whose good value this is."""
    if isinstance(value, bool | np.bool_):
        return FLAGS
    if isinstance(value, numbers.Real):
        return NUMBERS
    if isinstance(value, str):
        return NAMES
    if isinstance(value, np.ndarray):
        return arrays(value)
    if isinstance(value, tuple | list) and value and all(isinstance(v, numbers.Real) for v in value):
        return {
            **{label: odd for label, odd in OBJECTS.items() if label not in ("number", "array")},
            **{f"holds {label}": ((*value[:-1], odd), fate) for label, (odd, fate) in NUMBERS.items()},
        }
    if isinstance(value, FunctionType | MethodType):
        return FUNCTIONS
    return OBJECTS


def cases(call):
    """Every (argument, label, changed arguments, fate) of one call."""
    for argument, value in call.arguments.items():
        if argument in call.free:
            continue
        for label, (odd, fate) in odd_values(value).items():
            if label in call.fine.get(argument, ()):
                fate = EITHER
            yield argument, label, {**call.arguments, argument: odd}, fate


def names(call):
    """What a good message may begin with."""
    try:
        known = set(inspect.signature(call.function).parameters)
    except (TypeError, ValueError):
        known = set()
    return known | set(call.arguments) | DATA


@dataclass(frozen=True)
class Outcome:
    verdict: str
    what: str


def judged(call, arguments, fate, plain):
    """Make the call and judge what comes of it."""

    def ring(number, frame):
        raise TimeIsUp

    # Of its own work: a first compilation takes seconds, and on a busy machine a minute; what waits for ever is caught later.
    limits = {signal.SIGPROF: (signal.ITIMER_PROF, call.seconds), signal.SIGALRM: (signal.ITIMER_REAL, 10 * call.seconds)}
    before = {number: signal.signal(number, ring) for number in limits}
    for timer, seconds in limits.values():
        signal.setitimer(timer, seconds)
    try:
        with warnings.catch_warnings(), np.errstate(**{"all": "ignore"} if call.elementwise else {}):
            warnings.simplefilter("error")
            result = call.use(call.function(**arguments))
    except TimeIsUp:
        return Outcome(ENDLESS, f"ran for {call.seconds} s")
    except (
        ValueError,
        TypeError,
        NotImplementedError,
        FloatingPointError,
        FileNotFoundError,
        RuntimeWarning,
    ) as error:  # a long run is told
        text = str(error)
        match = MESSAGE.match(text)
        if match and match[1] in names(call):
            return Outcome(GOOD, text)
        return Outcome(RAW, f"{type(error).__name__}: {text}")
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return Outcome(RAW, f"{type(error).__name__}: {error}")
    finally:
        for number, (timer, _) in limits.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])
    if fate == REFUSED:
        return Outcome(MEANINGLESS, f"accepted: {result!r:.80}")
    if fate == SAME and not same(result, plain):
        return Outcome(MEANINGLESS, f"another result: {result!r:.60} than {plain!r:.60}")
    if fate == EITHER and not call.elementwise and not_a_number(result):
        return Outcome(MEANINGLESS, f"holds NaN: {result!r:.80}")
    return Outcome(RIGHT, "")


def parts(value, seen=None):
    """The arrays, numbers and texts of a result."""
    seen = set() if seen is None else seen
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray | numbers.Number | str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from parts(item, seen)
    elif isinstance(value, tuple | list):
        for item in value:
            yield from parts(item, seen)
    elif is_dataclass(value) and not isinstance(value, type):
        for item in fields(value):
            if item.name not in ("problem", "stats", "limit"):
                yield from parts(getattr(value, item.name), seen)


def same(one, other):
    left, right = list(parts(one)), list(parts(other))
    return len(left) == len(right) and all(
        np.array_equal(a, b, equal_nan=True) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else np.array_equal(a, b)
        for a, b in zip(left, right, strict=True)
    )


def failed(value):
    """Whether a result says itself that it is none."""
    return getattr(value, "success", True) is False or bool(getattr(value, "failed", []))


def not_a_number(value):
    if isinstance(value, tuple):
        return any(not_a_number(item) for item in value)
    if failed(value):
        return False
    return any(np.isnan(part).any() for part in parts(value) if isinstance(part, np.ndarray | float) and np.asarray(part).dtype.kind == "f")


def table(calls, plains, chosen=lambda number: True):
    """Counts of verdicts, and the lines of those that must not be."""
    counts, wrong = Counter(), []
    number = 0
    for name, call in calls.items():
        for argument, label, arguments, fate in cases(call):
            number += 1
            if not chosen(number):
                continue
            outcome = judged(call, arguments, fate, plains[name])
            counts[outcome.verdict] += 1
            if outcome.verdict in (RAW, MEANINGLESS, ENDLESS):
                wrong.append(f"{outcome.verdict:12s} {name}({argument} = {label}): {outcome.what}")
    return counts, wrong
