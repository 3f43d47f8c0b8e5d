"""An older revision of this repository beside this one, for times of both in one run."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def source_of(revision: str) -> Iterator[Path | None]:
    """Its folder of sources, in a temporary folder; None, and a message, where git or the revision is missing."""
    try:
        packed = subprocess.run(["git", "-C", str(ROOT), "archive", revision], capture_output=True, check=True).stdout
    except FileNotFoundError:
        print(f"--against {revision}: skipped, there is no git")
        yield None
        return
    except subprocess.CalledProcessError as error:
        print(f"--against {revision}: skipped, {error.stderr.decode(errors='replace').strip().splitlines()[-1]}")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as files:
        files.extractall(folder, filter="data")
        yield Path(folder) / "src"


def environment(source: Path, **more: str) -> dict[str, str]:
    """That of a process in which ``infwidth`` is the one of that folder."""
    return {**os.environ, "PYTHONPATH": str(source), **more}


def alternating(script: Path, arguments: list[str], sources: dict[str, Path], rounds: int) -> dict[str, list[float]]:
    """What a script answers in every round, in a process for each source, in turn."""
    answers: dict[str, list[float]] = {name: [] for name in sources}
    with ExitStack() as stack:
        processes = {}
        for name, source in sources.items():
            command = [sys.executable, str(script), *arguments]
            process = subprocess.Popen(command, env=environment(source), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            processes[name] = stack.enter_context(process)
            _line(process)  # it is ready
        for _ in range(rounds):
            for name, process in processes.items():
                assert process.stdin is not None
                process.stdin.write("\n")
                process.stdin.flush()
                answers[name].append(float(_line(process)))
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.close()
    return answers


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{process.args!r} ended with code {process.wait()}")
    return line.strip()
