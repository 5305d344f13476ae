"""The demo's traffic: repeatable, realistic, and with an incident to be found."""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta, timezone
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import phonenumbers
import pyarrow as pa
import pytest

from streams.core.countries import country_of
from streams.core.outcomes import Outcomes
from streams.core.outline import Element, outline
from streams.core.senders import SenderTypes
from streams.reference import table
from streams.stack import examples, traffic
from streams.stack.traffic import INCIDENT
from streams.stack.traffic_places import PLACES
from streams.stack.traffic_posts import garbled

UNTIL = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SAMPLES = Path(__file__).parent.parent / "samples"

# 10,000 random attempts can hardly leave these bounds.
COPIES = (0.02, 0.04)
BODIES_OF_SEVERAL = (0.01, 0.03)
EXPIRED = (0.007, 0.025)
FAILED_BEFORE = (0.01, 0.08)
FAILED_DURING = (0.5, 0.85)

FINISHED = {"delivered", "failed", "unknown"}
OUTCOMES = Outcomes.from_rows(table("outcomes"))
UUID_4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

Callback = dict[str, Any]


@pytest.fixture(scope="module")
def bodies() -> list[bytes]:
    return traffic.bodies(4770, UNTIL)


@pytest.fixture(scope="module")
def elements(bodies: list[bytes]) -> list[Element]:
    return [element for body in bodies for element in outline(body)]


@pytest.fixture(scope="module")
def callbacks(elements: list[Element]) -> list[Callback]:
    return [json.loads(each.content) for each in elements if each.problem is None]


@pytest.fixture(scope="module")
def events(callbacks: list[Callback]) -> list[Callback]:
    first: dict[tuple[object, ...], Callback] = {}
    for callback in callbacks:
        first.setdefault(_identity(callback), callback)
    return list(first.values())


def _identity(callback: Callback) -> tuple[object, ...]:
    code = callback.get("errorCode")
    return callback["message"]["id"], callback["to"], callback["type"], code


def _outcome(callback: Callback) -> str:
    return OUTCOMES.outcome(callback["type"], callback.get("errorCode"))


def _time(callback: Callback) -> datetime:
    return datetime.fromisoformat(callback["time"])


def _sent_at(callback: Callback) -> datetime:
    return datetime.fromisoformat(callback["message"]["time"])


def _is_between(bounds: tuple[float, float], share: float) -> bool:
    return bounds[0] <= share <= bounds[1]


def test_a_seed_and_a_time_give_the_same_bytes() -> None:
    """The same seed and time give the same traffic, another seed another one."""
    once = traffic.bodies(1, UNTIL, messages=300)
    elsewhere = UNTIL.astimezone(timezone(timedelta(hours=5)))
    assert traffic.bodies(1, elsewhere, messages=300) == once
    assert traffic.bodies(2, UNTIL, messages=300) != once


def test_traffic_moves_with_its_end() -> None:
    """A later end moves every time and changes nothing else."""
    hour = timedelta(hours=1)
    now = _events_of(traffic.bodies(1, UNTIL, messages=300))
    later = _events_of(traffic.bodies(1, UNTIL + hour, messages=300))
    assert [_time(callback) + hour for callback in now] == [
        _time(callback) for callback in later
    ]
    assert [callback["to"] for callback in now] == [
        callback["to"] for callback in later
    ]


def _events_of(bodies: list[bytes]) -> list[Callback]:
    found = [element for body in bodies for element in outline(body)]
    return [json.loads(each.content) for each in found if each.problem is None]


def test_a_time_without_zone_is_refused() -> None:
    """The end of the traffic must say its zone."""
    with pytest.raises(ValueError, match="zone"):
        traffic.bodies(1, UNTIL.replace(tzinfo=None), messages=1)


def test_no_event_is_later_than_the_end(events: list[Callback]) -> None:
    """Events reach from a day before the end to its last minutes, never beyond."""
    times = [_time(callback) for callback in events]
    assert UNTIL - timedelta(minutes=2) < max(times) <= UNTIL
    assert UNTIL - timedelta(hours=26) <= min(times)
    assert min(times) < UNTIL - timedelta(hours=25, minutes=50)


def test_only_the_garbled_is_unreadable(
    bodies: list[bytes], elements: list[Element]
) -> None:
    """What is garbled on purpose, and nothing else, is told as a problem."""
    problems = [each.problem for each in elements if each.problem]
    assert len(problems) == 8_000 // 800
    assert len(problems) / len(bodies) < 0.002
    kinds = {re.sub(r"[(\[].*?[)\]]", "", problem) for problem in problems}
    assert len(kinds) >= 5


def test_every_garbled_form_is_unreadable(bodies: list[bytes]) -> None:
    """Each way of garbling gives a body of which nothing can be read."""
    forms = garbled(bodies[0])
    assert len(forms) == 7
    for body in forms:
        assert all(each.problem for each in outline(body)), body


def test_every_country_carrier_and_sender_type_is_there(
    events: list[Callback],
) -> None:
    """Every place and carrier gets messages, from every type of sender."""
    out = [each for each in events if each["message"]["direction"] == "out"]
    assert {country_of(each["to"]) for each in out} == {p.country for p in PLACES}
    pairs = {(country_of(each["to"]), each.get("carrierName")) for each in out}
    for place in PLACES:
        for carrier in place.carriers:
            assert (place.country, carrier) in pairs
    rule = SenderTypes.from_rows(table("sender_types"))
    senders = pa.array({each["message"]["from"] for each in out}, pa.string())
    assert set(rule.of(senders).to_pylist()) == {
        "toll_free",
        "short_code",
        "long_code",
        "alphanumeric",
    }
    assert len({each["message"]["applicationId"] for each in out}) == 4
    assert len({each["message"]["tag"] for each in out}) > 6


def test_numbers_are_valid(events: list[Callback]) -> None:
    """Every destination is a valid number, or our own short code."""
    for number in {each["to"] for each in events if each["to"].startswith("+")}:
        assert phonenumbers.is_valid_number(phonenumbers.parse(number)), number
    others = {each["to"] for each in events if not each["to"].startswith("+")}
    assert others == {"24365"}


def test_a_person_keeps_the_carrier(events: list[Callback]) -> None:
    """All receipts of one number name one carrier."""
    carriers: dict[str, set[str]] = {}
    for each in events:
        if "carrierName" in each:
            carriers.setdefault(each["to"], set()).add(each["carrierName"])
    assert max(len(names) for names in carriers.values()) == 1


def test_ids_and_times_have_the_documented_forms(events: list[Callback]) -> None:
    """Ids of sent messages begin with their time; received ones have UUIDs."""
    for each in events:
        message = each["message"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", each["time"])
        if message["direction"] == "in":
            assert re.fullmatch(UUID_4, message["id"])
        else:
            assert re.fullmatch(r"[0-9]{13}[0-9a-z]{16}", message["id"])
            assert int(message["id"][:13]) == int(_sent_at(each).timestamp() * 1_000)


def test_copies_repeat_an_event_byte_for_byte(
    elements: list[Element], events: list[Callback]
) -> None:
    """Some percent of the callbacks are copies, some of them much later."""
    places: dict[bytes, list[int]] = {}
    readable = [each for each in elements if each.problem is None]
    for place, each in enumerate(readable):
        places.setdefault(each.content, []).append(place)
    assert len(places) == len(events)
    assert _is_between(COPIES, 1 - len(events) / len(readable))
    apart = [found[-1] - found[0] for found in places.values() if len(found) > 1]
    assert min(apart) < len(readable) * 0.01
    assert max(apart) > len(readable) * 0.3


def test_events_come_out_of_order(events: list[Callback]) -> None:
    """Some are swapped with their neighbours, and some come half an hour late."""
    times = [_time(each) for each in events]
    backwards = sum(b < a for a, b in pairwise(times))
    assert 0.005 < backwards / len(times) < 0.2
    latest = accumulate(times, max)
    behind = [most - time for most, time in zip(latest, times, strict=True)]
    assert sum(each > timedelta(minutes=30) for each in behind) > 50
    assert max(behind) < timedelta(hours=2, minutes=5)


def test_some_are_delivered_before_they_are_sent(events: list[Callback]) -> None:
    """Now and then the end of a message is told before what led to it."""
    finished: set[tuple[str, str]] = set()
    early = 0
    for each in events:
        key = each["message"]["id"], each["to"]
        if _outcome(each) in FINISHED:
            finished.add(key)
        early += _outcome(each) == "in_progress" and key in finished
    assert early > 10


def test_delays_are_seconds_sometimes_minutes_or_hours(
    events: list[Callback],
) -> None:
    """Most receipts come within seconds, a few after minutes, some after hours."""
    seconds = sorted(
        (_time(each) - _sent_at(each)).total_seconds()
        for each in events
        if each["type"] == "message-delivered"
    )
    assert seconds[0] > 0
    assert 2 < seconds[len(seconds) // 2] < 6
    assert 60 < seconds[int(len(seconds) * 0.98)] < 3_600
    assert 3_600 < seconds[-5] < 10 * 3_600


def test_some_receipts_expire(events: list[Callback]) -> None:
    """One or two percent end without a receipt, 73 hours after they were sent."""
    finished = [each for each in events if _outcome(each) in FINISHED]
    expired = [each for each in finished if each.get("errorCode") == 9902]
    assert _is_between(EXPIRED, len(expired) / len(finished))
    assert {_time(each) - _sent_at(each) for each in expired} == {timedelta(hours=73)}


def test_kinds_of_messages(events: list[Callback]) -> None:
    """SMS, MMS that are sending first, groups with one id, sent, and received."""
    kinds = Counter(each["type"] for each in events)
    assert set(kinds) == {
        "message-delivered",
        "message-failed",
        "message-sending",
        "message-sent",
        "message-received",
    }
    assert min(kinds.values()) > 50
    for each in events:
        if each["type"] == "message-sending":
            assert each["message"]["media"]
        assert each["to"] in each["message"]["to"]
    groups: dict[str, set[str]] = {}
    for each in events:
        if len(each["message"]["to"]) > 1 and _outcome(each) in FINISHED:
            groups.setdefault(each["message"]["id"], set()).add(each["to"])
    whole = [len(reached) > 1 for reached in groups.values()]
    assert sum(whole) > 0.9 * len(whole) > 20


def test_codes_are_documented(events: list[Callback]) -> None:
    """Each code has its slug, and a carrier's volume code that carrier."""
    slugs = {int(row["code"]): row["name"] for row in table("error_codes")}
    failed = [each for each in events if each["type"] == "message-failed"]
    assert len({each["errorCode"] for each in failed}) > 12
    for each in failed:
        assert each["description"] == slugs[each["errorCode"]]
    volume = {
        (e["errorCode"], e["carrierName"])
        for e in failed
        if "vol" in slugs[e["errorCode"]]
    }
    assert (4780, "TMobile") in volume
    assert {carrier for code, carrier in volume if code == 4780} == {"TMobile"}


def test_what_the_provider_refuses_reaches_no_carrier(events: list[Callback]) -> None:
    """A refusal by the provider names no carrier, and nothing was told before it."""
    refused = [
        each
        for each in events
        if each["type"] == "message-failed"
        and each["errorCode"] // 100 not in {47, 56, 99}
    ]
    assert len(refused) > 5
    assert not any("carrierName" in each for each in refused)
    assert all(_time(each) - _sent_at(each) < timedelta(seconds=5) for each in refused)
    ids = {each["message"]["id"] for each in refused}
    told = [each for each in events if len(each["message"]["to"]) == 1]
    told = [each for each in told if each["message"]["id"] in ids]
    assert {each["type"] for each in told} == {"message-failed"}


def test_applications_set_priority_and_channel(events: list[Callback]) -> None:
    """One application sends with high priority, one over several channels."""
    given = Counter(
        (each["message"].get("priority"), each["message"].get("channel"))
        for each in events
    )
    assert set(given) == {(None, None), ("high", None), (None, "SMS")}
    assert min(given.values()) > 500


def test_bodies_hold_one_callback_mostly(bodies: list[bytes]) -> None:
    """A few bodies hold several callbacks, at most five."""
    sizes = Counter(len(outline(body)) for body in bodies)
    assert _is_between(BODIES_OF_SEVERAL, 1 - sizes[1] / len(bodies))
    assert max(sizes) == 5


def test_the_incident_begins_at_its_hour(events: list[Callback]) -> None:
    """The carrier's failures jump from some percent to most, and no other's do."""
    begins = UNTIL - timedelta(hours=INCIDENT.hours)
    found: dict[tuple[bool, bool], Counter[bool]] = {}
    for each in events:
        if _outcome(each) not in FINISHED or country_of(each["to"]) != INCIDENT.country:
            continue
        struck = each.get("carrierName") == INCIDENT.carrier
        during = _time(each) >= begins
        refused = each.get("errorCode") == INCIDENT.error_code
        found.setdefault((struck, during), Counter())[refused] += 1
    rates = {key: each[True] / each.total() for key, each in found.items()}
    assert found[True, True].total() > 50
    assert _is_between(FAILED_DURING, rates[True, True])
    assert max(rates[True, False], rates[False, False], rates[False, True]) < 0.02


def test_the_incident_is_the_first_thing_one_sees(bodies: list[bytes]) -> None:
    """Of all pairs of country and code that fail, it has most events and most rate."""
    counts = traffic.summary(bodies)
    finished: Counter[str] = Counter()
    for (country, outcome, _), events in counts.items():
        finished[country] += events if outcome in FINISHED else 0
    failed = {
        (country, code): events
        for (country, outcome, code), events in counts.items()
        if outcome == "failed"
    }
    struck = (INCIDENT.country, INCIDENT.error_code)
    second = sorted(failed.values())[-2]
    assert failed.pop(struck) > 2 * second
    assert max(n / finished[country] for (country, _), n in failed.items()) < 0.03


def test_failure_rates_stand_apart_from_the_incident(events: list[Callback]) -> None:
    """Without the incident, each larger country fails by some percent."""
    rates: dict[str, Counter[bool]] = {}
    for each in events:
        if _outcome(each) in FINISHED and each.get("carrierName") != INCIDENT.carrier:
            rate = rates.setdefault(country_of(each["to"]), Counter())
            rate[_outcome(each) == "failed"] += 1
    for country in ("US", "CA", "MX", "GB", "BR", "IN"):
        share = rates[country][True] / rates[country].total()
        assert _is_between(FAILED_BEFORE, share), country


def test_summary_counts_events_once(
    bodies: list[bytes], events: list[Callback]
) -> None:
    """The summary has each event once, whatever is repeated or unreadable."""
    assert traffic.summary(bodies).total() == len(events)
    assert traffic.summary([*bodies, *bodies]) == traffic.summary(bodies)


def test_summary_of_the_documented_examples() -> None:
    """4432 is a failure in Mexico; 9902 is unknown once it can be read."""
    posted = [
        examples.FORBIDDEN_TO_COUNTRY,
        examples.RECEIPT_EXPIRED,
        examples.RECEIPT_EXPIRED_REPAIRED,
        b'{"type":"message-sent","to":"+525512345678","message":{"id":""}}',
        b'[null,{"type":1},{"type":"message-failed","message":[]}]',
    ]
    assert traffic.summary(posted) == {
        ("MX", "failed", 4432): 1,
        ("US", "unknown", 9902): 1,
    }


def test_examples_are_those_of_the_documentation() -> None:
    """The examples that are posted are the provider's own, byte for byte."""
    forbidden = SAMPLES / "docs2020_message-failed_4432.json"
    expired = SAMPLES / "docs2020_message-failed_9902.INVALID.txt"
    repaired = SAMPLES / "docs2020_message-failed_9902.fixed.json"
    assert examples.FORBIDDEN_TO_COUNTRY.strip() == forbidden.read_bytes().strip()
    assert examples.RECEIPT_EXPIRED.strip() == expired.read_bytes().strip()
    assert json.loads(examples.RECEIPT_EXPIRED_REPAIRED) == json.loads(
        repaired.read_bytes()
    )
