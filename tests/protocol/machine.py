"""The model as a state machine: what may happen, in any order."""

from dataclasses import dataclass
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.protocol import oracle
from tests.protocol.rules import Rules
from tests.protocol.worker import FATES, Steps, Worker
from tests.protocol.world import PARTITIONS, World

MOST_WORKERS = 3
_HOUR_US = 3_600 * 1_000_000
_MOST_ROUNDS = 20

# Most happens to one partition and two workers: so they meet.
partitions = st.sampled_from([0, 0, 0, 1])
workers = st.sampled_from([0, 0, 0, 1, 1, 2])
shares = st.sampled_from([(0, 1), (0, 1), (0, 1), (0,), (1,), ()])
fates = st.sampled_from([*[""] * 9, *FATES])
identities = st.lists(st.integers(0, 4), min_size=1, max_size=2).map(tuple)
bodies = st.lists(identities, min_size=1, max_size=4)
# Mostly a little; now and then hours pass, or the broker's clock steps back.
passing_us = st.sampled_from([1, 1, -_HOUR_US, 13 * _HOUR_US])


@dataclass(frozen=True)
class Meeting:
    """What two workers do at once.

    Attributes:
        shares: For each, partitions to take over, or None for a commit.
        early: How far the first goes before there are records.
        turns: Who goes on then, and how far.
        fate: How the second's commit ends, if badly.
    """

    shares: tuple[tuple[int, ...] | None, tuple[int, ...] | None]
    early: int
    turns: list[tuple[int, int]]
    fate: str


operations = st.one_of(st.none(), shares)
meetings = st.builds(
    Meeting,
    shares=st.tuples(operations, operations),
    early=st.integers(0, 3),
    turns=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 7)), max_size=5),
    fate=fates,
)


class Protocol(RuleBasedStateMachine):
    """A topic, both tables, and workers of which any may stop at any place."""

    obeyed: ClassVar[Rules] = Rules()

    def __init__(self) -> None:
        """Begin with an empty topic and no worker."""
        super().__init__()
        self.world = World(self.obeyed)
        self.workers: dict[int, Worker] = {}
        self.checked = (0, 0)

    def _running(self, number: int) -> Worker | None:
        """Return a worker that may do something now; one that is gone is replaced."""
        worker = self.workers.get(number)
        if worker is None or worker.has_ended:
            self.restart(number, tuple(range(PARTITIONS)))
            return self.workers[number]
        if worker.paused_for:
            worker.paused_for -= 1
            return None
        return worker

    @initialize(held=st.tuples(shares, shares))
    def start_two(self, held: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
        """Start two workers that may believe to hold the same partitions."""
        for number, numbers in enumerate(held):
            self.restart(number, numbers)

    # ----------------------------------------------------------------------- Kafka

    @rule(partition=partitions, several=bodies, passing=passing_us)
    def produce(
        self, partition: int, several: list[tuple[int, ...]], passing: int
    ) -> None:
        """Append records."""
        self.world.now_us = max(0, self.world.now_us + passing)
        for record in several:
            self.world.log.append(partition, self.world.now_us, record)

    @rule(partition=partitions)
    def end_a_transaction(self, partition: int) -> None:
        """Leave an offset that holds no record."""
        self.world.log.append_marker(partition)

    @rule(partition=partitions, keep=st.integers(0, 9))
    def delete_old_records(self, partition: int, keep: int) -> None:
        """Let retention delete all but the newest records."""
        self.world.retain(partition, self.world.log.end[partition] - keep)

    @precondition(lambda self: len(self.world.logs) == 1 and self.world.log.end[0] > 20)
    @rule()
    def delete_the_topic_and_make_it_again(self) -> None:
        """Give the topic another log, with offsets from 0 on."""
        self.world.replace_log()

    # ----------------------------------------------------------------- the group(s)

    @rule(number=workers, numbers=shares)
    def restart(self, number: int, numbers: tuple[int, ...]) -> None:
        """Kill a worker with -9, start another, and let it take partitions over."""
        self.workers[number] = worker = Worker(self.world)
        worker.begin(worker.reassign(numbers))
        worker.run()

    @rule(number=workers)
    def crash(self, number: int) -> None:
        """Kill a worker with -9, wherever it is."""
        self.workers.pop(number, None)

    @rule(number=workers, numbers=shares, steps=st.integers(1, 6))
    def rebalance(self, number: int, numbers: tuple[int, ...], steps: int) -> None:
        """Assign partitions to a worker, whoever else believes to hold them.

        So it is after a pause, and with a second group on the same archive.
        """
        if worker := self._running(number):
            worker.begin(worker.reassign(numbers))
            for _ in range(steps):
                worker.step()

    @rule(number=workers, turns=st.integers(1, 5))
    def pause(self, number: int, turns: int) -> None:
        """Stop a worker for some turns; then it goes on as if nothing had been."""
        if worker := self._running(number):
            worker.paused_for = turns

    # ------------------------------------------------------------------- one worker

    @rule(number=workers, partition=partitions, several=bodies, passing=passing_us)
    def work(
        self,
        *,
        number: int,
        partition: int,
        several: list[tuple[int, ...]],
        passing: int,
    ) -> None:
        """Append records and let a worker take in all there is."""
        self.produce(partition, several, passing)
        if worker := self._running(number):
            _take_all_in(worker, partition)

    @rule(
        partition=partitions,
        several=bodies,
        operation=operations,
        steps=st.integers(0, 7),
    )
    def be_overtaken(
        self,
        *,
        partition: int,
        several: list[tuple[int, ...]],
        operation: tuple[int, ...] | None,
        steps: int,
    ) -> None:
        """Stop a worker in the middle; another takes all in and commits it."""
        first, second = self._running(0), self._running(1)
        if first is None or second is None:
            return
        _take_all_in(first, partition)
        first.begin(_operation(first, operation))
        for _ in range(steps):
            first.step()
        self.produce(partition, several, passing=1)
        second.run()
        _take_all_in(second, partition)
        second.begin(second.flush(counts=True))
        second.run()
        first.run()

    @rule(
        partition=partitions,
        several=bodies,
        keep=st.sampled_from([0, 0, 0, 1]),
        flushes=st.integers(1, 2),
    )
    def lose_what_is_taken_in(
        self,
        *,
        partition: int,
        several: list[tuple[int, ...]],
        keep: int,
        flushes: int,
    ) -> None:
        """Let retention delete what a worker holds; another one passes it as a gap."""
        first, second = self._running(0), self._running(1)
        if first is None or second is None:
            return
        first.run()
        self.produce(partition, several, passing=1)
        _take_all_in(first, partition)
        self.delete_old_records(partition, keep)
        second.run()
        second.begin(second.reassign((partition,)))
        second.run()
        for _ in range(flushes):
            first.begin(first.flush(counts=True))
            first.run()

    @rule(partition=partitions, several=bodies, meeting=meetings)
    def meet(
        self,
        *,
        partition: int,
        several: list[tuple[int, ...]],
        meeting: Meeting,
    ) -> None:
        """Let two workers take in the same and commit, or take over, step by step.

        The first may have begun before records come.
        """
        if (worker := self._running(0)) and meeting.early:
            worker.begin(_operation(worker, meeting.shares[0]))
            for _ in range(meeting.early):
                worker.step()
        self.produce(partition, several, passing=1)
        for number, share in enumerate(meeting.shares):
            if worker := self._running(number):
                _take_all_in(worker, partition)
                worker.fate = meeting.fate if number else ""
                worker.begin(_operation(worker, share))
        for number, steps in meeting.turns:
            if worker := self._running(number):
                for _ in range(steps):
                    worker.step()

    @rule(
        number=workers,
        partition=partitions,
        most=st.integers(1, 5),
        over_markers=st.booleans(),
    )
    def fetch(
        self, *, number: int, partition: int, most: int, over_markers: bool
    ) -> None:
        """Fetch a chunk, which may wait before it is taken in."""
        if worker := self._running(number):
            worker.fetch(partition, most, over_markers=over_markers)

    @rule(number=workers)
    def take_in(self, number: int) -> None:
        """Take in a chunk that waits."""
        if worker := self._running(number):
            worker.take_in()

    @rule(number=workers, partition=partitions, back=st.integers(-2, 4))
    def fetch_from_elsewhere(self, number: int, partition: int, back: int) -> None:
        """Let the client fetch from another place than it should."""
        worker = self._running(number)
        if worker and partition in worker.fetch_at:
            worker.fetch_at[partition] = max(0, worker.fetch_at[partition] - back)
            _take_all_in(worker, partition)

    @rule(number=workers, counts=st.booleans(), steps=st.integers(1, 4), fate=fates)
    def flush(self, *, number: int, counts: bool, steps: int, fate: str) -> None:
        """Begin to commit, as far as some place of rest."""
        if worker := self._running(number):
            worker.fate = fate
            worker.begin(worker.flush(counts=counts))
            for _ in range(steps):
                worker.step()

    @rule(number=workers, counts=st.booleans(), fate=fates)
    def flush_at_once(self, *, number: int, counts: bool, fate: str) -> None:
        """Commit with nothing in between."""
        if worker := self._running(number):
            worker.run()
            worker.fate = fate
            worker.begin(worker.flush(counts=counts))
            worker.run()

    @rule(number=workers, steps=st.integers(1, 3))
    def go_on(self, number: int, steps: int) -> None:
        """Go on with what was begun."""
        if worker := self._running(number):
            for _ in range(steps):
                worker.step()

    @precondition(lambda self: self.world.strays)
    @rule()
    def write_what_nobody_waits_for(self) -> None:
        """Let a thread whose worker was interrupted write after all."""
        self.world.write_a_stray()

    @rule()
    def rewrite_files(self) -> None:
        """Compact the files of both tables."""
        self.world.callbacks.rewrite()
        self.world.window_counts.rewrite()

    # -------------------------------------------------------------------- what holds

    @invariant()
    def tables_are_right(self) -> None:
        """Archived is a prefix, each record once; counts are those of that prefix."""
        versions = (self.world.callbacks.version, self.world.window_counts.version)
        if versions != self.checked:
            self.checked = versions
            oracle.check(self.world)

    def teardown(self) -> None:
        """Let one worker that is still there, or a new one, come to rest."""
        while self.world.strays:
            self.world.write_a_stray()
        worker = self.workers.get(0)
        if worker is None or (not _comes_to_rest(worker) and _has_to_end(worker)):
            worker = Worker(self.world)
            _comes_to_rest(worker)
        oracle.check_complete(self.world)


def _operation(worker: Worker, share: tuple[int, ...] | None) -> Steps:
    return worker.flush(counts=True) if share is None else worker.reassign(share)


def _take_all_in(worker: Worker, partition: int) -> None:
    worker.fetch(partition, 100, over_markers=False)
    while worker.queue:
        worker.take_in()


def _has_to_end(worker: Worker) -> bool:
    """Tell whether the holding's watch ends a worker; another one then starts."""
    begins = worker.world.log.begin
    behind = (h.standing.position < begins[n] for n, h in worker.held.items())
    return worker.has_ended or any(behind)


def _comes_to_rest(worker: Worker) -> bool:
    """Let a worker hold everything; tell whether it has taken all records in."""
    worker.run()
    worker.fate = ""
    worker.begin(worker.reassign(range(PARTITIONS)))
    worker.run()
    for _ in range(_MOST_ROUNDS):
        for partition in range(PARTITIONS):
            worker.fetch(partition, 100, over_markers=True)
            worker.take_in()
    for _ in range(2):
        worker.begin(worker.flush(counts=True))
        worker.run()
    return worker.has_all()


def machine(obeyed: Rules) -> type[Protocol]:
    """Return the machine with these rules, of which one may be wrong."""
    return type("Protocol", (Protocol,), {"obeyed": obeyed})
