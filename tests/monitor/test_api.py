"""The HTTP API: what its document says, errors, headers, who is let in."""

import gzip
import json
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from streams.core.rate_query import FINISHED
from streams.monitor import asked
from tests.monitor.world import MOST_ROWS, Monitor, failed
from tests.sql.archive import NOON, cell

DAY = timedelta(days=1)
EXAMPLES = 10
DOCUMENTED = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
GOOD: list[dict[str, Any]] = [
    {},
    {"since": "all", "window": "1d", "by": "country,carrier,application_id"},
    {"since": "24h", "window": "5m", "by": "error_code,channel,sender_type"},
    {"since": "all", "by": "outcome,error_code", "compare": "7d"},
    {"since": "all", "by": "country", "compare": "7d", "top": 1},
    {"since": "all", "by": "country,error_code", "top": 1, "window": "1h"},
    {"outcome": ["failed", "unknown"], "error_code": ["", 4770]},
]


def drawn(operation: Any, mode: GenerationMode) -> list[Any]:  # noqa: ANN401
    """Draw requests as the document describes them, or as it does not."""
    cases: list[Any] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode))
    def draw(case: Any) -> None:  # noqa: ANN401
        cases.append(case)

    draw()
    return cases


async def test_answers_are_what_the_document_says(monitor: Monitor) -> None:
    """Whatever is asked, allowed or not: status, type and form are documented."""
    monitor.archive.add_counts(
        [
            cell(7),
            failed(3),
            cell(2, carrier="<AT&T>", outcome="in_progress"),
            failed(5, window_start=NOON - 7 * DAY, error_code=None),
        ]
    )
    await monitor.load()
    monitor.publish([failed(1)], base=100, position=110, as_of=NOON)
    document = (await monitor.get("/api/openapi.json")).json()
    operation = schemathesis.openapi.from_dict(document)["/api/rates"]["GET"]
    cases = [
        *(operation.Case(query=query) for query in GOOD),
        *drawn(operation, GenerationMode.POSITIVE),
        *drawn(operation, GenerationMode.NEGATIVE),
    ]

    answers = []
    async with monitor.client() as client:
        for case in cases:
            given_case = case.as_transport_kwargs(base_url="http://127.0.0.1")
            answer = await client.get("/api/rates", params=given_case["params"])
            case.validate_response(answer, checks=DOCUMENTED)
            answers.append(answer)

    good = answers[: len(GOOD)]
    assert [answer.status_code for answer in good] == [200] * len(GOOD)
    assert all(answer.json()["rows"] for answer in good)
    assert {answer.status_code for answer in answers} == {200, 400}


async def test_every_parameter_and_route_is_in_the_document(monitor: Monitor) -> None:
    """And nothing that is not there, such as FastAPI's 422."""
    document = (await monitor.get("/api/openapi.json")).json()

    assert set(document["paths"]) == {"/api/rates", "/api/stream"}
    for path in document["paths"].values():
        names = {parameter["name"] for parameter in path["get"]["parameters"]}
        assert names == set(asked.NAMES)
        assert set(path["get"]["responses"]) == {"200", "400", "503"}


# --- Columns -------------------------------------------------------------------------


async def test_names_of_a_row_are_those_of_the_contract(monitor: Monitor) -> None:
    """In the order they are documented in; no more, no less."""
    monitor.archive.add_counts([cell(7), failed(3)])
    await monitor.load()

    (whole,) = await monitor.rows(by="country")
    (part,) = await monitor.rows(by="country,error_code")

    rates = ["failure_rate", "unknown_rate", "low", "high"]
    assert list(whole) == ["window_start", "country", *FINISHED, "finished", *rates]
    measures = ["events", "finished", "rate", "low", "high"]
    assert list(part) == ["window_start", "country", "error_code", *measures]
    assert (part["error_code"], part["events"], part["finished"]) == (4770, 3, 10)


async def test_null_and_empty_are_asked_for_by_an_empty_value(
    monitor: Monitor,
) -> None:
    """A carrier that was not told, and one without a name."""
    monitor.archive.add_counts(
        [cell(1), cell(2, carrier=""), cell(4, carrier="AT&T"), failed(8)]
    )
    await monitor.load()

    (row,) = await monitor.rows(carrier="")
    (coded,) = await monitor.rows(error_code=["", "4720"])

    assert (row["delivered"], row["failed"]) == (3, 8)
    assert (coded["failed"], coded["finished"]) == (0, 15)


# --- Errors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/rates?x=1", 400, "Parameter 'x' is not known"),
        ("/api/rates?window=1s", 400, "window 1s is not usable"),
        ("/api/stream?by=city", 400, "by cannot be 'city'"),
        ("/api/nothing", 404, "There is nothing here"),
        ("/docs", 404, "There is nothing here"),
    ],
)
async def test_an_error_is_one_sentence(
    monitor: Monitor, path: str, status: int, says: str
) -> None:
    """As JSON, and not kept by a cache."""
    await monitor.load()

    answer = await monitor.get(path)

    assert answer.status_code == status
    assert answer.json()["error"].startswith(says)
    assert list(answer.json()) == ["error"]
    assert answer.headers["cache-control"] == "no-store"


async def test_only_get_is_allowed(monitor: Monitor) -> None:
    """There is nothing to be changed here."""
    async with monitor.client() as client:
        answer = await client.post("/api/rates")

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_too_many_rows_are_refused_with_what_to_do(monitor: Monitor) -> None:
    """Nothing is cut off in silence, in memory and of the table."""
    minute = timedelta(minutes=1)
    monitor.archive.add_counts(
        [failed(1, window_start=NOON - k * minute) for k in range(MOST_ROWS + 1)]
    )
    await monitor.load()

    everything = await monitor.get("/api/rates", since="30d", window="1m")
    enough = await monitor.get("/api/rates", since="30d", window="2m")

    assert everything.status_code == 400
    assert everything.json()["error"] == (
        f"The answer would have {MOST_ROWS + 1} rows, {MOST_ROWS} are allowed: ask for "
        f"a shorter period, a longer window, fewer dimensions in by, or top."
    )
    assert len(enough.json()["rows"]) == MOST_ROWS // 2 + 1


# --- How it is sent ------------------------------------------------------------------


async def test_large_answers_are_compressed_for_who_can_read_it(
    monitor: Monitor,
) -> None:
    """The same answer, with and without."""
    minute = timedelta(minutes=1)
    monitor.archive.add_counts(
        [failed(k + 1, window_start=NOON - k * minute) for k in range(1_200)]
    )
    await monitor.load()
    async with monitor.client() as client:
        path = "/api/rates?since=25h&window=1m"
        plain = await client.get(path, headers={"accept-encoding": "identity"})
        async with client.stream("GET", path) as packed:
            content = b"".join([part async for part in packed.aiter_raw()])

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert json.loads(gzip.decompress(content))["rows"] == plain.json()["rows"]
    assert len(plain.json()["rows"]) == 1_200
    assert len(content) * 5 < len(plain.content)


async def test_answers_are_data_to_a_browser_whatever_a_provider_sent(
    monitor: Monitor,
) -> None:
    """No page of another site reads them, none takes them for a page."""
    monitor.archive.add_counts([failed(1, carrier="</script><b>x")])
    await monitor.load()

    answer = await monitor.get("/api/rates", by="carrier")

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=1"
    assert "access-control-allow-origin" not in answer.headers
    assert b"<" not in answer.content
    assert answer.json()["rows"][0]["carrier"] == "</script><b>x"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8781", 200),
        ("localhost", 200),
        ("LOCALHOST.:1", 200),
        ("[::1]:8781", 200),
        ("attacker.example:8781", 400),
        ("127.0.0.1.attacker.example", 400),
        ("", 400),
    ],
)
async def test_on_loopback_only_loopback_names_are_let_in(
    monitor: Monitor, host: str, status: int
) -> None:
    """A name of another site that was made to point here is not."""
    await monitor.load()
    async with monitor.client() as client:
        answer = await client.get("/livez", headers={"host": host})

    assert answer.status_code == status


async def test_health_and_metrics_are_there(monitor: Monitor) -> None:
    """For load balancers and Prometheus."""
    await monitor.load()
    await monitor.rows()
    monitor.live.forget_old_hours()

    assert (await monitor.get("/livez")).json() == {"status": "alive"}
    assert (await monitor.get("/readyz")).json() == {"status": "ready"}
    metrics = (await monitor.get("/metrics")).text
    assert "undelivered_cells_in_memory 0.0" in metrics
    assert 'undelivered_api_seconds_count{status="200"}' in metrics
