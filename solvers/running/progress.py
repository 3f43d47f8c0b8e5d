"""The progress bar."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from ..problem import Method, Point

__all__ = ["progress_bar"]


@contextlib.contextmanager
def progress_bar(progress: bool, method: Method) -> Iterator[Callable[[Point], None] | None]:
    """What shows a point on a bar, while it lasts; None without ``progress``."""
    if not progress:
        yield None
        return
    from tqdm.auto import tqdm

    with tqdm(total=method.end, unit="step" if method.discrete else "t") as bar:

        def show(point: Point) -> None:
            bar.update((point.step if method.discrete else point.t) - bar.n)
            bar.set_postfix_str(f"loss {point.loss:.3g}", refresh=False)

        yield show
