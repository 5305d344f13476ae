"""Segments of the identity memory: what they give back, and when they are of no use."""

import logging
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from streams.archive import remembered
from streams.archive.remembered_chain import Chain
from streams.core.memory import GENERATION_US, IdentityMemory

LOG = "log-1"
HOUR_US = 3_600 * 1_000_000
logs = st.lists(
    st.tuples(st.integers(1, 60), st.sampled_from([0, 1, 5, 13, 40])), max_size=60
)
cuts = st.sets(st.integers(0, 60), max_size=12)


def contents(memory: IdentityMemory | None) -> Any:  # noqa: ANN401
    """Return what a memory holds, comparable; None when it holds nothing."""
    if memory is None or not memory.log_time_us:
        return None
    held = memory.generations().items()
    return memory.log_time_us, {g: sorted(h.tolist()) for g, h in held if len(h)}


class Log:
    """A log of one event an offset, and the memory at each position of it."""

    def __init__(self, events: list[tuple[int, int]]) -> None:
        """Make it of hashes and of hours between them."""
        self.hashes = np.array([event for event, _ in events], np.uint64)
        hours = np.cumsum([1, *[hours for _, hours in events]])[1:]
        self.times = (hours * HOUR_US).astype(np.int64)

    def memory(self, position: int) -> IdentityMemory:
        """Return the memory at a position, from the records themselves."""
        memory = IdentityMemory()
        memory.take_in(self.hashes[:position], self.times[:position])
        return memory

    def save(self, data_dir: Path, ends: Iterator[int] | list[int]) -> Chain:
        """Save at these positions, in order, as one worker does."""
        memory, chain = IdentityMemory(), Chain(data_dir, LOG, 0)
        for begin, end in pairwise([0, *ends]):
            memory.take_in(self.hashes[begin:end], self.times[begin:end])
            parts: dict[int, list[Any]] = {}
            for generation, entered in memory.take_entered():
                parts.setdefault(generation, []).append(entered)
            chain.append(end, memory.log_time_us, parts)
        return chain


def files(data_dir: Path) -> list[Path]:
    """Return the files that were written."""
    return sorted(p for p in data_dir.rglob("*") if p.is_file())


@given(logs, cuts, st.integers(0, 60))
def test_segments_give_the_memory_of_the_records(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[int, int]],
    ends: set[int],
    position: int,
) -> None:
    """Saved anywhere, loaded up to any position: the memory at the chain's end."""
    log = Log(events)
    data_dir = tmp_path_factory.mktemp("data")
    log.save(data_dir, sorted(end for end in ends if 0 < end <= len(events)))

    chain = Chain(data_dir, LOG, 0)
    memory = chain.load(position)

    assert chain.end <= position
    assert contents(memory) == contents(log.memory(chain.end))


@given(
    logs.filter(bool), cuts, st.integers(0, 10_000), st.sampled_from(["flip", "cut"])
)
def test_a_damaged_segment_is_never_believed(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[tuple[int, int]],
    ends: set[int],
    place: int,
    damage: str,
) -> None:
    """A bit that is wrong or an end that is missing costs time, never a copy."""
    log = Log(events)
    data_dir = tmp_path_factory.mktemp("data")
    log.save(data_dir, [*sorted(e for e in ends if 0 < e < len(events)), len(events)])
    found = files(data_dir)
    path = found[place % len(found)]
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[place % len(content)] ^= 1 << place % 8
    else:
        del content[place % len(content) :]
    path.write_bytes(content)

    chain = Chain(data_dir, LOG, 0)
    memory = chain.load(len(events))

    assert chain.end < len(events)
    assert contents(memory) == contents(log.memory(chain.end))


def test_few_segments_are_kept_and_little_is_written_again(tmp_path: Path) -> None:
    """300 times saved: less than ten files, and what has been forgotten is gone."""
    log = Log([(k, 0 if k % 20 else 13) for k in range(1, 3_001)])

    log.save(tmp_path, list(range(10, 3_001, 10)))

    assert len(files(tmp_path)) < 10
    assert sum(path.stat().st_size for path in files(tmp_path)) < 3_000
    assert contents(Chain(tmp_path, LOG, 0).load(3_000)) == contents(log.memory(3_000))


def saved(data_dir: Path) -> Path:
    """Save 20 events, and return the one file."""
    Log([(k, 1) for k in range(1, 21)]).save(data_dir, [20])
    (path,) = files(data_dir)
    return path


def test_a_segment_beyond_the_position_is_not_used_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The table was restored from a backup: it is the truth."""
    path = saved(tmp_path)

    with caplog.at_level(logging.INFO):
        assert Chain(tmp_path, LOG, 0).load(19) is None

    assert f"{path} is beyond position 19" in caplog.text


@pytest.mark.parametrize("field", ["format", "hash", "log_id", "partition", "end"])
def test_a_segment_of_another_kind_is_not_used_and_said(
    field: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Another version, another log, another partition, another name: of no use."""
    path = saved(tmp_path)
    text, _, arrays = path.read_bytes().partition(b"\n")
    header = msgspec.json.decode(text[17:])
    header[field] = "other" if field == "log_id" else header[field] + 1
    text = msgspec.json.encode(header)
    checksum = b"%016x" % xxhash.xxh3_64_intdigest(text)
    path.write_bytes(checksum + b" " + text + b"\n" + arrays)

    assert Chain(tmp_path, LOG, 0).load(20) is None
    assert f"{path} is of no use" in caplog.text


def test_a_chain_that_cannot_be_written_begins_anew(tmp_path: Path) -> None:
    """After an error the next segment holds everything again."""
    log = Log([(k, 1) for k in range(1, 21)])
    chain = log.save(tmp_path, [10])
    (path,) = files(tmp_path)
    path.unlink()

    with pytest.raises(OSError, match="No such file"):
        chain.append(20, 20 * HOUR_US, {1: [np.arange(1, 50, dtype=np.uint64)]})
    assert chain.end == 0

    memory = log.memory(20)
    parts = {g: [hashes] for g, hashes in memory.generations().items()}
    chain.append(20, memory.log_time_us, parts)
    assert contents(Chain(tmp_path, LOG, 0).load(20)) == contents(memory)


def test_what_another_process_left_half_written_is_removed(tmp_path: Path) -> None:
    """A file under another name is never read, and is gone after the next save."""
    path = saved(tmp_path)
    half = path.with_name(".writing-x")
    half.write_bytes(b"x")
    chain = Chain(tmp_path, LOG, 0)
    chain.load(20)

    chain.append(21, 21 * HOUR_US, {21 * HOUR_US // GENERATION_US: []})

    assert not half.exists()
    assert chain.end == 21


def test_what_is_remembered_of_a_log_that_ended_is_removed(tmp_path: Path) -> None:
    """Long after it was written last, and never what the current log has."""
    events = [(1, 0), (2, 1)]
    Log(events).save(tmp_path, [2])
    folders = {
        name: tmp_path / "archive" / "remembered" / name for name in (LOG, "old")
    }
    shutil.copytree(folders[LOG], folders["old"])
    written = max(path.stat().st_mtime for path in folders["old"].rglob("*"))
    ended = written + remembered.ENDED_SECONDS

    assert remembered.remove_ended(tmp_path, LOG, ended - 60) == []
    assert folders["old"].exists()
    assert remembered.remove_ended(tmp_path, LOG, ended + 60) == ["old"]
    assert not folders["old"].exists()
    assert Chain(tmp_path, LOG, 0).load(2) is not None
    assert remembered.remove_ended(tmp_path / "none", LOG, ended) == []
