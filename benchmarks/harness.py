"""What every benchmark does alike: options, worker processes, one JSON and one figure."""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BEGAN = time.perf_counter()


def options(doc: str | None, more: Callable[[argparse.ArgumentParser], Any] | None = None) -> argparse.Namespace:
    """``--quick``, ``--seed`` and ``--out``, and what ``more`` adds; the module's docstring is the help."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="narrow networks and few seeds, under a minute")
    parser.add_argument("--seed", type=int, default=0, help="of data and networks")
    parser.add_argument("--out", type=Path, default=Path("results"), help="folder of the JSON and the figure")
    if more is not None:
        more(parser)
    return parser.parse_args()


def resumable(parser: argparse.ArgumentParser) -> None:
    """Options of a benchmark of many networks."""
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--resume", help="folder of what is finished")


def _one_thread() -> None:
    from threadpoolctl import threadpool_limits

    threadpool_limits(1)


@contextlib.contextmanager
def workers(number: int = 2) -> Iterator[ProcessPoolExecutor]:
    """Processes of one thread each: small networks do not profit from threads, and two pools of threads would fight."""
    with ProcessPoolExecutor(number, mp_context=get_context("spawn"), initializer=_one_thread) as pool:
        yield pool


def write(chosen: argparse.Namespace, name: str, results: dict[str, Any], figure: Figure) -> None:
    """``name.json`` and ``name.png`` in the folder, with the setting and the versions in the JSON; prints where."""
    chosen.out.mkdir(parents=True, exist_ok=True)
    setting = {"quick": chosen.quick, "seed": chosen.seed, "seconds": time.perf_counter() - BEGAN}
    versions = {"python": platform.python_version(), **{package: version(package) for package in ("numpy", "scipy", "numba")}}
    path = chosen.out / name
    path.with_suffix(".json").write_text(json.dumps({**setting, "versions": versions, **results}, indent=1))
    figure.savefig(path.with_suffix(".png"), dpi=160)
    print(f"{setting['seconds']:.0f} s; wrote {path.with_suffix('.json')} and {path.with_suffix('.png')}")
