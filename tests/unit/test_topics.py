"""Topics: which partition a callback goes to, and what a record holds."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import murmur2

from streams.topics import Element, by_partition, partition_of, record_of, records_of

PARTITIONS = 8

ids = st.none() | st.text(min_size=1, max_size=40)
objects = st.integers().map(lambda number: b'{"n":%d}' % number)
elements = st.builds(Element, objects, ids)
broken = st.builds(
    Element,
    st.binary(),
    st.none(),
    st.just(False),  # noqa: FBT003 - a strategy
)


@given(st.binary(max_size=300), st.integers(1, 1000))
def test_the_partition_is_kafkas_own(content: bytes, partitions: int) -> None:
    """Producers that key by message id choose the same partition."""
    wanted = (murmur2(content) & 0x7FFFFFFF) % partitions

    assert partition_of(content, partitions) == wanted


def test_known_hashes() -> None:
    """The figures are those of the Java client's own tests (UtilsTest.testMurmur2)."""
    known = {
        b"21": -973932308,
        b"foobar": -790332482,
        b"a-little-bit-long-string": -985981536,
        b"a-little-bit-longer-string": -1486304829,
        b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
        b"abc": 479470107,
    }

    for content, signed in known.items():
        assert partition_of(content, 1_000_003) == (signed & 0x7FFFFFFF) % 1_000_003


@given(st.lists(elements))
def test_every_element_is_in_one_record(sent: list[Element]) -> None:
    """Nothing is lost, nothing is doubled, and the bytes are as they came."""
    records = records_of(sent, PARTITIONS)
    values = b",".join(
        record.value.removeprefix(b"[").removesuffix(b"]") for record in records
    )

    found = Counter(values.split(b",")) if values else Counter()
    assert found == Counter(element.content for element in sent)


@given(st.lists(elements))
def test_copies_of_an_id_are_in_one_partition(sent: list[Element]) -> None:
    """All callbacks of one message are read by one worker, in their order."""
    groups = by_partition(sent, PARTITIONS)

    for element in sent:
        homes = [
            partition
            for partition, group in groups.items()
            if element.message_id in {other.message_id for other in group}
        ]
        assert element.message_id is None or len(homes) == 1
    for group in groups.values():
        assert group == [element for element in sent if element in group]


@given(st.lists(elements, min_size=1))
def test_the_key_is_the_first_id(group: list[Element]) -> None:
    """A record's key is the first message id in it; without any it has none."""
    first = next((e.message_id for e in group if e.message_id is not None), None)

    key = record_of(0, group).key
    assert key == (None if first is None else first.encode())


@given(st.lists(elements | broken))
def test_broken_bytes_are_records_of_their_own(sent: list[Element]) -> None:
    """What is not JSON would make its neighbours unreadable."""
    values = Counter(record.value for record in records_of(sent, PARTITIONS))

    alone = Counter(element.content for element in sent if not element.is_json)
    assert alone <= values


def test_an_object_alone_is_bare() -> None:
    """One callback needs no array around it."""
    assert record_of(3, [Element(b'{"a":1}', "x")]).value == b'{"a":1}'


def test_another_value_alone_stays_an_element() -> None:
    """An array inside an array is not taken apart as if it had been the body."""
    smuggled = b'[{"type":"message-failed","message":{"id":"x"}}]'

    assert record_of(3, [Element(smuggled, None)]).value == b"[" + smuggled + b"]"
