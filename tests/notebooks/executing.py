"""Notebooks, executed with a real kernel, and what their cells show."""

import os
import sys
from base64 import b64decode
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from streams import reference

FOLDER = reference.shipped("notebooks")
EXPLORE, INCIDENT = "explore.ipynb", "incident.ipynb"
PNG = b"\x89PNG\r\n\x1a\n"
SMALLEST_PICTURE = 10_000  # bytes; empty axes of the same size take fewer


def read(name: str) -> nbformat.NotebookNode:
    """Return the notebook as it is committed."""
    notebook: nbformat.NotebookNode
    notebook = nbformat.read(FOLDER / name, as_version=4)  # type: ignore[no-untyped-call]
    return notebook


def executed(name: str, data_dir: Path, folder: Path) -> nbformat.NotebookNode:
    """Run the notebook over a data folder; fail with the traceback of a cell.

    Args:
        name: Its file.
        data_dir: The data folder.
        folder: Where Jupyter may keep what it writes.
    """
    notebook = read(name)
    with pytest.MonkeyPatch.context() as environment:
        # The kernel is started as `python`: the one that runs the tests.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment.setenv("PATH", path)
        environment.setenv("UNDELIVERED_DATA_DIR", str(data_dir))
        environment.setenv("IPYTHONDIR", str(folder / "ipython"))
        environment.setenv("JUPYTER_RUNTIME_DIR", str(folder / "runtime"))
        place = {"metadata": {"path": str(FOLDER)}}
        NotebookClient(notebook, kernel_name="python3", resources=place).execute()
    return notebook


def printed(notebook: nbformat.NotebookNode) -> str:
    """Return what the cells wrote as text."""
    return "".join(
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for cell in notebook.cells
        for output in cell.get("outputs", ())
    )


def pictures(cell: nbformat.NotebookNode) -> list[bytes]:
    """Return the pictures below a cell."""
    return [
        b64decode(output.data["image/png"])
        for output in cell.get("outputs", ())
        if "image/png" in output.get("data", ())
    ]


def complaints(notebook: nbformat.NotebookNode) -> list[str]:
    """Return what cells wrote to standard error."""
    return [
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output.get("name") == "stderr"
    ]


def drawn(notebook: nbformat.NotebookNode) -> list[int]:
    """Return how many pictures with something in them each cell that draws shows."""
    return [
        sum(
            picture.startswith(PNG) and len(picture) > SMALLEST_PICTURE
            for picture in pictures(cell)
        )
        for cell in notebook.cells
        if "plt.show()" in cell["source"]
    ]
