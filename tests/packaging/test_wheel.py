"""The wheel: what `pip install` gives, away from the checkout it was built in."""

import json
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command: str | Path, folder: Path) -> str:
    """Run a command to its end; return its output, fail with its errors."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the locked hatchling, without network."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel"]
    run(*build, "--directory", folder, folder=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an empty environment; return its folder of programs.

    What the project depends on is lent from the environment that runs the tests, the
    project itself is not: a path file inside a lent folder is not read, so that the
    checkout cannot be found through it.
    """
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment, folder=environment)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    python = environment / "bin" / "python"
    install = ["install", "--quiet", "--no-index", "--no-deps", str(wheel)]
    run(*pip, "--python", python, *install, folder=environment)
    (packages,) = environment.glob("lib/python*/site-packages")
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)))
    return environment / "bin"


@pytest.mark.parametrize("folder", ["sql", "notebooks"])
def test_wheel_carries_what_lies_beside_the_package(wheel: Path, folder: str) -> None:
    """Every query, reference table and notebook of the checkout is in the wheel."""
    here = {
        f"streams/shipped/{path.relative_to(ROOT)}"
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".sql", ".csv", ".ipynb", ".py"}
        and ".ipynb_checkpoints" not in path.parts
    }

    assert here
    assert here <= set(zipfile.ZipFile(wheel).namelist())


def test_wheel_carries_nothing_but_the_package(wheel: Path) -> None:
    """Tests, tools and documents of the checkout are not shipped."""
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert tops == {"streams", "undelivered-0.1.0.dist-info"}


def test_program_and_its_queries_come_from_the_wheel(
    programs: Path, tmp_path: Path
) -> None:
    """Nothing is read from the checkout, wherever the program is started."""
    ask = "from streams import reference as r; print(r.__file__, r.shipped('sql'))"

    module, queries = run(programs / "python", "-c", ask, folder=tmp_path).split()

    assert Path(module).is_relative_to(programs.parent)
    assert Path(queries).is_relative_to(programs.parent)


def test_installed_program_lists_its_reports(programs: Path, tmp_path: Path) -> None:
    """`undelivered reports` names each report of sql/reports, and its question."""
    listed = run(
        programs / "undelivered", "reports", "--format", "json", folder=tmp_path
    )

    reports = {row["name"]: row["question"] for row in json.loads(listed)}
    assert reports.keys() == {path.stem for path in ROOT.glob("sql/reports/*.sql")}
    assert all(reports.values())


def test_installed_program_knows_its_version(programs: Path, tmp_path: Path) -> None:
    """The version comes from the wheel's own metadata."""
    said = run(programs / "undelivered", "--version", folder=tmp_path)

    assert said == "undelivered 0.1.0\n"
