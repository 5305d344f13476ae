"""Lock files: hashes for everything, no host, and what pyproject.toml pins."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ["requirements.lock", "requirements-dev.lock"]


def requirements(lock: str) -> list[str]:
    """Return each requirement with its marker and hashes, on one line, no extras."""
    text = re.sub(r"\s*\\\n\s*", " ", (ROOT / lock).read_text())
    text = re.sub(r"^(\S+?)\[.*?\]==", r"\1==", text, flags=re.MULTILINE)
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


def pins(lock: str) -> set[str]:
    """Return what a lock pins, as ``name==version``."""
    return {requirement.split(" ")[0] for requirement in requirements(lock)}


def asked(*groups: list[object]) -> set[str]:
    """Return what pyproject.toml pins, as ``name==version``, without extras."""
    return {
        re.sub(r"\[.*\]", "", entry)
        for group in groups
        for entry in group
        if isinstance(entry, str)
    }


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host_and_no_folder(lock: str) -> None:
    """Any index serves: an address or a path would tie the lock to one."""
    tying = re.compile(r"://|@|^-|\s--(?!hash=)|\s/|\.\./")

    lines = (ROOT / lock).read_text().splitlines()
    found = [line for line in lines if tying.search(line.partition("#")[0])]
    assert found == []
    assert not re.search("://", (ROOT / lock).read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_is_pinned_and_has_hashes(lock: str) -> None:
    """Pip installs exactly these bytes, or nothing."""
    form = r"[a-z0-9-]+==\S+( ; .+?)?( --hash=sha256:[0-9a-f]{64})+"

    loose = [each for each in requirements(lock) if not re.fullmatch(form, each)]
    assert loose == []


def test_the_locks_hold_what_the_project_pins() -> None:
    """`make lock` was run after the last change of pyproject.toml."""
    groups = PROJECT["dependency-groups"]
    to_run = asked(PROJECT["project"]["dependencies"], groups["build"])
    to_develop = asked(
        groups["dev"], PROJECT["project"]["optional-dependencies"]["notebooks"]
    )

    assert to_run <= pins(LOCKS[0])
    assert to_run | to_develop <= pins(LOCKS[1])


def test_every_version_is_pinned_in_pyproject() -> None:
    """A range would let `make lock` change what was tested."""
    groups = PROJECT["dependency-groups"]
    every = asked(
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
        *groups.values(),
    )

    assert [
        each for each in every if not re.fullmatch(r"[a-z0-9-]+==[\w.]+", each)
    ] == []


def test_no_package_has_two_versions() -> None:
    """What is developed with is what is run: one version of each, in both locks."""
    assert pins(LOCKS[0]) <= pins(LOCKS[1])


def test_the_project_is_built_with_the_locked_backend() -> None:
    """`make install` builds with the hatchling of the lock, and fetches no other."""
    assert PROJECT["build-system"]["requires"] == PROJECT["dependency-groups"]["build"]
