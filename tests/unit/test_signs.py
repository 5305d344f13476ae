"""Signs of life: the broker's time, and who has fallen silent; no right clock."""

import pytest

from streams.core.live import Place
from streams.core.publications import Publication
from streams.monitor.signs import Signs, in_words

NOON_MS = 1_777_896_000_000  # 2026-05-04T12:00:00Z


class Clocks:
    """Two clocks of one machine; the one on the wall may be wrong."""

    def __init__(self, wall: float) -> None:
        """Begin with the wall's clock at a time, seconds since 1970."""
        self.steady = 1_000.0
        self.wrong = wall - 1_000.0

    def signs(self) -> Signs:
        """Return signs that read these clocks."""
        return Signs(lambda: self.steady, lambda: self.steady + self.wrong)


def message(
    partition: int = 0, position: int = 0, as_of: int | None = None
) -> Publication:
    """Make a message without cells."""
    return Publication(
        "log", partition, 0, position, complete=True, cells=[], as_of=as_of
    )


@pytest.mark.parametrize("wall", [0.0, NOON_MS / 1000, NOON_MS / 1000 + 1e8])
def test_time_is_the_brokers_whatever_the_machines_clock_says(wall: float) -> None:
    """Once a message was written since the start, and on from it."""
    clocks = Clocks(wall)
    signs = clocks.signs()
    signs.caught_up()
    signs.note(message(), NOON_MS)
    clocks.steady += 2.5

    assert signs.now_ms() == NOON_MS + 2_500


def test_messages_of_before_the_start_do_not_tell_the_time() -> None:
    """They may be hours old: the machine's clock is nearer."""
    clocks = Clocks(NOON_MS / 1000)
    signs = clocks.signs()
    signs.note(message(), NOON_MS - 3_600_000)
    signs.caught_up()

    assert signs.now_ms() == NOON_MS


def test_time_does_not_fall_behind_the_newest_message() -> None:
    """Also when the machine's clock does."""
    signs = Clocks(0.0).signs()
    signs.note(message(), NOON_MS)

    assert signs.now_ms() == NOON_MS


def test_a_late_message_does_not_set_the_time_back() -> None:
    """The message that came quickest tells it best."""
    clocks = Clocks(0.0)
    signs = clocks.signs()
    signs.caught_up()
    signs.note(message(), NOON_MS)
    clocks.steady += 1
    signs.note(message(1), NOON_MS + 200)

    assert signs.now_ms() == NOON_MS + 1_000


def test_silences_are_said_once_for_those_that_fell_silent_together() -> None:
    """A worker that died took its partitions with it; another one is named apart."""
    clocks = Clocks(0.0)
    signs = clocks.signs()
    places = [Place("log", number) for number in range(5)]
    signs.caught_up()
    signs.note(message(3), NOON_MS - 60_000)
    for number in (0, 1, 2):
        signs.note(message(number), NOON_MS + number)
    signs.note(message(4), NOON_MS + 10)
    clocks.steady += 5.5
    signs.note(message(4), NOON_MS + 5_500)

    assert [sentence.partition(":")[0] for sentence in signs.silences(places)] == [
        "Nobody has written about partition 3 since 2026-05-04T11",
        "Nobody has written about partitions 0-2 since 2026-05-04T12",
    ]


def test_nobody_is_silent_while_the_start_is_read() -> None:
    """What is read then is old."""
    clocks = Clocks(0.0)
    signs = clocks.signs()
    signs.note(message(), NOON_MS)
    clocks.steady += 60
    assert signs.silences([Place("log", 0), Place("log", 1)]) == []
    signs.caught_up()
    clocks.steady += 4
    assert signs.silences([Place("log", 0), Place("log", 1)]) == []
    clocks.steady += 2

    assert len(signs.silences([Place("log", 0), Place("log", 1)])) == 2


def test_what_was_told_holds_for_the_records_it_was_told_of() -> None:
    """A later message of a lower position tells less, and is not taken."""
    signs = Clocks(0.0).signs()
    place = Place("log", 0)
    signs.note(message(position=10, as_of=7), NOON_MS)
    signs.note(message(position=8, as_of=9), NOON_MS)

    assert (signs.told(place, 9), signs.told(place, 10)) == (None, 7)
    assert signs.is_beyond(place, 9)
    assert not signs.is_beyond(place, 10)


def test_partitions_are_named_in_ranges() -> None:
    """As short as can be."""
    assert in_words([3]) == "partition 3"
    assert in_words([7, 0, 1, 2, 5]) == "partitions 0-2, 5, 7"
