"""What is in a file of history: recognised by its content, and taken apart."""

import gzip
import io
import json
import sys
from pathlib import Path

import cramjam
import pytest

from streams.intake.importing import formats, sources
from streams.intake.importing.formats import Kind, body_of
from streams.settings import ConfigurationError
from tests.hostile import CORPUS
from tests.strategies import SAMPLES

ONE = b'{"type":"message-failed","message":{"id":"m1"}}'
TWO = b'{"type":"message-sent","message":{"id":"m2"}}'


def read(path: Path | str) -> tuple[Kind, list[tuple[int, bytes]], list[str]]:
    """Return what a file is, its bodies by line, and what is wrong with it."""
    (source,) = sources.find([str(path)])
    found: list[tuple[int, bytes]] = []
    problems: list[str] = []
    with sources.opened(source) as opened:
        content = formats.content_of(
            opened.read, lambda line, size: problems.append(f"{line}: {size} bytes")
        )
        try:
            for lines in content.lines:
                found += enumerate(lines.bodies, lines.first)
        except sources.UnusableError as error:
            problems.append(str(error))
    return content.kind, [(n, body) for n, body in found if body], problems


def written(folder: Path, content: bytes, name: str = "file") -> Path:
    """Write a file; its name says nothing about what is in it."""
    path = folder / name
    path.write_bytes(content)
    return path


LOG_TEXT = json.dumps({"status": 200, "body": (b"[" + ONE + b"]").decode()}).encode()
LOG_OBJECT = b'{"path":"/callbacks","body": [' + ONE + b"]}"
FORMS = {
    "one body": (b"[" + ONE + b"]", Kind.BODY, [(1, b"[" + ONE + b"]")]),
    "a pretty body": (b"[\n  {}\n]\n", Kind.BODY, [(1, b"[\n  {}\n]\n")]),
    "a broken pretty body": (b'[\n  {"a":\n]', Kind.BODY, [(1, b'[\n  {"a":\n]')]),
    "words": (b"no JSON\nat all\n", Kind.BODY, [(1, b"no JSON\nat all\n")]),
    "bodies": (
        b"[" + ONE + b"]\n[" + TWO + b"]",
        Kind.BODIES,
        [(1, b"[" + ONE + b"]"), (2, b"[" + TWO + b"]")],
    ),
    "callbacks": (ONE + b"\n\n" + TWO, Kind.CALLBACKS, [(1, ONE), (3, TWO)]),
    "one log line": (LOG_OBJECT, Kind.BODY, [(1, b"[" + ONE + b"]")]),
    "log lines": (
        LOG_TEXT + b"\n" + LOG_OBJECT + b'\n{"status":404,"body":null}\n',
        Kind.LOG,
        [(1, b"[" + ONE + b"]"), (2, b"[" + ONE + b"]")],
    ),
    "a log of requests without a body": (
        b'{"body":""}\n' + LOG_TEXT,
        Kind.LOG,
        [(2, b"[" + ONE + b"]")],
    ),
    "all kinds of lines": (
        ONE + b"\n" + LOG_TEXT + b"\nnonsense\n",
        Kind.CALLBACKS,
        [(1, ONE), (2, b"[" + ONE + b"]"), (3, b"nonsense")],
    ),
    "mostly broken lines": (
        b"nonsense\n{\n[\n" + ONE + b'\n{"a":\n',
        Kind.CALLBACKS,
        [(1, b"nonsense"), (2, b"{"), (3, b"["), (4, ONE), (5, b'{"a":')],
    ),
    "one callback a line of one body": (
        b"[\n" + ONE + b",\n" + TWO + b",\n" + ONE + b",\n",
        Kind.BODY,
        [(1, b"[\n" + ONE + b",\n" + TWO + b",\n" + ONE + b",\n")],
    ),
    "one callback a line of one body, cut off": (
        b"[\n" + ONE + b",\n" + TWO + b",\n" + ONE + b"\n",
        Kind.BODY,
        [(1, b"[\n" + ONE + b",\n" + TWO + b",\n" + ONE + b"\n")],
    ),
    "a BOM": (
        b"\xef\xbb\xbf" + ONE + b"\r\n" + TWO,
        Kind.CALLBACKS,
        [(1, ONE + b"\r"), (2, TWO)],
    ),
    "nothing": (b"", Kind.EMPTY, []),
    "blanks": (b" \r\n\n", Kind.EMPTY, []),
}


@pytest.mark.parametrize("packing", ["none", "gzip", "zstd", "gzip in two parts"])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_is_recognised_by_its_content(
    tmp_path: Path, form: str, packing: str
) -> None:
    """Each form, packed or not, gives its bodies with their lines."""
    content, kind, expected = FORMS[form]
    packed = {
        "none": lambda: content,
        "gzip": lambda: gzip.compress(content),
        "zstd": lambda: bytes(cramjam.zstd.compress(content)),
        "gzip in two parts": lambda: (
            gzip.compress(content[:7]) + gzip.compress(content[7:])
        ),
    }[packing]()

    assert read(written(tmp_path, packed)) == (kind, expected, [])


@pytest.mark.parametrize("body", SAMPLES)
def test_a_documented_body_is_one_body(tmp_path: Path, body: bytes) -> None:
    """The provider's own examples, pretty or broken, are a body each, unchanged."""
    assert read(written(tmp_path, body)) == (Kind.BODY, [(1, body)], [])


@pytest.mark.parametrize("body", CORPUS.values(), ids=CORPUS.keys())
def test_a_hostile_line_leaves_its_neighbours_alone(
    tmp_path: Path, body: bytes
) -> None:
    """What stands between two good lines cannot take them with it."""
    lines = body.split(b"\n")
    content = b"\n".join([ONE, *lines, TWO])

    kind, found, problems = read(written(tmp_path, content))

    between = [(n, body_of(line)) for n, line in enumerate(lines, 2) if line]
    last = (len(lines) + 2, TWO)
    assert (kind, found, problems) == (Kind.CALLBACKS, [(1, ONE), *between, last], [])


def test_lines_are_whole_wherever_a_read_ends(tmp_path: Path) -> None:
    """Lines that are longer and shorter than what is read at once come whole."""
    lines = [b'{"n":%d,"x":"%b"}' % (n, b"x" * (n * 7919 % 150_000)) for n in range(60)]

    kind, found, _ = read(written(tmp_path, b"\n".join(lines)))

    assert kind is Kind.CALLBACKS
    assert found == list(enumerate(lines, 1))


def test_a_line_that_never_ends_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named, and the lines around it are read."""
    monkeypatch.setattr(formats, "LONGEST_BYTES", 1 << 20)
    content = ONE + b"\n" + b"x" * (3 << 20) + b"\n" + TWO

    _, found, problems = read(written(tmp_path, content))

    assert found == [(1, ONE), (3, TWO)]
    assert [problem.split(":")[0] for problem in problems] == ["2"]


def test_a_large_file_that_is_no_lines_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would have to be held as a whole; the sentence says what to do."""
    monkeypatch.setattr(formats, "LONGEST_BYTES", 1 << 20)
    content = b"[\n" + (ONE + b",\n") * 50_000 + TWO + b"\n]"

    with pytest.raises(sources.UnusableError, match="jq -c"):
        read(written(tmp_path, content))


@pytest.mark.parametrize(
    ("magic", "words"),
    [(b"PK\x03\x04", "zip"), (b"BZh9", "bzip2"), (b"\xfd7zXZ\x00", "xz")],
)
def test_what_is_packed_otherwise_is_named(
    tmp_path: Path, magic: bytes, words: str
) -> None:
    """A packed file is not parked as if somebody had sent it."""
    with pytest.raises(sources.UnusableError, match=f"{words}.*unpack it first"):
        read(written(tmp_path, magic + b"\x00" * 100))


@pytest.mark.parametrize("count", [5_000, 30_000])
@pytest.mark.parametrize("damage", ["cut off", "junk after it"])
def test_what_comes_before_damage_is_read(
    tmp_path: Path, damage: str, count: int
) -> None:
    """A packed file that is damaged gives its beginning, but for the last 64 KiB."""
    line = b'{"n":%d,"type":"t","message":{"id":"%d"}}'
    drawn = [line % (n, n * 7919 % 10_007) for n in range(count)]
    packed = gzip.compress(b"\n".join(drawn))
    is_cut = damage == "cut off"
    damaged = packed[: len(packed) // 2] if is_cut else packed + b"junk"

    _, found, problems = read(written(tmp_path, damaged))

    assert len(problems) == 1
    assert found == list(enumerate(drawn, 1))[: len(found)]
    assert len(found) > (count / 4 if is_cut else count - 2_000)


def test_a_folder_gives_its_files_in_order(tmp_path: Path) -> None:
    """Folders within are read too; hidden files are not."""
    for name in ("b/2", "a/10", "a/1", ".hidden", "b/.git/x", "c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(ONE)

    found = [Path(s.name).relative_to(tmp_path) for s in sources.find([str(tmp_path)])]

    assert [str(path) for path in found] == ["a/1", "a/10", "b/2", "c"]


def test_a_file_is_named_wherever_it_is_imported_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file has the same name: what it parked is found again."""
    path = written(tmp_path, ONE)
    monkeypatch.chdir(tmp_path)

    assert sources.find(["./file"]) == sources.find([str(path)])


def test_a_path_that_is_not_there_is_an_error() -> None:
    """Before anything is sent."""
    with pytest.raises(ConfigurationError, match=r"/no/such does not exist"):
        sources.find(["/no/such"])


def test_standard_input_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Packed or not, and named ``-``."""
    path = written(tmp_path, gzip.compress(ONE + b"\n" + TWO))
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        kind, found, problems = read("-")
        sys.stdin.close()

    assert (kind, found, problems) == (Kind.CALLBACKS, [(1, ONE), (2, TWO)], [])


UNLOGGED = [
    ONE,
    b'{"type":"t","message":{"id":"m"},"body":"[]"}',  # a callback all the same
    b'{"body":7}',
    b'{"body":"\\ud800"}',
    b'{"other":{"body":"[]"}}',
    b'{"body":"[]"',
    b'["body"]',
]


@pytest.mark.parametrize("line", UNLOGGED)
def test_a_line_without_a_body_is_its_own(line: bytes) -> None:
    """It is read, or parked, as it stands."""
    assert body_of(line) is line


def test_a_log_line_may_have_a_message_of_its_own() -> None:
    """What a gateway notes in ``message`` is no callback's message."""
    line = json.dumps({"message": "POST", "type": "access", "body": "[1]"}).encode()

    assert body_of(line) == b"[1]"
