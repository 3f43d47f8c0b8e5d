"""Every notebook runs from top to bottom in quick mode; the assertions are its own. Each is committed with the outputs of such a run."""

import copy
import importlib.util
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FILES = sorted(NOTEBOOKS.glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)

spec = importlib.util.spec_from_file_location("execute", NOTEBOOKS / "execute.py")
assert spec is not None and spec.loader is not None
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)


def test_there_are_notebooks():
    assert FILES


@every_notebook
def test_notebook(file):
    script.execute(file)  # raises CellExecutionError, which shows the cell and its traceback


def lacks(notebook, size):
    """What is missing from the outputs of a notebook."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    found = {
        "outputs of the sources as they are": notebook.metadata.get("infwidth", {}).get("executed") == script.fingerprint(notebook),
        "a run from top to bottom": [cell.execution_count for cell in code] == list(range(1, len(code) + 1)),
        "a figure": any("image/png" in output.get("data", {}) for output in outputs),
        "a run without errors": not any(output.output_type == "error" for output in outputs),
        "a size below 150 kB": size <= script.LARGEST,
    }
    return [name for name, there in found.items() if not there]


@every_notebook
def test_notebooks_are_committed_with_the_outputs_of_their_sources(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert lacks(notebook, file.stat().st_size) == [], "run: python notebooks/execute.py " + file.name


def test_the_check_of_outputs_sees():
    notebook = nbformat.read(FILES[0], as_version=4)
    stale, bare = copy.deepcopy(notebook), copy.deepcopy(notebook)
    next(cell for cell in stale.cells if cell.cell_type == "code").source += "\n1"
    assert lacks(stale, 0) == ["outputs of the sources as they are"]
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    assert lacks(bare, 200_000) == ["a run from top to bottom", "a figure", "a size below 150 kB"]


def test_the_film_of_densities_is_there():
    """Below 3 MB, and it moves: what its notebook shows."""
    film = NOTEBOOKS.parent / "docs" / "nngp_output_density.gif"
    assert f"../docs/{film.name}" in (NOTEBOOKS / "nngp_output_density.ipynb").read_text(encoding="utf-8")
    assert film.stat().st_size < 3e6
    with Image.open(film) as image:
        first = np.asarray(image.convert("RGB"), float)
        image.seek(image.n_frames - 1)
        assert image.n_frames >= 30 and np.abs(np.asarray(image.convert("RGB"), float) - first).mean() > 10
