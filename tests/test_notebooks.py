"""Every notebook runs from top to bottom in quick mode; the assertions are its own."""

import os
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest
from jupyter_client import KernelManager
from jupyter_client.kernelspec import KernelSpec

import infwidth

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


class ThisInterpreter(KernelManager):
    """A kernel of the interpreter that runs the tests, whatever kernels are registered on this machine."""

    @property
    def kernel_spec(self):
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], display_name="tests", language="python"
        )


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_notebook(file, monkeypatch):
    # The kernel finds the infwidth of this test run, be it the checkout or an installed one.
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(Path(infwidth.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    )
    monkeypatch.delenv("INFWIDTH_FULL", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(file, as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=600, kernel_manager_class=ThisInterpreter, resources={"metadata": {"path": str(file.parent)}}
    )
    client.execute()  # raises CellExecutionError, which shows the cell and its traceback


def test_there_are_notebooks():
    assert list(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("file", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda file: file.stem)
def test_notebooks_are_committed_without_outputs(file):
    notebook = nbformat.read(file, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
