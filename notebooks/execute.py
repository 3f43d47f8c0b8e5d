"""Run notebooks in quick mode and keep what they print and draw, small: the one way in which outputs come into them.

    python notebooks/execute.py [NAME.ipynb ...]

Figures are stored as PNG of few colours. The fingerprint of the sources that ran is kept in the metadata, so that a test can tell outputs
that are older than their notebook.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import io
import os
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec
from PIL import Image

import infwidth

FOLDER = Path(__file__).parent
LARGEST = 150_000  # bytes of a notebook with its outputs
SHRINK, COLOURS = 0.72, 64  # of a figure


class ThisInterpreter(KernelManager):
    """A kernel of the interpreter that runs this, whatever kernels are registered on the machine."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], display_name="Python 3", language="python"
        )


def fingerprint(notebook: Any) -> str:
    """Of the sources of all code cells."""
    sources = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(sources.encode()).hexdigest()[:16]


def execute(file: Path) -> Any:
    """The notebook, run from top to bottom by the infwidth of this interpreter; an error in a cell is raised."""
    notebook = nbformat.read(file, as_version=4)
    source = str(Path(infwidth.__file__).parents[1])
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [source, os.environ.get("PYTHONPATH")])),
        "OMP_NUM_THREADS": "1",
    }
    environment.pop("INFWIDTH_FULL", None)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_manager_class=ThisInterpreter, resources={"metadata": {"path": str(file.parent)}}, record_timing=False
    )
    client.execute(env=environment)
    return notebook


def keep(notebook: Any) -> Any:
    """The notebook as it is committed: small figures, and the fingerprint of what ran."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    notebook.metadata["infwidth"] = {"executed": fingerprint(notebook)}
    return notebook


def smaller(png: str) -> str:
    """A base64 PNG at the resolution of a page, with a palette."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    shrunk = image.resize((round(image.width * SHRINK), round(image.height * SHRINK)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    # Curves have few pixels: the default, which follows the frequent colours, would draw several of them in one.
    shrunk.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME.ipynb")
    names = parser.parse_args().names or sorted(file.name for file in FOLDER.glob("*.ipynb"))
    for name in names:
        file = FOLDER / name
        nbformat.write(keep(execute(file)), file)
        print(f"{name}: {file.stat().st_size / 1e3:.0f} kB")
        if file.stat().st_size > LARGEST:
            raise SystemExit(f"{name}: is larger than {LARGEST / 1e3:.0f} kB; draw less")


if __name__ == "__main__":
    main()
