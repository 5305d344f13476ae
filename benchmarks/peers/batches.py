"""The records of a topic by confluent-kafka, as many at a time as are to be had."""

from collections.abc import Iterator

from confluent_kafka import Consumer, TopicPartition

_PARTITIONS = 8
_RECORDS = 4_000
_WAIT_SECONDS = 0.1
_SETTINGS = {
    "group.id": "peers",
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    # A second by default, in which nothing comes once the queues were full.
    "fetch.queue.backoff.ms": 5,
}


def batches(servers: str, topic: str, full: int = 0) -> Iterator[list[bytes]]:
    """Yield the values of records for ever, nothing where none have come.

    Args:
        servers: Kafka's address.
        topic: It has 8 partitions.
        full: Bytes to gather for one batch, while more records are there.

    Raises:
        RuntimeError: Kafka has an error instead of a record.
    """
    consumer = Consumer({**_SETTINGS, "bootstrap.servers": servers})
    consumer.assign([TopicPartition(topic, p, 0) for p in range(_PARTITIONS)])
    while True:
        batch = values = _next(consumer)
        size = sum(map(len, values))
        while values and size < full:
            values = _next(consumer)
            size += sum(map(len, values))
            batch += values
        yield batch


def _next(consumer: Consumer) -> list[bytes]:
    messages = consumer.consume(_RECORDS, _WAIT_SECONDS)
    for message in messages:
        if message.error() is not None:
            raise RuntimeError(message.error().str())
    return [message.value() for message in messages]
