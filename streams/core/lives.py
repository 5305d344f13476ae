"""The lives of topic callbacks: which there were, which is next, what a name means.

A life is one log that offsets belong to. Its id is Kafka's topic id; where Kafka lost
records that are archived, the next life of the same topic is ``<topic id>~1``, then
``~2``: the same offsets then hold other records. All that is known of a life is kept
as transactions of table callbacks, next to the positions.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from streams.core.positions import transaction_id

_LIFE = "life"
_PARTITIONS = "partitions"
BEGIN = "begin"
EMPTY = "empty"
LAST = "last"
GAP_FROM = "gap_from"
GAP_TO = "gap_to"


Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the topic, as the archive knows it.

    Attributes:
        log_id: ``<topic id>``, or ``<topic id>~<n>``.
        number: Lives of an archive are numbered in the order they began, from 1; 0 for
            one whose beginning nobody noted.
        partitions: How many the topic had when somebody looked last; 0 when not known.
        positions: Position of table callbacks by partition.
        marks: Further offsets and numbers, by partition and what they are.
    """

    log_id: str
    number: int = 0
    partitions: int = 0
    positions: Mapping[int, int] = field(default_factory=dict)
    marks: Mapping[tuple[int, str], int] = field(default_factory=dict)

    @property
    def topic_id(self) -> str:
        """Return Kafka's id of its topic."""
        return self.log_id.partition("~")[0]

    @property
    def generation(self) -> int:
        """Return how many lives of the same topic id were before it."""
        return int(self.log_id.partition("~")[2] or 0)

    def position(self, partition: int) -> int:
        """Return the position of table callbacks; 0 where it has none."""
        return self.positions.get(partition, 0)

    def begin(self, partition: int) -> int:
        """Return the offset from which on a partition belongs to this life."""
        return self.marks.get((partition, BEGIN), 0)

    def empty(self, partition: int) -> int:
        """Return how many offsets below the position hold no record, and never did."""
        return self.marks.get((partition, EMPTY), 0)

    def last(self, partition: int) -> int:
        """Return the offset of the last record below the position; may be -1.

        It is the one right before the position where every offset holds a record.
        """
        return self.marks.get((partition, LAST), self.position(partition) - 1)

    def gap(self, partition: int) -> Range | None:
        """Return the last offsets that Kafka deleted unarchived: first, and behind."""
        begin = self.marks.get((partition, GAP_FROM))
        return None if begin is None else (begin, self.marks[partition, GAP_TO])


def next_id(log_id: str) -> str:
    """Return the id of the life after this one of the same topic."""
    topic_id, _, number = log_id.partition("~")
    return f"{topic_id}~{int(number or 0) + 1}"


def of(transactions: Mapping[str, int]) -> list[Life]:
    """Return the lives that an archive knows, in the order they began.

    Args:
        transactions: Those of table callbacks, version by name.
    """
    found: dict[str, _Parts] = {}
    for name, version in transactions.items():
        place, _, last = name.rpartition("/")
        log_id, _, partition = place.rpartition("/")
        if last.isdecimal() and place:
            found.setdefault(place, _Parts()).positions[int(last)] = version
        elif last in {_LIFE, _PARTITIONS} and place:
            found.setdefault(place, _Parts()).told[last] = version
        elif partition.isdecimal() and log_id:
            found.setdefault(log_id, _Parts()).marks[int(partition), last] = version
    lives = [
        Life(
            log_id,
            parts.told.get(_LIFE, 0),
            parts.told.get(_PARTITIONS, 0),
            parts.positions,
            parts.marks,
        )
        for log_id, parts in found.items()
    ]
    return sorted(lives, key=lambda life: (life.number, life.generation, life.log_id))


@dataclass(slots=True)
class _Parts:
    told: dict[str, int] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    marks: dict[tuple[int, str], int] = field(default_factory=dict)


def current(lives: Iterable[Life], topic_id: str) -> Life | None:
    """Return the newest life of a topic, or None when the archive has none of it."""
    own = [life for life in lives if life.topic_id == topic_id]
    return max(own, key=lambda life: life.generation, default=None)


def newest_id(topic_id: str, partitions: int, knows: Callable[[str], bool]) -> str:
    """Return the id of the newest life of a topic, asking for one name at a time.

    Args:
        topic_id: Kafka's.
        partitions: How many the topic has.
        knows: Tells whether table callbacks has a transaction.
    """
    log_id, after = topic_id, next_id(topic_id)
    while any(
        knows(name)
        for name in (
            life_name(after),
            *(transaction_id(after, p) for p in range(partitions)),
        )
    ):
        log_id, after = after, next_id(after)
    return log_id


def before(lives: Iterable[Life], life: Life) -> Life | None:
    """Return the life whose identity memory a life begins with, or None.

    It is the one that began right before it. With another number of partitions the
    copies of an event may be in another partition than the event: then there is none.
    """
    earlier = [other for other in lives if 0 < other.number < life.number]
    last = max(earlier, key=lambda other: other.number, default=None)
    agrees = last is not None and last.partitions == life.partitions
    return last if agrees else None


def life_name(log_id: str) -> str:
    """Return the transaction that numbers a life."""
    return f"{log_id}/{_LIFE}"


def mark_name(log_id: str, partition: int, what: str) -> str:
    """Return the transaction that keeps a mark of a partition."""
    return f"{transaction_id(log_id, partition)}/{what}"


@dataclass(frozen=True, slots=True)
class Commit:
    """Transactions of a commit without rows.

    Attributes:
        expected: Version by name that must be there still.
        moved: Version by name when it is made.
    """

    expected: dict[str, int]
    moved: dict[str, int]


def first_of_topic(lives: Iterable[Life], topic_id: str, partitions: int) -> Commit:
    """Return the commit that begins the first life of a topic, or numbers it."""
    number = max((life.number for life in lives), default=0) + 1
    name, count = life_name(topic_id), f"{topic_id}/{_PARTITIONS}"
    return Commit({name: 0}, {name: number, count: partitions})


def more_partitions(life: Life, partitions: int) -> Commit:
    """Return the commit that notes how many partitions the topic has by now."""
    name = f"{life.log_id}/{_PARTITIONS}"
    return Commit({name: life.partitions}, {name: partitions})


def after_loss(
    lives: Iterable[Life], old: Life, partitions: int, begins: Mapping[int, int]
) -> Commit:
    """Return the commit that begins the next life of a topic that lost records.

    It names the positions of the old life, too: a worker that still commits to those
    then has a conflict, whichever of the two comes first.

    Args:
        lives: All that the archive knows.
        old: The topic's life so far.
        partitions: How many the topic has.
        begins: By partition, the first offset whose record is not the archived one.
    """
    log_id = next_id(old.log_id)
    number = max((life.number for life in lives), default=0) + 1
    held = {transaction_id(old.log_id, p): at for p, at in old.positions.items()}
    new = {transaction_id(log_id, p): at for p, at in begins.items()}
    first = {mark_name(log_id, p, BEGIN): at for p, at in begins.items()}
    told = {life_name(log_id): number, f"{log_id}/{_PARTITIONS}": partitions}
    return Commit({**held, life_name(log_id): 0}, {**held, **new, **first, **told})


def not_over(log_id: str) -> dict[str, int]:
    """Return what a commit of rows has to expect: that no next life has begun."""
    return {life_name(next_id(log_id)): 0}


def past_gaps(life: Life, log_begins: Mapping[int, int]) -> Commit | None:
    """Return the commit that moves positions past what Kafka deleted unarchived.

    The gap and the move are one: what is written into table gaps follows from it.

    Args:
        life: The life that the offsets belong to.
        log_begins: By partition, the first offset that Kafka still has.

    Returns:
        None where nothing was deleted.
    """
    expected: dict[str, int] = {}
    moved: dict[str, int] = {}
    for partition, log_begin in log_begins.items():
        position = life.position(partition)
        if log_begin > position:
            name = transaction_id(life.log_id, partition)
            expected[name], moved[name] = position, log_begin
            moved[mark_name(life.log_id, partition, GAP_FROM)] = position
            moved[mark_name(life.log_id, partition, GAP_TO)] = log_begin
    if not moved:
        return None
    return Commit(expected | not_over(life.log_id), moved)


def without(gap: Range, recorded: Iterable[Range]) -> list[Range]:
    """Return what of a gap is not recorded yet, as ranges in order.

    Args:
        gap: Its first offset, and the one behind it.
        recorded: Ranges of the same form.
    """
    left, (at, end) = [], gap
    for first, behind in sorted(recorded):
        if first > at:
            left.append((at, min(first, end)))
        at = max(at, behind)
        if at >= end:
            return [part for part in left if part[0] < part[1]]
    return [part for part in [*left, (at, end)] if part[0] < part[1]]
