"""Repairs: they mend what they are for, and touch nothing else."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.core.outline import outline
from streams.core.repairs import without_trailing_commas
from tests.strategies import SAMPLES, bodies, json_values

FOLDER = Path(__file__).parents[1] / "samples"
# Texts that look like what is to be repaired.
tricky = st.text(st.sampled_from('",]}\\ \n[{:a'), max_size=12)
values = st.recursive(
    json_values | tricky,
    lambda inner: st.lists(inner) | st.dictionaries(tricky, inner),
    max_leaves=10,
)


def with_commas(value: Any, draw: st.DataObject) -> str:  # noqa: ANN401 - any JSON
    """Write a value as JSON, with commas too many before some closing brackets."""
    if not isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=draw.draw(st.booleans()))
    if isinstance(value, list):
        members = [with_commas(each, draw) for each in value]
    else:
        members = [
            f"{json.dumps(key)}: {with_commas(each, draw)}"
            for key, each in value.items()
        ]
    blanks, commas = (
        st.sampled_from(["", " ", "\n\t"]),
        st.sampled_from(["", ",", ",,"]),
    )
    inside = ", ".join(members) + draw.draw(blanks) + draw.draw(commas)
    inside += draw.draw(blanks)
    return f"[{inside}]" if isinstance(value, list) else f"{{{inside}}}"


@given(values, st.data())
def test_commas_too_many_are_gone_and_every_value_is_kept(
    value: Any,  # noqa: ANN401 - any JSON
    data: st.DataObject,
) -> None:
    """What is inside strings never changes, whatever it looks like."""
    broken = with_commas(value, data).encode("utf-8", "surrogatepass")

    assert json.loads(without_trailing_commas(broken)) == value


@given(values, st.sampled_from([None, 2]))
def test_valid_json_is_unchanged(
    value: Any,  # noqa: ANN401 - any JSON
    indent: int | None,
) -> None:
    """Not a byte differs, blanks included."""
    content = json.dumps(value, indent=indent, ensure_ascii=False).encode()

    assert without_trailing_commas(content) == content


@given(bodies | st.text(st.sampled_from('",]}\\ \n[{:a')).map(str.encode))
def test_any_bytes_lose_only_commas(content: bytes) -> None:
    """Nothing is added or moved, and a second repair finds nothing."""
    repaired = without_trailing_commas(content)

    assert repaired.replace(b",", b"") == content.replace(b",", b"")
    assert without_trailing_commas(repaired) == repaired


@pytest.mark.parametrize(
    ("broken", "repaired"),
    [
        (b'{"a": ",]",}', b'{"a": ",]"}'),
        (rb'["\",]",]', rb'["\",]"]'),
        (rb'["\\",]', rb'["\\"]'),
        (b'["open ,]', b'["open ,]'),
        (b"[1, 2", b"[1, 2"),
        (b"[1\n,\n]", b"[1\n\n]"),
        (b"[1,,]", b"[1]"),
        (b"[1,,2]", b"[1,,2]"),
    ],
)
def test_only_a_comma_before_a_closing_bracket_goes(
    broken: bytes, repaired: bytes
) -> None:
    """A text that ends too early, or a value that is missing, is not repaired."""
    assert without_trailing_commas(broken) == repaired


def test_the_providers_own_sample_becomes_what_it_was_meant_to_be() -> None:
    """Its documentation shows a body with a trailing comma."""
    sample = FOLDER / "docs2020_message-failed_9902.INVALID.txt"
    meant = json.loads(
        (FOLDER / "docs2020_message-failed_9902.fixed.json").read_bytes()
    )

    repaired = without_trailing_commas(sample.read_bytes())

    assert json.loads(repaired) == meant
    assert [element.problem for element in outline(repaired)] == [None]


def test_every_readable_sample_is_unchanged() -> None:
    """The fix can be asked for all dead letters at once."""
    readable = [body for body in SAMPLES if outline(body)[0].problem is None]

    assert len(readable) > 20
    assert [without_trailing_commas(body) for body in readable] == readable
