"""Any batches, workers, commits, losses, copies and orders: the totals are right.

`make fuzz` draws thousands of histories.
"""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from streams.core import publications
from streams.core.gathered import Changes
from streams.core.live import Place, Reader
from tests.unit.live_world import LARGE, LOG, Message, Worker, World

PARTITIONS = 2
NAMES = ("a", "b", "c", LARGE, None)
partitions = st.integers(0, PARTITIONS - 1)
names = st.lists(st.sampled_from(NAMES), max_size=6)
# How many parts are written, and whether the worker hears of it.
outcomes = st.sampled_from(
    [(99, True), (99, True), (99, False), (1, False), (0, False)]
)


class Totals:
    """A reader, and the totals that it leads to; they never step back."""

    def __init__(self, world: World, reads_from: list[int]) -> None:
        """Begin at the table as it is."""
        self.world = world
        places = {Place(LOG, p): q for p, q in enumerate(world.counted) if q}
        self.reader = Reader(LOG, world.partitions, places)
        self.next = list(reads_from)
        self.events: Counter[publications.Cell] = Counter()
        self.segments: Counter[publications.Cell] = Counter()
        for partition, counted in enumerate(world.counted):
            self._apply(world.counts(partition, 0, counted))

    def _apply(self, changes: Changes) -> None:
        for cell, (events, segments) in changes.items():
            assert events >= 0, f"{cell} steps back by {events}"
            self.events[cell] += events
            self.segments[cell] += segments

    def take_in(self, partition: int, message: Message) -> None:
        """Read one message, whatever it is."""
        found = publications.decode(message.value, partition)
        assert found is not None
        self._apply(self.reader.take_in(found, message.timestamp_ms))

    def read(self, partition: int, most: int) -> None:
        """Read the next messages in the topic's order."""
        for message in self.world.topic[partition][self.next[partition] :][:most]:
            self.take_in(partition, message)
            self.next[partition] += 1

    def read_the_table(self, partition: int) -> None:
        """Offer what the table has more than at the base."""
        place = Place(LOG, partition)
        counted = self.world.counted[partition]
        gained = self.world.counts(partition, self.reader.base(place), counted)
        self._apply(self.reader.offer(place, counted, gained))


class Histories(RuleBasedStateMachine):
    """Workers, some of them replaced long ago, beside two readers.

    One reads in the topic's order, now and then from further back or from the start;
    one reads any message at any time.
    """

    workers = Bundle("workers")

    def __init__(self) -> None:
        """Begin with an empty log."""
        super().__init__()
        self.world = World(PARTITIONS)
        self.all_workers: list[Worker] = []
        self.now = 0.0
        self.orderly = Totals(self.world, [0] * PARTITIONS)
        self.wild = Totals(self.world, [0] * PARTITIONS)

    # ------------------------------------------------------------------ the workers

    def start_worker(self, partition: int) -> Worker:
        """Start a worker; those before it may go on, not knowing."""
        worker = Worker(self.world, partition)
        self.all_workers.append(worker)
        return worker

    @initialize(target=workers)
    def start_first_workers(self) -> object:
        """Begin with one worker a partition."""
        return multiple(*[self.start_worker(p) for p in range(PARTITIONS)])

    @rule(target=workers, partition=partitions)
    def start(self, partition: int) -> Worker:
        """Replace a worker."""
        return self.start_worker(partition)

    @rule(target=workers, partition=partitions, names=names, most=st.integers(0, 3))
    def replace(self, partition: int, names: list[str | None], most: int) -> Worker:
        """Replace a worker that is ahead by one that commits less, and read that."""
        self.append(partition, names)
        ahead = self.start_worker(partition)
        ahead.take_in(99)
        ahead.publish(self.now)
        behind = self.start_worker(partition)
        behind.take_in(most)
        behind.archive()
        self.orderly.read(partition, 99)
        behind.commit_counts()
        behind.publish(self.now)
        self.orderly.read(partition, 99)
        self.orderly.read_the_table(partition)
        return behind

    @rule(partition=partitions, names=names)
    def append(self, partition: int, names: list[str | None]) -> None:
        """Append records that nobody takes in yet."""
        for name in names:
            self.world.append(partition, name)

    @rule(worker=workers, names=names, most=st.integers(0, 6), outcome=outcomes)
    def work(
        self,
        worker: Worker,
        names: list[str | None],
        most: int,
        outcome: tuple[int, bool],
    ) -> None:
        """Take records in and publish; parts, or the news of them, may be lost."""
        self.append(worker.partition, names)
        worker.take_in(most)
        written, told = outcome
        worker.publish(self.now, written=written, told=told)

    @rule(worker=workers, counts_too=st.booleans())
    def commit(self, worker: Worker, *, counts_too: bool) -> None:
        """Commit rows, or counts too; what is refused changes nothing."""
        worker.archive()
        if counts_too:
            worker.commit_counts()

    @rule(worker=workers, seconds=st.sampled_from([0.25, 1.0, 40.0]))
    def rest(self, worker: Worker, seconds: float) -> None:
        """See where the log ends, wait, and publish or give a sign of life."""
        worker.look_at_the_end()
        self.now += seconds
        worker.publish(self.now)
        worker.sign(self.now + 1)

    @rule(worker=workers)
    def lose_fresh(self, worker: Worker) -> None:
        """Have taken in too much between two publications."""
        worker.take_in(99)
        worker.lose_fresh()

    # ------------------------------------------------------------------ the readers

    @rule(partition=partitions, most=st.integers(1, 8))
    def read(self, partition: int, most: int) -> None:
        """Read on in order."""
        self.orderly.read(partition, most)

    @rule(partition=partitions, back=st.integers(1, 8))
    def read_again(self, partition: int, back: int) -> None:
        """Go back: all from there comes a second time."""
        place = self.orderly.next[partition]
        self.orderly.next[partition] = max(0, place - back)

    @rule()
    def start_again(self) -> None:
        """Restart the reader: as far back as any writer's last complete message."""
        starts = [len(topic) for topic in self.world.topic]
        for worker in self.all_workers:
            partition = worker.partition
            starts[partition] = min(starts[partition], worker.last_complete)
        self.orderly = Totals(self.world, starts)

    @rule(partition=partitions, places=st.lists(st.integers(0, 1_000), max_size=9))
    def read_anything(self, partition: int, places: list[int]) -> None:
        """Read any of all the messages that were ever written."""
        topic = self.world.topic[partition]
        for place in places if topic else []:
            self.wild.take_in(partition, topic[place % len(topic)])

    @rule(partition=partitions, wildly=st.booleans())
    def read_the_table(self, partition: int, *, wildly: bool) -> None:
        """Read the table again, wanted or not."""
        (self.wild if wildly else self.orderly).read_the_table(partition)

    # ------------------------------------------------------------------ the promises

    @invariant()
    def nothing_is_counted_that_is_not_there(self) -> None:
        """No total is beyond the log."""
        there = self.world.acknowledged_before(self.world.clock_ms + 1)
        for totals in (self.orderly, self.wild):
            assert totals.events <= there

    @invariant()
    def as_of_is_true(self) -> None:
        """Everything acknowledged before is counted."""
        as_of = self.orderly.reader.as_of()
        if as_of is not None:
            assert self.orderly.events >= self.world.acknowledged_before(as_of)

    def teardown(self) -> None:
        """In the end all is counted, whatever came before."""
        for partition in range(PARTITIONS):
            self.now += 100
            last = self.start_worker(partition)
            last.take_in(1_000)
            last.publish(self.now)
            assert last.archive()
            assert last.commit_counts()
            last.publish(self.now + 1)
            for totals in (self.orderly, self.wild):
                totals.next[partition] = 0
                totals.read(partition, 100_000)
                totals.read_the_table(partition)
        there = self.world.acknowledged_before(self.world.clock_ms + 1)
        for totals in (self.orderly, self.wild):
            assert totals.events == there
            assert totals.segments == Counter({c: 2 * n for c, n in there.items()})


TestHistories = Histories.TestCase
TestHistories.settings = settings(stateful_step_count=60)
