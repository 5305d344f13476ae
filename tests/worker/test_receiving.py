"""Kafka's answers are received as asyncio and aiokafka receive them, only quicker."""

import asyncio
import inspect
import re
from asyncio import StreamReader
from collections.abc import Iterable

import pytest
from aiokafka import AIOKafkaConsumer, client, conn
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from streams.worker.receiving import CheckedRecords, Pieces, receive_quickly

SUM_AT = 17  # then all that it is of


def batch(offset: int, values: Iterable[bytes], compression: int = 0) -> bytes:
    """Return a batch of records as a broker has it."""
    builder = DefaultRecordBatchBuilder(
        2,
        compression,
        is_transactional=False,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 20,
    )
    for number, value in enumerate(values):
        builder.append(number, 1_795_500_000_000, None, value, [("source", b"http")])
    content = builder.build()
    return offset.to_bytes(8) + bytes(content[8:])


def values_of(content: bytes) -> list[tuple[int, bytes]]:
    """Return offset and value of each record."""
    records = CheckedRecords(content)
    assert records.size_in_bytes() == len(content)
    found = []
    while records.has_next():
        found += [(r.offset, r.value) for r in records.next_batch()]
    return found


# ------------------------------------------------------------------------- pieces


@given(
    st.lists(st.binary(min_size=1, max_size=20), min_size=1),
    st.lists(st.integers(1, 40), min_size=1),
)
def test_what_is_read_is_what_was_received(
    received: list[bytes], sizes: list[int]
) -> None:
    """By however many bytes it comes and is asked for; what is left stays."""

    async def read(buffer: Pieces | None) -> list[bytes]:
        reader = StreamReader()
        if buffer is not None:
            reader._buffer = buffer  # type: ignore[attr-defined]
        found = []
        for content in received:
            reader.feed_data(content)
        reader.feed_eof()
        for size in sizes:
            try:
                found.append(await reader.readexactly(size))
            except asyncio.IncompleteReadError as error:
                found.append(error.partial)
        assert reader.at_eof() == (sum(sizes) >= sum(map(len, received)))
        return found

    expected = asyncio.run(read(None))
    assert asyncio.run(read(Pieces())) == expected
    assert asyncio.run(read(Pieces(b""))) == expected


def test_bytes_that_came_before_are_kept() -> None:
    """The buffer is changed while the connection is in use already."""
    pieces = Pieces(b"abc")
    pieces.extend(b"def")

    assert (len(pieces), bytes(pieces), pieces[:4]) == (6, b"abcdef", b"abcd")
    del pieces[:4]
    assert (len(pieces), bytes(pieces)) == (2, b"ef")
    pieces.clear()
    assert (len(pieces), bytes(pieces)) == (0, b"")


def test_asyncio_asks_its_buffer_for_nothing_else() -> None:
    """A version that uses it in another way fails here, and not in a worker."""
    used = "".join(
        inspect.getsource(function)
        for function in (
            StreamReader.feed_data,
            StreamReader.readexactly,
            StreamReader.at_eof,
            StreamReader._wait_for_data,  # type: ignore[attr-defined]
            StreamReader._maybe_resume_transport,  # type: ignore[attr-defined]
        )
    )
    known = (
        r"self\._buffer\.extend\(data\)",
        r"len\(self\._buffer\)",
        r"bytes\((memoryview\()?self\._buffer\)?(\[:n\])?\)",
        r"self\._buffer\.clear\(\)",
        r"del self\._buffer\[:n\]",
        r"not self\._buffer\b",
    )
    for pattern in known:
        used = re.sub(pattern, "", used)

    assert "_buffer" not in used


def test_aiokafka_reads_by_readexactly_alone() -> None:
    """And makes its connections in ``_get_conn``, whatever for."""
    reading = inspect.getsource(conn.AIOKafkaConnection._read)

    assert set(re.findall(r"reader\.(\w+)\(", reading)) == {"readexactly"}
    assert inspect.getsource(client).count("_conns[conn_id] = await create_conn(") == 1
    assert "await create_conn(" in inspect.getsource(client.AIOKafkaClient._get_conn)


async def test_connections_are_given_pieces_once() -> None:
    """Each time a connection is asked for it may be a new one."""
    consumer = AIOKafkaConsumer()
    reader = StreamReader()
    reader.feed_data(b"first")
    connection = type("Connection", (), {"_reader": reader})()
    connections = [None, connection, connection]

    async def get_conn(node: int, *, group: int) -> object:
        assert (node, group) == (1, 0)
        return connections.pop(0)

    consumer._client._get_conn = get_conn
    receive_quickly(consumer)

    assert await consumer._client._get_conn(1, group=0) is None
    assert await consumer._client._get_conn(1, group=0) is connection
    given = reader._buffer  # type: ignore[attr-defined]
    assert isinstance(given, Pieces)
    assert await consumer._client._get_conn(1, group=0) is connection
    assert reader._buffer is given  # type: ignore[attr-defined]
    assert await reader.readexactly(5) == b"first"
    await consumer.stop()


# ----------------------------------------------------------------------- checksums


@pytest.mark.parametrize("compression", [0, 1, 2, 3, 4])
def test_batches_are_taken_one_after_another(compression: int) -> None:
    """Also where Kafka cut the last one off."""
    first = batch(7, [b"a", b"b"], compression)
    second = batch(9, [b"c" * 5_000], compression)

    found = values_of(first + second + second[:30])

    assert found == [(7, b"a"), (8, b"b"), (9, b"c" * 5_000)]


@given(st.data())
def test_one_wrong_bit_is_noticed(data: st.DataObject) -> None:
    """Wherever it is; the batches before are good."""
    good, bad = batch(0, [b"good"]), bytearray(batch(1, [b"x" * 40, b"y"]))
    place = data.draw(st.integers(SUM_AT, len(bad) - 1))
    bad[place] ^= 1 << data.draw(st.integers(0, 7))
    records = CheckedRecords(good + bytes(bad))

    assert [r.value for r in records.next_batch()] == [b"good"]
    with pytest.raises(CorruptRecordException):
        records.next_batch()


def test_batches_of_the_old_format_are_checked_too() -> None:
    """Their sum is another one: aiokafka looks at it."""
    builder = LegacyRecordBatchBuilder(1, 0, 1 << 20)
    builder.append(0, timestamp=1_795_500_000_000, key=None, value=b"old")
    content = bytes(builder.build())

    assert values_of(content) == [(0, b"old")]
    with pytest.raises(CorruptRecordException):
        values_of(content[:-1] + b"?")


async def test_aiokafka_makes_its_batches_of_the_name_that_is_ours() -> None:
    """``receive_quickly`` puts ours there, and leaves the check to them."""
    code = inspect.getsource(fetcher.Fetcher._proc_fetch_request)
    assert "records = MemoryRecords(part_data[-1])" in code
    assert "if self._check_crcs and not next_batch.validate_crc()" in inspect.getsource(
        fetcher.PartitionRecords._unpack_records
    )
    consumer = AIOKafkaConsumer()

    receive_quickly(consumer)

    assert fetcher.MemoryRecords is CheckedRecords
    assert consumer._check_crcs is False
    await consumer.stop()
    theirs = {name for name in vars(MemoryRecords) if not name.startswith("_")}
    assert theirs == {"has_next", "next_batch", "size_in_bytes"}
