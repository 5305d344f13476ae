"""What both ways into ClickHouse share: the tables, and what is in them afterwards.

Columns are named and coded as somebody would who keeps callbacks there: all of what the
provider sends, repeating words as dictionaries, sorted by time, LZ4 as by default.
"""

from pathlib import Path

from chdb import session

from benchmarks import reader

# The fields of a callback as the provider nests them, and its columns.
FIELDS = """
    time String,
    type String,
    to String,
    description Nullable(String),
    errorCode Nullable(Int32),
    carrierName Nullable(String),
    message Tuple(
        id String,
        owner Nullable(String),
        applicationId Nullable(String),
        time Nullable(String),
        segmentCount Nullable(Int32),
        direction Nullable(String),
        to Array(String),
        `from` Nullable(String),
        text Nullable(String),
        tag Nullable(String)
    )"""
FIELD_TYPE = f"Tuple({FIELDS})"
_COLUMNS = """
    time DateTime64(6, 'UTC'),
    type LowCardinality(String),
    to String,
    description LowCardinality(Nullable(String)),
    error_code Nullable(Int32),
    carrier LowCardinality(Nullable(String)),
    message_id String,
    owner Nullable(String),
    application_id LowCardinality(Nullable(String)),
    message_time Nullable(DateTime64(6, 'UTC')),
    segment_count Nullable(Int32),
    direction LowCardinality(Nullable(String)),
    recipients Array(String),
    sender Nullable(String),
    text Nullable(String),
    tag LowCardinality(Nullable(String))"""
ROWS = """
    parseDateTime64BestEffort({0}time, 6, 'UTC') AS time,
    {0}type AS type,
    {0}to AS to,
    {0}description AS description,
    {0}errorCode AS error_code,
    {0}carrierName AS carrier,
    {0}message.id AS message_id,
    {0}message.owner AS owner,
    {0}message.applicationId AS application_id,
    parseDateTime64BestEffortOrNull({0}message.time, 6, 'UTC') AS message_time,
    {0}message.segmentCount AS segment_count,
    {0}message.direction AS direction,
    {0}message.to AS recipients,
    {0}message.`from` AS sender,
    {0}message.text AS text,
    {0}message.tag AS tag"""
_TABLES = (
    "CREATE DATABASE peers",
    f"CREATE TABLE peers.callbacks ({_COLUMNS}) ENGINE = MergeTree ORDER BY time",
    """
    CREATE TABLE peers.counts (
        minute DateTime('UTC'),
        type LowCardinality(String),
        error_code Int32,
        number LowCardinality(String),
        callbacks UInt64
    ) ENGINE = SummingMergeTree ORDER BY (minute, type, error_code, number)
    """,
    """
    CREATE MATERIALIZED VIEW peers.count TO peers.counts AS
    SELECT
        toStartOfMinute(time) AS minute,
        type,
        ifNull(error_code, 0) AS error_code,
        substring(to, 1, 5) AS number,
        count() AS callbacks
    FROM peers.callbacks
    GROUP BY minute, type, error_code, number
    """,
)


def quoted(text: str) -> str:
    """Return a text of several lines as one literal."""
    plain = " ".join(text.split()).replace("'", "\\'")
    return f"'{plain}'"


class ClickHouse:
    """A ClickHouse in this process, its tables in a folder."""

    def __init__(self, folder: Path) -> None:
        """Make the tables: rows, and counts that follow them."""
        self._session = session.Session(str(folder))
        for statement in _TABLES:
            self.run(statement)

    def run(self, statement: str, **_tables: object) -> str:
        """Return what a statement answers, as tab-separated text.

        Args:
            statement: In ClickHouse's SQL.
            _tables: Tables by the name that the statement has for them; ClickHouse
                finds them among the variables of its callers.
        """
        return str(self._session.query(statement, "TabSeparated"))

    def counted(self) -> int:
        """Return how many callbacks are in the counts."""
        return int(self.run("SELECT sum(callbacks) FROM peers.counts"))

    def finish(self, path: Path) -> None:
        """Say ``done``, then write the counts and what was kept."""
        cells: dict[reader.Cell, int] = {}
        reader.end(cells)
        text = self.run("""
            SELECT
                left(formatDateTime(minute, '%FT%T'), 16),
                type,
                if(error_code = 0, '', toString(error_code)),
                number,
                sum(callbacks)
            FROM peers.counts
            GROUP BY minute, type, error_code, number
        """)
        path.write_text(text, encoding="utf-8")
        kept = self.run("""
            SELECT sum(rows), sum(bytes_on_disk)
            FROM system.parts
            WHERE active AND database = 'peers' AND table = 'callbacks'
        """)
        path.with_name("kept.tsv").write_text(kept, encoding="utf-8")
