"""What a partition remembers and has not counted yet, brought up to its position."""

import logging
from collections.abc import Iterable, Mapping

import pyarrow as pa

from streams.archive import schema
from streams.archive.recovering import Place, Recovery, Slice
from streams.archive.remembered_chain import Chain
from streams.archive.table import ArchiveTable
from streams.core.lives import Life
from streams.core.memory import IdentityMemory, oldest_held_us
from streams.core.windows import folded
from streams.worker.partition import Partition, Rules

logger = logging.getLogger(__name__)


def recall(
    callbacks: ArchiveTable,
    life: Life,
    before: Life | None,
    partitions: Mapping[int, Partition],
    rules: Rules,
) -> None:
    """Bring memory and counts up from what is at hand, and from archived rows.

    At hand is what a partition remembers already (up to ``remembered``), else what its
    segments hold, else what the life before ended with.

    Args:
        callbacks: Table callbacks, its snapshot that of the life.
        life: The life that the partitions belong to.
        before: The life whose memory this one begins with.
        partitions: Each up to its P; changed in place.
        rules: How rows are counted.

    Raises:
        OSError: A file of the table cannot be read.
    """
    data_dir = callbacks.site.data_dir
    for number, partition in partitions.items():
        if partition.remembered is None:
            _load(partition, Chain(data_dir, life.log_id, number))
    places = {number: _place(partition) for number, partition in partitions.items()}
    recovery = Recovery(callbacks, life.log_id, places)
    new = [p for p, partition in partitions.items() if partition.remembered is None]
    for number, memory in _ends(callbacks, before, new, recovery).items():
        partitions[number].memory = memory
        recovery.begin_after(number, memory.log_time_us)
    times_us = recovery.log_times_us()
    for number, partition in partitions.items():
        partition.memory.restore({}, times_us.get(number, 0))
        partition.log_time_us = partition.memory.log_time_us
    for part in recovery.slices():
        _add(partitions[part.partition], part, rules)


def _load(partition: Partition, chain: Chain) -> None:
    """Remember what the segments hold, if they are of use."""
    memory = chain.load(partition.archived) if partition.archived else None
    partition.chain = chain
    if memory is not None:
        partition.memory, partition.remembered = memory, chain.end


def _place(partition: Partition) -> Place:
    return Place(
        partition.archived,
        partition.counted,
        partition.remembered,
        partition.memory.log_time_us,
    )


def _add(partition: Partition, part: Slice, rules: Rules) -> None:
    partition.memory.restore(part.entered, partition.memory.log_time_us)
    partition.entered.extend(part.entered.items())
    if len(part.uncounted):
        counted = rules.count(part.uncounted)
        partition.archived_cells = folded([*partition.archived_cells, counted])


def _ends(
    callbacks: ArchiveTable,
    life: Life | None,
    numbers: Iterable[int],
    recovery: Recovery,
) -> dict[int, IdentityMemory]:
    """Return what partitions of a life that is over remembered at its end.

    Left out are those of which a later life has forgotten everything by now.
    """
    if life is None:
        return {}
    latest_us = _latest_us(callbacks, life.log_id)
    numbers = [
        p for p in numbers if latest_us >= oldest_held_us(recovery.known_time_us(p))
    ]
    memories: dict[int, IdentityMemory] = {}
    places: dict[int, Place] = {}
    data_dir = callbacks.site.data_dir
    for number in numbers:
        chain, at = Chain(data_dir, life.log_id, number), life.position(number)
        memory = chain.load(at)
        memories[number] = memory or IdentityMemory()
        remembered = None if memory is None else chain.end
        places[number] = Place(at, at, remembered, memories[number].log_time_us)
    earlier = Recovery(callbacks, life.log_id, places)
    for number, time_us in earlier.log_times_us().items():
        memories[number].restore({}, time_us)
    for part in earlier.slices():
        memory = memories[part.partition]
        memory.restore(part.entered, memory.log_time_us)
    return memories


def _latest_us(callbacks: ArchiveTable, log_id: str) -> int:
    """Return a time that no row of a log is later than."""
    keys = ("max.received_at", "min.log_id", "max.log_id")
    found = [
        pa.scalar(file["max.received_at"], schema.UTC_MICROSECONDS).value
        for file in callbacks.files(keys)
        if file["min.log_id"] <= log_id <= file["max.log_id"]
    ]
    return max(found, default=-1)
