"""The files of ``sql/``: what their headers say, and the order in which they build.

A file begins with comment lines ``-- key: text``; a line that is indented goes on with
the text of the one before. The first key is the kind, its text the name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import takewhile
from pathlib import Path

from streams.reference import shipped

# What a connection loads, in this order of layers; reports and checks are asked for.
LOADED = ("view", "table", "macros")
KINDS = (*LOADED, "report", "check", "note", "command")

_LINE = re.compile(r"-- (?P<key>[a-z]+):\s*(?P<text>.*)")


class HeaderError(Exception):
    """A file of ``sql/`` has a header that cannot be read; the message says which."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a header describes it: DuckDB's type, and meaning with its unit."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Query:
    """One file of ``sql/``: its header, and its SQL with the header in it.

    Attributes:
        time: Of a report, which time its period is of, such as ``event time``.
        history: Of a report, how long before its period it reads, such as ``14 days``.
        beyond: Of a report, how long after its period it reads.
        sums: Of a report of counts, over what it may read sums: ``day`` where it asks
            for no time but those of its parameters and windows.
    """

    kind: str
    name: str
    question: str
    grain: str
    counts: str
    depends: tuple[str, ...]
    params: tuple[str, ...]
    columns: tuple[Column, ...]
    notes: str
    checks: tuple[str, ...]
    sql: str
    time: str = ""
    history: str = ""
    beyond: str = ""
    sums: str = ""


def parse(text: str) -> Query:
    """Read one query.

    Args:
        text: Content of the file.

    Raises:
        HeaderError: The header lacks what every header has, or has an unknown key.
    """
    entries = list(_entries(text))
    if not entries or entries[0][0] not in KINDS:
        raise HeaderError(f"must begin with one of {', '.join(KINDS)}: {text[:60]!r}")
    kind, name = entries[0]
    fields: dict[str, list[str]] = {}
    for key, value in entries[1:]:
        fields.setdefault(key, []).append(value)
    known = {
        "question",
        "grain",
        "counts",
        "depends",
        "params",
        "columns",
        "notes",
        "check",
        "time",
        "history",
        "beyond",
        "sums",
        "source",
    }
    if unknown := fields.keys() - known:
        raise HeaderError(f"{name}: unknown keys {sorted(unknown)}")
    if "question" not in fields or "depends" not in fields:
        raise HeaderError(f"{name}: needs a question and what it depends on")
    return Query(
        kind=kind,
        name=name,
        question=_prose(fields, "question"),
        grain=_prose(fields, "grain"),
        counts=_prose(fields, "counts"),
        depends=tuple(_items(_prose(fields, "depends"))),
        params=tuple(_param(line) for line in _lines(fields, "params")),
        columns=tuple(_column(name, line) for line in _lines(fields, "columns")),
        notes=_prose(fields, "notes"),
        checks=tuple(" ".join(check.split()) for check in fields.get("check", ())),
        sql=text,
        time=_prose(fields, "time"),
        history=_prose(fields, "history"),
        beyond=_prose(fields, "beyond"),
        sums=_prose(fields, "sums"),
    )


def _entries(text: str) -> Iterator[tuple[str, str]]:
    """Yield the header's keys with their texts, lines kept apart."""
    key, lines = "", list[str]()
    for line in takewhile(lambda line: line.startswith("--"), text.splitlines()):
        if match := _LINE.fullmatch(line):
            if key:
                yield key, "\n".join(lines).strip()
            key, lines = match["key"], [match["text"]]
        else:
            lines.append(line.removeprefix("--").strip())
    if key:
        yield key, "\n".join(lines).strip()


def _prose(fields: Mapping[str, list[str]], key: str) -> str:
    return " ".join(" ".join(fields.get(key, ())).split())


def _lines(fields: Mapping[str, list[str]], key: str) -> list[str]:
    return [line for text in fields.get(key, ()) for line in text.splitlines() if line]


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _param(line: str) -> str:
    return line.split(maxsplit=1)[0].removeprefix("$")


def _column(query: str, line: str) -> Column:
    parts = [part.strip() for part in line.split("|")]
    try:
        name, type_, meaning = parts
    except ValueError as error:
        raise HeaderError(
            f"{query}: a column is name | type | meaning: {line}"
        ) from error
    return Column(name, type_, meaning)


@cache
def shipped_queries() -> Mapping[str, Query]:
    """Read all files of ``sql/``, by name.

    Raises:
        HeaderError: A header cannot be read, or a file is not named as its query.
    """
    return {query.name: query for query in _read(shipped("sql"))}


def _read(folder: Path) -> Iterator[Query]:
    for path in sorted(folder.rglob("*.sql")):
        query = parse(path.read_text(encoding="utf-8"))
        if query.name != path.stem:
            raise HeaderError(
                f"{path.name} holds a query of another name: {query.name}"
            )
        yield query


def of_kind(kind: str) -> list[Query]:
    """Return the shipped queries of one kind, by name."""
    return [query for query in shipped_queries().values() if query.kind == kind]


def in_order(queries: Iterable[Query], made: Iterable[str] = ()) -> list[Query]:
    """Put queries after those they depend on.

    Args:
        queries: Queries to load.
        made: Names that exist without a file. What a file reads outside the database
            is written with a kind before it, such as ``variable callbacks_files``, and
            needs no order.

    Raises:
        HeaderError: A query depends on one that does not exist, or on itself.
    """
    by_name = {query.name: query for query in queries}
    exists = {*by_name, *made}
    for query in by_name.values():
        for name in query.depends:
            if " " not in name and name not in exists:
                raise HeaderError(f"{query.name} depends on {name}, which is not there")
    graph = {
        query.name: {name for name in query.depends if name in by_name}
        for query in by_name.values()
    }
    try:
        return [by_name[name] for name in TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise HeaderError(f"queries depend on each other: {error.args[1]}") from error
