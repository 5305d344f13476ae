"""Documents and program agree: what one says, the other does."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from streams.cli import app
from streams.settings import DEFAULT_PORTS, ENVIRONMENT_PREFIX, Settings
from tools import settings_page

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
SECTIONS = [
    "Status",
    "Context",
    "Decision",
    "Consequences",
    "Rejected alternatives",
]
# Options of other programs that the README shows.
FOREIGN_OPTIONS = {"--build", "--wait"}


def where(path: Path) -> str:
    """Name a file from the project's folder."""
    return str(path.relative_to(ROOT))


def commands() -> dict[str, Any]:
    """Return the program's commands by name, such as ``dead-letters list``."""
    return dict(commands_of(typer.main.get_command(app)))


def commands_of(group: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - click's
    """Yield the commands of a group, and of the groups in it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            for inner, each in commands_of(command):
                yield f"{name} {inner}", each
        else:
            yield name, command


def options(command: Any) -> set[str]:  # noqa: ANN401 - click's, which typer carries
    """Return a command's options as they are typed."""
    return {
        name
        for parameter in command.params
        for name in parameter.opts
        if name.startswith("--")
    }


def targets() -> dict[str, str]:
    """Return each target that `make` lists, and its line of help."""
    return dict(re.findall(r"^([a-z-]+):.*## (.+)$", MAKEFILE, re.MULTILINE))


# --- The commands --------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(commands()))
def test_each_command_is_in_the_readme(name: str) -> None:
    """The README's table of commands is whole."""
    assert re.search(rf"^\| `undelivered {name}\b", README, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(commands()))
def test_each_command_and_option_has_help(name: str) -> None:
    """`--help` says what a command and each of its options is for."""
    command = commands()[name]

    assert command.help
    missing = [each.name for each in command.params if not getattr(each, "help", "")]
    assert missing == []


def test_each_command_in_a_page_exists() -> None:
    """No page shows a command that the program does not have."""
    shown = {
        (where(page), name)
        for page in PAGES
        for name in re.findall(
            r"(?:^\$ |`|exec worker )undelivered ([a-z][a-z-]*)",
            page.read_text(),
            re.MULTILINE,
        )
    }

    known = {name.split()[0] for name in commands()}
    assert [each for each in sorted(shown) if each[1] not in known] == []


def test_each_option_in_the_readme_exists() -> None:
    """No option is shown that no command has."""
    known = set().union(*(options(command) for command in commands().values()))
    shown = set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", README))

    assert shown - FOREIGN_OPTIONS - {"--help"} - known == set()


@pytest.mark.parametrize(
    "line", re.findall(r"^\$ undelivered .*$", README, re.MULTILINE)
)
def test_each_command_line_in_the_readme_is_understood(line: str) -> None:
    """What the README tells a reader to type, the program parses."""
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
    size = 1 if words[2] in commands() else 2
    name, arguments = " ".join(words[2 : 2 + size]), words[2 + size :]

    assert commands()[name].make_context(name, arguments).params


def test_each_report_in_the_readme_exists() -> None:
    """The README asks for reports that there are."""
    named = set(re.findall(r"undelivered report ([a-z_]+)", README))

    assert named
    assert named <= {path.stem for path in (ROOT / "sql" / "reports").glob("*.sql")}


def test_each_view_in_the_readme_exists() -> None:
    """The README's table of views names files of sql/."""
    table = README.split("| view | one row for each |")[1].split("\n\n")[0]
    named = set(re.findall(r"`([a-z_]+)`", table))
    views = {
        path.stem
        for room in ("staging", "marts")
        for path in (ROOT / "sql" / room).glob("*.sql")
    }

    assert named
    assert named <= views


# --- The settings --------------------------------------------------------------------


def test_settings_page_is_current() -> None:
    """docs/settings.md is what `make docs` would write."""
    assert settings_page.PAGE.read_text() == settings_page.page()


def test_each_setting_has_a_meaning() -> None:
    """A setting without a description would be an empty line of the page."""
    without = [
        name
        for name, field in Settings.model_fields.items()
        if not (field.description or "").endswith(".")
    ]

    assert without == []


@pytest.mark.parametrize("page", PAGES, ids=where)
def test_each_variable_in_a_page_is_a_setting(page: Path) -> None:
    """No page tells to set a variable that nobody reads."""
    known = {ENVIRONMENT_PREFIX + name.upper() for name in Settings.model_fields}
    shown = set(re.findall(rf"\b{ENVIRONMENT_PREFIX}[A-Z_]+\b", page.read_text()))

    assert shown <= known


@pytest.mark.parametrize("process", ["receiver", "worker", "kafka"])
def test_ports_in_the_readme_are_the_defaults(process: str) -> None:
    """The README's ports are those that the program opens."""
    assert re.search(
        rf"\b{DEFAULT_PORTS[process]} for\s+(the )?{process}", README, re.IGNORECASE
    )
    shown = set(re.findall(r"127\.0\.0\.1:(\d+)", README))
    assert shown <= {str(port) for port in DEFAULT_PORTS.values()}
    assert str(DEFAULT_PORTS["receiver"]) in shown


# --- make ----------------------------------------------------------------------------


def test_each_target_has_a_line_of_help() -> None:
    """What is not a file is listed by `make`, with what it does."""
    phony = re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE)

    assert set(phony) == targets().keys()
    assert all(text.endswith(".") for text in targets().values())


@pytest.mark.parametrize("page", PAGES, ids=where)
def test_each_target_in_a_page_exists(page: Path) -> None:
    """No page tells to make what make does not know."""
    shown = re.findall(r"(?:^\$ |`)make ([a-z-]+)", page.read_text(), re.MULTILINE)

    assert set(shown) <= targets().keys()


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """What is tested for each change is what a reader is told to run."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()

    (command,) = [line for line in lines if line.startswith("make ")]
    assert command.split(" 2>&1")[0] == "make test"
    assert "set -euo pipefail" in lines
    assert re.search(r"^\$ make test\b", README, re.MULTILINE)


# --- The pages -----------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=where)
def test_links_lead_somewhere(page: Path) -> None:
    """Each link to a file of the project, or to a heading in one, finds it."""
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("page", DECISIONS, ids=where)
def test_decision_has_its_sections(page: Path) -> None:
    """A decision says what was rejected, not only what was chosen."""
    text = page.read_text()

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == SECTIONS
    assert text.startswith(f"# {page.name[:4]}: ")


def test_decisions_are_numbered_and_listed() -> None:
    """No number is missing or taken twice, and the list has each page."""
    page = (ROOT / "docs" / "decisions" / "README.md").read_text()
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", page)

    assert listed == [page.name for page in DECISIONS]
    assert [int(name[:4]) for name in listed] == list(range(1, len(listed) + 1))


def package_names() -> list[str]:
    """Return the packages that pyproject.toml asks for, without version and extras."""
    project = PROJECT["project"]
    groups = [
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    asked = [entry for group in groups for entry in group if isinstance(entry, str)]
    return [re.split(r"[\[=<>~!; ]", entry)[0] for entry in asked]


@pytest.mark.parametrize("package", package_names())
def test_each_dependency_has_its_reason(package: str) -> None:
    """A package is not added without saying why it is worth its code."""
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text()
    named = {
        name.strip()
        for row in re.findall(r"^\| ([^|]+) \|", page, re.MULTILINE)
        for name in row.split(",")
    }

    assert package in named


def test_changelog_has_room_for_what_comes() -> None:
    """The newest section is the unreleased one, then come versions."""
    headings = re.findall(
        r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )

    assert headings[0] == "[Unreleased]"
    assert all(
        re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", each)
        for each in headings[1:]
    )


@pytest.mark.parametrize("path", TESTS, ids=where)
def test_each_test_says_what_is_true(path: Path) -> None:
    """A test that fails tells its reader, in a sentence, what no longer holds."""
    silent = [
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").rstrip().endswith(".")
    ]

    assert silent == []
