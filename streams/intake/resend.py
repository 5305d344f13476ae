"""Dead letters sent again after a repair, each linked to the row it came from.

A dead letter that was resent is none any more once the archive holds what was sent.
Until then the topic's tail tells: every record beyond the archive's positions is looked
at, so that nothing is sent twice, whether or not a worker runs.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from streams.archive import site
from streams.archive.site import Where
from streams.intake.editor import edited
from streams.intake.mending import Mended, judged, mend
from streams.intake.sender import sending
from streams.intake.tail import unarchived_origins
from streams.settings import ConfigurationError
from streams.topics import Log, current_log
from streams.warehouse import connection, dead_letters, snapshot
from streams.warehouse.dead_letters import Choice, DeadLetter
from streams.warehouse.output.values import printable

if TYPE_CHECKING:
    import duckdb

    from streams.warehouse.snapshot import Snapshot

_LOCK = "resend.lock"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asks for.

    Attributes:
        choice: Which dead letters.
        fix: A repair of ``mending.FIXES``; None for none.
        editor: Command of the editor to open each in; None for none.
        is_sure: Send without asking.
        is_rehearsal: Say what would be sent, and send nothing.
    """

    choice: Choice
    fix: str | None = None
    editor: Sequence[str] | None = None
    is_sure: bool = False
    is_rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Talk:
    """How to speak with the person: say a line, ask a question."""

    say: Callable[[str], None]
    ask: Callable[[str], bool]


@dataclass(slots=True)
class Tally:
    """What became of the dead letters chosen.

    Attributes:
        sent: Dead letters that were sent again.
        callbacks: Callbacks they became.
        before: Dead letters that had been resent before.
        unreadable: Dead letters that still cannot be read.
        skipped: Dead letters that the person did not want to be sent.
    """

    sent: int = 0
    callbacks: int = 0
    before: int = 0
    unreadable: int = 0
    skipped: int = 0

    def sentence(self, *, is_rehearsal: bool) -> str:
        """Say what became of them, in one line."""
        sent = "would be sent" if is_rehearsal else "sent"
        letters = _counted(self.sent, "dead letter")
        parts = [
            f"{letters} {sent} as {_counted(self.callbacks, 'callback')}",
            f"{self.before:,} resent before" * bool(self.before),
            f"{self.unreadable:,} still cannot be read" * bool(self.unreadable),
            f"{self.skipped:,} skipped" * bool(self.skipped),
        ]
        return ", ".join(filter(None, parts)) + "."


def run(where: Where, bootstrap_servers: str, asked: Asked, talk: Talk) -> Tally:
    """Repair dead letters and send them; return when Kafka has acknowledged all.

    Raises:
        ConfigurationError: Kafka or the archive cannot be read, a place is none, or
            another resend runs on the data folder.
        NotAcknowledgedError: Kafka has not acknowledged.
    """
    # Its warnings repeat what our own errors say.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    with _only_one(site.at(where).data_dir):
        log = current_log(bootstrap_servers)
        taken = snapshot.take(where)
        with connection.connect_over(taken) as opened:
            resend = _Resend(asked, talk)
            for place in dead_letters.repaired(opened, asked.choice.places):
                resend.note_sent_before(place)
            # After the snapshot: what is archived later is still looked at.
            underway = unarchived_origins(
                bootstrap_servers, _positions(opened, taken, log)
            )
            if resend.is_wanted(dead_letters.count(opened, asked.choice)):
                letters = dead_letters.chosen(opened, asked.choice)
                resend.send(resend.mended(letters, underway), bootstrap_servers, log)
    return resend.tally


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Keep a second resend out: two at once would both find nothing sent yet."""
    lock = FileLock(data_dir / _LOCK)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ConfigurationError(
            f"Another resend runs on {data_dir}: wait until it has ended."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"The data folder {data_dir} cannot be written ({error.strerror}): resend "
            f"where the archive can be."
        ) from error
    try:
        yield
    finally:
        lock.release()


def _positions(
    opened: "duckdb.DuckDBPyConnection", taken: "Snapshot", log: Log
) -> dict[int, int]:
    """Return from where on records may not be archived, by partition.

    A log that began a new life (``<log_id>~1``) has a position in each: the lowest is
    low enough.
    """
    lives = opened.execute(
        "select distinct log_id from stored_callbacks "
        "where log_id = $id or starts_with(log_id, $id || '~')",
        {"id": log.log_id},
    ).fetchall()
    return {
        partition: min(
            (taken.callbacks.position(life, partition) for (life,) in lives), default=0
        )
        for partition in range(log.partitions)
    }


@dataclass(slots=True)
class _Resend:
    """One run: what is asked, with whom to speak, what became of it."""

    asked: Asked
    talk: Talk
    tally: Tally = field(default_factory=Tally)

    def note_sent_before(self, place: str) -> None:
        """Count and name a dead letter that is not sent a second time."""
        self.tally.before += 1
        self.talk.say(f"{printable(place)}: has been resent already")

    def is_wanted(self, chosen: int) -> bool:
        """Ask before anything is sent; whoever edits is asked at each one."""
        if chosen == 0:
            if not self.tally.before:
                self.talk.say("There is no such dead letter: nothing is sent.")
            return False
        asked = self.asked
        if asked.is_sure or asked.is_rehearsal or asked.editor is not None:
            return True
        return self.talk.ask(f"Repair and resend {_counted(chosen, 'dead letter')}?")

    def mended(
        self, letters: Iterator[DeadLetter], underway: set[str]
    ) -> Iterator[Mended]:
        """Yield what can be sent; say of the rest why not.

        Args:
            letters: Dead letters of the archive.
            underway: Origins of what was sent and is not archived yet.
        """
        for letter in letters:
            if letter.place in underway:
                self.note_sent_before(letter.place)
                continue
            mended = mend(letter, self.asked.fix)
            if self.asked.editor is not None:
                mended, is_wanted = self._edited(mended, self.asked.editor)
                if not is_wanted:
                    self.tally.skipped += 1
                    continue
            if mended.problem is None:
                yield mended
            else:
                self.tally.unreadable += 1
                self.talk.say(f"{letter.place}: not sent, {printable(mended.problem)}")

    def _edited(self, mended: Mended, editor: Sequence[str]) -> tuple[Mended, bool]:
        """Let a person edit until it can be read; tell whether they want it sent."""
        is_done = False
        while not is_done:
            wrong = mended.problem or "can be read, nothing has to be mended"
            self.talk.say(f"{mended.place}: {printable(wrong)}")
            mended = judged(mended.place, edited(mended.content, editor))
            is_done = mended.problem is None or not self._may_ask(
                f"Still wrong: {printable(mended.problem)}. Edit it again?"
            )
        if mended.problem is not None or self.asked.is_sure or self.asked.is_rehearsal:
            return mended, True
        callbacks = _counted(len(mended.elements), "callback")
        return mended, self.talk.ask(f"{mended.place}: send {callbacks}?")

    def _may_ask(self, question: str) -> bool:
        return not self.asked.is_sure and self.talk.ask(question)

    def send(self, letters: Iterator[Mended], bootstrap_servers: str, log: Log) -> None:
        """Send what was mended, or say what would be sent."""
        if self.asked.is_rehearsal:
            for mended in letters:
                callbacks = _counted(len(mended.elements), "callback")
                self.talk.say(f"{mended.place}: would be sent as {callbacks}")
                self._count(mended)
            return
        with sending(bootstrap_servers) as sender:
            for mended in letters:
                sender.send(mended, log.partitions)
                self._count(mended)

    def _count(self, mended: Mended) -> None:
        self.tally.sent += 1
        self.tally.callbacks += len(mended.elements)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
