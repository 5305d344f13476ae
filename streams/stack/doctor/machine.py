"""Checks of this machine: room on the disk, versions."""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from streams.settings import ConfigurationError
from streams.stack import java
from streams.stack.doctor.facts import Facts
from streams.stack.doctor.finding import Finding, not_checked, well, wrong

PACKAGE = "undelivered"
LEAST_FREE_BYTES = 1 << 30
_TRIED_BYTES = 1 << 20
_PINNED = re.compile(r"(?P<name>[\w.-]+)(\[[\w,]*\])?==(?P<version>[\w.]+)$")
_NAMED = ("aiokafka", "deltalake", "duckdb", "faust-streaming", "kafka-python")


def disk(facts: Facts) -> Finding:
    """Is there room in the data folder, and can it be written?"""
    folder = facts.settings.data_dir.expanduser().resolve()
    while not folder.is_dir():
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
        _try_to_write(folder)
    except OSError as error:
        return wrong(
            "disk",
            f"{folder} cannot be written: {error.strerror}",
            "make room, put its rights right, or set --data-dir to another",
        )
    words = f"{free / (1 << 30):,.1f} GiB free in {folder}"
    if free < LEAST_FREE_BYTES:
        return wrong("disk", words, "make room: a worker stops where it cannot write")
    return well("disk", f"{words}, which can be written")


def _try_to_write(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(_TRIED_BYTES))
        file.flush()
        os.fsync(file.fileno())


def versions(_facts: Facts) -> Finding:
    """Are the packages those that the program was tested with?"""
    needed = dict(_pinned())
    found = {name: _version(name) for name in needed}
    other = [
        f"{name} {found[name] or 'is missing'} instead of {version}"
        for name, version in needed.items()
        if found[name] != version
    ]
    if other:
        return wrong("versions", ", ".join(other), "install the package again")
    shown = ", ".join(f"{name} {found[name]}" for name in _NAMED if name in found)
    return well(
        "versions",
        f"{PACKAGE} {_version(PACKAGE)}, Python {platform.python_version()}, {shown}",
    )


def _pinned() -> Iterator[tuple[str, str]]:
    """Yield each package that has to have one version; extras are left out."""
    for requirement in metadata.requires(PACKAGE) or ():
        if match := _PINNED.match(requirement):
            yield match["name"], match["version"]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def java_is_new_enough(facts: Facts) -> Finding:
    """Is there a Java for the embedded Kafka?"""
    if facts.settings.bootstrap_servers is not None:
        return not_checked("java", "Kafka is named, the embedded one is not used")
    try:
        program, version = java.find()
    except ConfigurationError as error:
        return wrong("java", str(error))
    return well("java", f"version {version} at {program}")
