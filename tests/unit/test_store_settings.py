"""Where the archive lies, by settings; what of it is shown, and who is told of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from streams.archive import bucket, site, store_options
from streams.archive.place import Folder
from streams.archive.stored_file import StoredFile
from streams.settings import ConfigurationError, load, variables

SECRET = "do-not-show"  # noqa: S105 - of nobody


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("UNDELIVERED_ARCHIVE", "UNDELIVERED_STORAGE_OPTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)


def test_without_a_store_the_tables_are_in_the_data_folder(tmp_path: Path) -> None:
    """As they always were."""
    place = site.of(load(data_dir=tmp_path)).table("callbacks")

    assert isinstance(place, Folder)
    assert place.path == tmp_path / "archive" / "callbacks"
    assert place.options is None


@pytest.mark.parametrize(
    "url",
    ["s3://b", "s3://b/some/prefix/", "gs://b/x", "az://c/x", "abfss://c@a.net/x"],
)
def test_an_address_of_a_store_is_taken(url: str) -> None:
    """With or without a prefix."""
    assert load(archive=url).archive == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["/srv/archive", "http://b/x", "s3://", "s3://b/a=b", "s3://b//x", "s3://b/x y"],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    """One sentence names the setting and the way to name a folder."""
    with pytest.raises(ConfigurationError, match=r"--archive.*folder by data_dir"):
        load(archive=url)


@pytest.mark.parametrize("text", ["x", "[1]", '{"a": ', f'"{SECRET}"'])
def test_options_that_are_no_object_are_refused_unseen(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may hold a secret: what was given is not said."""
    monkeypatch.setenv("UNDELIVERED_STORAGE_OPTIONS", text)

    with pytest.raises(ConfigurationError, match="STORAGE_OPTIONS") as raised:
        load()

    assert text not in str(raised.value).replace("is no JSON object", "")


def test_options_are_passed_on_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children of the stack have them; a printed setting or site has not."""
    given = f'{{"AWS_SECRET_ACCESS_KEY": "{SECRET}", "AWS_ALLOW_HTTP": true}}'
    monkeypatch.setenv("UNDELIVERED_STORAGE_OPTIONS", given)

    settings = load(archive="s3://b/x")
    where = site.of(settings)

    assert where.options == {"AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ALLOW_HTTP": "true"}
    passed = variables(settings)
    assert passed["UNDELIVERED_STORAGE_OPTIONS"] == given
    assert passed["UNDELIVERED_ARCHIVE"] == "s3://b/x"
    assert SECRET not in f"{settings!r}{where!r}{where}"


def test_options_are_split_by_what_they_are_of() -> None:
    """Those that delta-rs alone knows are left out."""
    found = store_options.split(
        {
            "AWS_REGION": "x",
            "AWS_ALLOW_HTTP": "true",
            "timeout": "9s",
            "max_retries": "2",
            "retry_timeout": "3s",
            "AWS_S3_LOCKING_PROVIDER": "dynamodb",
        }
    )

    assert found.config == {"aws_region": "x"}
    assert found.client == {"allow_http": "true", "timeout": "9s"}
    assert found.retries == {"max_retries": 2, "retry_timeout": timedelta(seconds=3)}


@pytest.mark.parametrize("options", [{"max_retries": "x"}, {"retry_timeout": "soon"}])
def test_retries_that_are_none_are_refused(options: dict[str, str]) -> None:
    """In a sentence that says what to give."""
    with pytest.raises(ConfigurationError, match="give max_retries a number"):
        store_options.split(options)


def test_an_option_that_nobody_knows_is_refused() -> None:
    """A misspelt one would else do nothing."""
    table = bucket.Bucket("s3://b/x", {"AWS_REGOIN": "x"})

    with pytest.raises(ConfigurationError, match="aws_regoin"):
        table.names("")


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            (
                "Generic S3 error\n<Error><Code>NoSuchBucket</Code>\n"
                "<Message>It is not there.</Message></Error>"
            ),
            "the store answers NoSuchBucket: It is not there",
        ),
        (
            (
                "Error\n \x1b[31m\u21b3\x1b[0m performing "
                f"GET https://a.net/b?sig={SECRET} in 2ms\n\nDebug source:\nGeneric {{"
            ),
            "Error performing GET https://a.net/b in 2ms",
        ),
    ],
)
def test_what_a_store_says_is_one_line(said: str, shown: str) -> None:
    """Without colours, XML, details, and what is signed in an address."""
    assert bucket.reason(said) == shown


def test_a_file_is_read_from_any_place() -> None:
    """Each read asks for its bytes and no others; none beyond the end."""
    asked: list[tuple[int, int]] = []

    def fetch(begin: int, end: int) -> bytes:
        asked.append((begin, end))
        return b"0123456789"[begin:end]

    file = StoredFile(fetch, 10)

    assert (file.read(3), file.tell()) == (b"012", 3)
    assert (file.seek(-2, 2), file.read()) == (8, b"89")
    assert file.read(5) == b""
    assert (file.seek(4), file.seek(1, 1), file.read(99)) == (4, 5, b"56789")
    assert asked == [(0, 3), (8, 10), (5, 10)]
