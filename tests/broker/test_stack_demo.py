"""The demo: what it shows is true, it ends cleanly, and it can be run again."""

import re
import signal
import time
from pathlib import Path

import msgspec
import pytest

from streams.stack import examples, ports
from tests.broker.conftest import FREE_PORTS, Start, crowding, run_command

pytestmark = [pytest.mark.broker, pytest.mark.timeout(600)]
SAMPLES = Path(__file__).parents[1] / "samples"


def test_examples_are_those_of_the_provider() -> None:
    """Byte for byte; the repaired one differs by its comma alone."""
    forbidden = SAMPLES / "docs2020_message-failed_4432.json"
    expired = SAMPLES / "docs2020_message-failed_9902.INVALID.txt"
    repaired = SAMPLES / "docs2020_message-failed_9902.fixed.json"

    assert forbidden.read_bytes() == examples.FORBIDDEN_TO_COUNTRY
    assert expired.read_bytes() == examples.RECEIPT_EXPIRED
    assert msgspec.json.decode(repaired.read_bytes()) == msgspec.json.decode(
        examples.RECEIPT_EXPIRED_REPAIRED
    )
    assert len(examples.RECEIPT_EXPIRED) - len(examples.RECEIPT_EXPIRED_REPAIRED) == 1


def test_demo_shows_its_story_and_a_second_one_ends_at_ctrl_c(
    start_stack: Start,
) -> None:
    """The first ends by itself with 0; the second, on the same data, stays up."""
    first = start_stack(
        "--once",
        *FREE_PORTS,
        command="demo",
        wait_for_words="What to try next",
        seconds=240,
    )
    assert first.process.wait(60) == 0, first.said
    assert_story(first.said)
    assert_transcript_is_real(first.said)
    assert not first.processes()

    began = time.monotonic()
    second = start_stack(command="demo", wait_for_words="Posting ")
    assert time.monotonic() - began < 15 * crowding()
    second.wait_until_said("Ready.", 240)
    assert_story(second.said)
    listened = second.listening()
    assert len(listened) == 4

    assert second.end(signal.SIGINT) == 0

    assert not second.processes()
    assert all(ports.is_free("127.0.0.1", port) for port in listened)
    data_dir = f"--data-dir={second.data_dir}"
    counted = run_command("report", "overview", data_dir, "--format=json")
    (overview,) = msgspec.json.decode(counted.stdout)
    assert overview["finished"] > 12_000  # two days of traffic: nothing was a copy


def assert_story(said: str) -> None:
    """Assert that the demo has said what there is to see."""
    lines = [" ".join(line.split()) for line in said.splitlines()]
    for report in ("overview", "failure_rates_by_country_and_error_code"):
        assert f"undelivered report {report}" in lines
    assert any(line.startswith("GB United Kingdom 4770 ") for line in lines)
    example = "4432 forbidden to country failed 2016-09-14T18:20:16Z"
    assert f"MX {example}" in lines
    assert "US 9902 delivery-receipt-expired unknown 2016-09-14T18:20:16Z" in lines
    problem = "[0].message.to[1]: not JSON, trailing comma in array"
    assert any(line.startswith(problem) for line in lines)
    assert any(line.startswith("MX Mexico ") and "of" in line for line in lines)
    assert '"carrier": "Telcel",' in lines
    assert '"error_code": 4750,' in lines
    assert any(line.endswith(" compared with the monitor.") for line in lines)
    assert "Nothing is wrong: every cell of the counts equals its recount." in lines
    assert "Traceback" not in said


README = Path(__file__).parents[2] / "README.md"


def assert_transcript_is_real(said: str) -> None:
    """Find each line of the README's transcript in what the demo said.

    Numbers differ from run to run: they are compared as such. A table is as wide as
    its terminal: of its lines, which begin with a blank, each word is looked for.
    """
    block = README.read_text().split("$ make demo ONCE=1\n")[1].split("```")[0]
    spoken = shape(said)
    words = set(spoken.split())
    missing = [
        line
        for line in block.splitlines()
        if line != "…"
        and shape(line) not in spoken
        and not (line.startswith(" ") and set(shape(line).split()) <= words)
    ]
    assert missing == []


def shape(text: str) -> str:
    """Return a text with each number as #, rules and courses left out, blanks folded.

    Which way a rate changed is chance, too.
    """
    drawn = re.sub("[─▁▂▃▄▅▆▇█…]", "", text)
    return " ".join(re.sub(r"[+-]?[0-9]+(\.[0-9]+)?", "#", drawn).split())
