"""A topic full of callbacks shaped like real ones: about 600 bytes, random ids."""

import asyncio
import random
import string
from collections.abc import Iterator
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer

from streams import topics

_BASE36 = string.digits + string.ascii_lowercase
_CARRIERS = ("AT&T", "Verizon", "TMobile", "other")
_AREAS = ("1206", "1212", "1305", "1416", "1876", "44791", "52155", "5511", "9198")
_SENDERS = ("12065550100", "12065550101", "18335550102")
_TAGS = ("order-confirmation", "one-time-code", "spring-campaign")
_DELIVERED = "Message delivered to carrier."
_FAILURES = (
    (4770, "destination-spam-detected"),
    (4720, "destination-carrier-unreachable"),
    (9902, "delivery-receipt-expired"),
)
# Indented as the provider's documents print it.
_TEMPLATE = """\
{{
    "time": "{time}",
    "type": "{type}",
    "to": "+{to}",
    "description": "{description}",{code}
    "carrierName": "{carrier}",
    "message": {{
        "id": "{id}",
        "owner": "+{sender}",
        "applicationId": "cfd4fb83-7531-4acc-b471-42d0bb76a65c",
        "time": "{message_time}",
        "segmentCount": 1,
        "direction": "out",
        "to": ["+{to}"],
        "from": "+{sender}",
        "text": "",
        "tag": "{tag}"
    }}
}}"""
_BEGIN_US = 1_795_500_000_000_000  # 2026-11-24T06:00:00Z
_SPAN_US = 6 * 3_600 * 1_000_000
_MOST_WAITING = 2_000


def _written(time_us: int) -> str:
    time = datetime.fromtimestamp(time_us // 10**6, UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time_us % 10**6:06d}Z"


def callbacks(count: int, seed: int = 1) -> Iterator[tuple[str, bytes]]:
    """Yield message id and bytes of each callback; one in twelve failed.

    They come as a provider sends what lies back: six hours, by rising time, each a few
    seconds after its message and none exactly in turn.
    """
    draw = random.Random(seed)  # noqa: S311 - a load, no secret
    for number in range(count):
        failed = draw.random() < 1 / 12
        sent_us = _BEGIN_US + number * _SPAN_US // count
        sent_us += int(draw.expovariate(1 / 10) * 1e6)
        time_us = sent_us + int(draw.expovariate(1 / 4) * 1e6)
        message_id = f"{sent_us // 1000}" + "".join(draw.choices(_BASE36, k=16))
        code, description = draw.choice(_FAILURES) if failed else (None, _DELIVERED)
        yield (
            message_id,
            _TEMPLATE.format(
                time=_written(time_us),
                message_time=_written(sent_us),
                type="message-failed" if failed else "message-delivered",
                to=f"{draw.choice(_AREAS)}{draw.randrange(10**7):07d}",
                sender=draw.choice(_SENDERS),
                tag=draw.choice(_TAGS),
                description=description,
                code=f'\n    "errorCode": {code},' if code else "",
                carrier=draw.choice(_CARRIERS),
                id=message_id,
            ).encode(),
        )


async def fill(bootstrap_servers: str, count: int, per_record: int) -> int:
    """Write callbacks to the topic, so many a record; return how many records."""
    log = topics.ensure_topics(bootstrap_servers, 8)
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks=1,
        linger_ms=20,
        max_batch_size=1 << 18,
    )
    await producer.start()
    groups: dict[int, list[bytes]] = {p: [] for p in range(log.partitions)}
    waiting: list[asyncio.Future[object]] = []
    records = 0
    for message_id, content in callbacks(count):
        partition = topics.partition_of(message_id.encode(), log.partitions)
        group = groups[partition]
        group.append(content)
        if len(group) >= per_record:
            value = b"[" + b",".join(group) + b"]"
            waiting.append(
                await producer.send(topics.CALLBACKS, value, partition=partition)
            )
            group.clear()
            records += 1
        if len(waiting) >= _MOST_WAITING:
            await asyncio.gather(*waiting)
            waiting.clear()
    for partition, group in groups.items():
        if group:
            value = b"[" + b",".join(group) + b"]"
            waiting.append(
                await producer.send(topics.CALLBACKS, value, partition=partition)
            )
            records += 1
    await asyncio.gather(*waiting)
    await producer.stop()
    return records
