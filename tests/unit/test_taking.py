"""Bodies taken apart for an import: the elements that a receiver and a worker see."""

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.core import identity
from streams.core.callbacks import decode
from streams.core.columns import identity_columns
from streams.core.outline import outline
from streams.core.taking import take
from tests.hostile import CORPUS
from tests.strategies import bodies


def assert_same_as_outline(wanted: list[bytes]) -> None:
    """Compare with each body's own outline, blank ones left out."""
    taken = take(wanted)
    readable, parked = [], []
    for place, body in enumerate(wanted):
        for element in outline(body) if body.strip() else []:
            content = element.content.strip()
            if element.problem is None:
                readable.append((place, content, element.message_id))
            else:
                problem = (element.problem, element.is_json)
                parked.append((place, content, element.message_id, *problem))
    found = zip(taken.bodies, taken.contents, taken.callbacks, strict=True)
    assert [(p, c.strip(), each.message.id) for p, c, each in found] == readable
    assert [
        (p.body, p.content.strip(), p.message_id, p.problem, p.is_json)
        for p in taken.parked
    ] == parked


@pytest.mark.parametrize("body", CORPUS.values(), ids=CORPUS.keys())
def test_a_hostile_body_is_taken_apart_as_the_receiver_does(body: bytes) -> None:
    """Each body of the corpus gives the elements that its outline has."""
    assert_same_as_outline([body])


DOCUMENTED = b'{"type":"message-sent","message":{"id":"%d","to":["+1206555"]}}'


def test_documented_bodies_are_taken_apart_as_the_receiver_does() -> None:
    """One and several callbacks a body, bare and not, with blanks between."""
    one, two, three = (DOCUMENTED % number for number in range(3))
    assert_same_as_outline(
        [
            one,
            b"[" + two + b"]",
            b"[ " + one + b" ,\n" + three + b"]",
            b" [ " + two + b"]",
        ]
    )


@given(st.lists(bodies, max_size=5))
def test_any_bodies_are_taken_apart_as_the_receiver_does(wanted: list[bytes]) -> None:
    """A body changes nothing of what its neighbours give."""
    assert_same_as_outline(wanted)


@example([DOCUMENTED % 1])
@given(st.lists(bodies, max_size=8))
def test_identities_are_those_that_the_archive_will_have(wanted: list[bytes]) -> None:
    """What is left out as archived is told by the columns that a worker would write."""
    rows = pa.Table.from_batches(
        [*decode([body for body in wanted if body.strip()])],
        schema=next(decode([b"null"])).schema,
    )
    readable = rows.filter(rows["problem"].is_null())

    found = identity.hashes(identity_columns(take(wanted).callbacks))

    assert found.tolist() == identity.hashes(readable).tolist()
