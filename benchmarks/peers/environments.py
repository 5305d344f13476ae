"""Python environments of the peers: none of these packages belongs to the product."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.unavailable import UnavailableError

_FOLDER = Path(__file__).parents[2] / ".peers"
_CONFLUENT = "confluent-kafka==2.16.1"
PACKAGES = {
    "confluent": (_CONFLUENT, "msgspec==0.22.0"),
    "clickhouse": (
        *("chdb==4.4.0", "chdb-core==26.9.0"),
        *(_CONFLUENT, "pyarrow==26.0.1"),
    ),
    # The Kafka engine of later ones does not start.
    "clickhouse-engine": ("chdb==4.0.2",),
}


def python_of(name: str, cache: Path, folder: Path = _FOLDER) -> Path:
    """Return the Python of an environment; make it when it is not there as pinned.

    Args:
        name: A key of ``PACKAGES``.
        cache: Folder where pip keeps what it fetched.
        folder: Where the environments are.

    Raises:
        UnavailableError: A package has no wheel here, or cannot be fetched.
    """
    packages = PACKAGES[name]
    environment = folder / name
    python, made = environment / "bin" / "python", environment / ".installed"
    if made.is_file() and made.read_text(encoding="utf-8").split() == list(packages):
        return python
    made.unlink(missing_ok=True)
    _run([sys.executable, "-m", "venv", "--clear", environment], packages)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    wheels = ["--quiet", "--only-binary", ":all:", "--cache-dir", cache / "pip"]
    _run([*pip, *wheels, *packages], packages)
    made.write_text("\n".join(packages), encoding="utf-8")
    return python


def _run(command: Sequence[str | Path], packages: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise UnavailableError(
            f"{' '.join(packages)} cannot be installed ({words[-1] if words else '-'})"
        )
