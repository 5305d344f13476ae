"""What an import sends: all elements, unchanged, each in its partition's records."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import topics
from streams.archive import known
from streams.core import identity
from streams.core.callbacks import decode
from streams.core.outline import outline
from streams.intake.importing.batches import Batch, batches
from streams.intake.importing.formats import Lines
from streams.intake.importing.gathering import Counts, Gatherer, Outgoing
from streams.intake.lane import GATHERED_BYTES
from tests.hostile import CORPUS
from tests.strategies import bodies

PARTITIONS = 8
NOTHING = known.nothing()
CALLBACK = b'{"type":"message-failed","to":"+1","message":{"id":"m%d"}}'


def gathered(
    wanted: list[bytes], has: known.Known = NOTHING
) -> tuple[list[Outgoing], Counts, list[str]]:
    """Return the records that one file of bodies becomes, and what was left out."""
    sent: list[Outgoing] = []
    too_long: list[str] = []
    gatherer = Gatherer(PARTITIONS, has, sent.append, lambda at, _: too_long.append(at))
    parts = [
        ("file", Lines(first + 1, wanted[first : first + 100]))
        for first in range(0, len(wanted), 100)
    ]
    for batch in batches(iter(parts)):
        gatherer.add(batch)
    gatherer.flush()
    return sent, gatherer.counts, too_long


def identities(wanted: list[bytes]) -> identity.Hashes:
    """Return what the archive knows of bodies once a worker has read them."""
    rows = pa.Table.from_batches(decode(wanted))
    return np.sort(identity.hashes(rows.filter(rows["problem"].is_null())))


def assert_all_is_sent(wanted: list[bytes]) -> None:
    """Read the records as a worker does; each element is there, where it belongs."""
    sent, counts, _ = gathered(wanted)
    expected = [
        (
            topics.partition_of(
                e.content if e.message_id is None else e.message_id.encode(), PARTITIONS
            ),
            e.content.strip(),
            f"file:{line}" if e.problem else None,
        )
        for line, body in enumerate(wanted, 1)
        if body.strip()
        for e in outline(body)
    ]
    found = [
        (outgoing.record.partition, e.content.strip(), outgoing.origin)
        for outgoing in sent
        for e in outline(outgoing.record.value)
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
    assert counts.parked == sum(origin is not None for *_, origin in expected)
    assert counts.callbacks == len(expected) - counts.parked


@pytest.mark.parametrize("body", CORPUS.values(), ids=CORPUS.keys())
def test_a_hostile_body_is_sent_whole(body: bytes) -> None:
    """Each body of the corpus, between two good ones, loses nothing."""
    assert_all_is_sent([CALLBACK % 1, body, CALLBACK % 2])


@given(st.lists(bodies, max_size=6))
def test_any_bodies_are_sent_whole(wanted: list[bytes]) -> None:
    """Every element is in the record of its partition, its bytes unchanged."""
    assert_all_is_sent(wanted)


@given(st.lists(bodies, min_size=1, max_size=6))
def test_what_is_archived_is_left_out(wanted: list[bytes]) -> None:
    """After a first run that was archived, a second sends nothing that it sent."""
    first, counts, _ = gathered(wanted)
    parked = [
        (row["raw"], outgoing.origin or "")
        for outgoing in first
        for batch in decode([outgoing.record.value])
        for row in batch.to_pylist()
        if row["problem"]
    ]
    has = known.Known(
        identities([outgoing.record.value for outgoing in first] or [b"null"]),
        np.unique(
            np.array([known.parked_hash(at, raw) for raw, at in parked], np.uint64)
        ),
    )

    second, again, _ = gathered(wanted, has)

    assert second == []
    assert again.already_archived == counts.callbacks
    assert again.already_parked == counts.parked


def test_what_is_not_archived_is_sent() -> None:
    """Only what the archive has is left out; copies within the run are sent."""
    lines = [CALLBACK % number for number in range(100)]
    has = known.Known(identities(lines[:40]), np.empty(0, np.uint64))

    sent, counts, _ = gathered(lines + lines, has)

    found = [e.content for o in sent for e in outline(o.record.value)]
    assert sorted(found) == sorted(lines[40:] * 2)
    assert (counts.callbacks, counts.already_archived) == (200, 80)


def test_what_was_parked_elsewhere_is_parked_here() -> None:
    """The same bytes in another line are another dead letter."""
    has = known.Known(
        np.empty(0, np.uint64),
        np.array([known.parked_hash("file:1", b"null")], np.uint64),
    )

    sent, counts, _ = gathered([b"null", b"null"], has)

    assert [(o.origin, o.record.value) for o in sent] == [("file:2", b"null")]
    assert (counts.parked, counts.already_parked) == (1, 1)


def test_what_was_parked_is_known_when_its_bytes_are_gone() -> None:
    """The archive keeps raw bytes for a time only; the place is enough then."""
    has = known.Known(
        np.empty(0, np.uint64),
        np.array([known.parked_hash("file:1", None)], np.uint64),
    )

    sent, _, _ = gathered([b"null", b"null"], has)

    assert [outgoing.origin for outgoing in sent] == ["file:2"]


def test_records_hold_many_callbacks_and_not_too_many() -> None:
    """They are filled up to 256 KiB."""
    lines = [CALLBACK % number for number in range(100_000)]

    sent, _, _ = gathered(lines)

    sizes = [len(outgoing.record.value) for outgoing in sent]
    assert max(sizes) <= GATHERED_BYTES + 2
    assert sum(size > GATHERED_BYTES * 0.8 for size in sizes) > len(sizes) // 2
    assert sum(outgoing.elements for outgoing in sent) == len(lines)


def test_a_large_callback_is_a_record_of_its_own() -> None:
    """One that no record can hold is named and left out."""
    large = CALLBACK[:-2] % 1 + b',"tag":"%b"}}'
    lines = [CALLBACK % 1, large % (b"x" * 1_900_000), large % (b"x" * 2_100_000)]

    sent, _, too_long = gathered(lines)

    assert sorted(len(o.record.value) for o in sent)[1] > 1_900_000
    assert len(sent) == 2
    assert too_long == ["file:3"]


def test_a_deep_callback_is_a_record_of_its_own() -> None:
    """In an array with others it would be too deep to read, and they with it."""
    deep = CALLBACK[:-2] % 1 + b',"x":%b%b}}' % (b"[" * 98, b"]" * 98)
    assert outline(deep)[0].problem is None

    assert_all_is_sent([CALLBACK % 1, deep, CALLBACK % 1])


@pytest.mark.parametrize("size", [10, 300_000])
def test_a_record_of_its_own_is_left_out_when_archived(size: int) -> None:
    """However it would be sent, what the archive has is not."""
    deep = CALLBACK[:-2] % 1 + b',"x":"%b","y":%b%b}}'
    lines = [deep % (b"x" * size, b"[" * 90, b"]" * 90)]
    has = known.Known(identities(lines), np.empty(0, np.uint64))

    assert len(gathered(lines)[0]) == 1
    assert gathered(lines, has)[0] == []


def test_places_are_those_of_the_files() -> None:
    """Lines of several files are in one batch; each is named by its own."""
    files = [("a", Lines(1, [b"", b"1"])), ("b", Lines(7, [b"2"])), ("a", Lines(3, []))]

    (batch,) = batches(iter(files))

    assert isinstance(batch, Batch)
    assert [batch.origin(place) for place in range(3)] == ["a:1", "a:2", "b:7"]


def test_the_first_parked_are_told() -> None:
    """With their place and what is wrong; not all of them."""
    _, counts, _ = gathered([b"nonsense"] * 9)

    assert counts.parked == 9
    assert len(counts.places) == 5
    assert counts.places[0].startswith("file:1: not JSON, ")
