"""Every setting once: name, type, unit, default; the only reader of the environment."""

import json
import os
import re
import shlex
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PORTS = {"receiver": 8780, "monitor": 8781, "worker": 8782, "kafka": 9092}
ENVIRONMENT_PREFIX = "UNDELIVERED_"

# delta-rs takes a path for a URL: it cannot open these characters, and decodes %20.
# DuckDB reads a folder name=value as a column of every row.
_UNUSABLE_IN_DATA_DIR = re.compile(r"[\[\]^|\\=\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}")
_PLAIN_HTTP = "AWS_ALLOW_HTTP"
# As object_store names them; a folder that is no name=value, as above.
_STORE = re.compile(r"(s3|gs|az|abfss?)://[\w.@-]+(/[\w.-]+)*", re.ASCII)

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LENGTH = re.compile(r"([0-9]{1,6})([smhdw])", re.ASCII)
# Workers read the last 39 hours back. A commit may lie between its file and its entry
# for minutes.
_SHORTEST = {"keep": "3d", "keep_counts": "3d", "vacuum_grace": "10m"}


class ConfigurationError(Exception):
    """Something a person set up is wrong; the message says what, where and what to do.

    Ends a command with exit code 2.
    """


class Settings(BaseSettings):
    """All settings; each can be set by its option or by ``UNDELIVERED_<NAME>``."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_ignore_empty=True, frozen=True
    )

    data_dir: Path = Field(
        Path("data"), description="Folder of the archive, Kafka's log and run.json."
    )
    archive: str | None = Field(
        None,
        description="Object store of the tables, s3://bucket/prefix; else data_dir.",
    )
    storage_options: SecretStr | None = Field(
        None,
        description="Options of the object store, a JSON object: keys of object_store.",
    )
    cache_dir: Path = Field(
        Path("~/.cache/undelivered"),
        description="Folder where the embedded Kafka's jars are kept once fetched.",
    )
    kafka_jars: Path | None = Field(
        None,
        description="Folder with Kafka's jars, used instead of fetching them.",
    )
    bootstrap_servers: str | None = Field(
        None,
        description="Kafka to use, host:port[,host:port]; else the running stack's.",
    )
    host: str = Field(
        "127.0.0.1",
        description="Address that the receiver, the monitor and health pages bind to.",
    )
    receiver_port: int | None = Field(
        None, ge=0, le=65535, description="Receiver's port; 0 takes any free one."
    )
    monitor_port: int | None = Field(
        None, ge=0, le=65535, description="Monitor's port; 0 takes any free one."
    )
    worker_port: int | None = Field(
        None, ge=0, le=65535, description="Worker's health port; 0 takes any free one."
    )
    kafka_port: int | None = Field(
        None, ge=0, le=65535, description="Embedded Kafka's port; 0 takes any free one."
    )
    username: str | None = Field(
        None, description="User name that POST /callbacks asks for."
    )
    password: SecretStr | None = Field(
        None, description="Password that POST /callbacks asks for."
    )
    partitions: int = Field(
        8, ge=1, le=4096, description="Partitions of a topic when it is made."
    )
    max_body_bytes: int = Field(
        1 << 20, ge=1, description="Largest body the receiver takes, bytes."
    )
    drain_bytes: int = Field(
        8 << 20,
        ge=0,
        description="Bytes of a too large body read on, so the client sees the 413.",
    )
    produce_timeout_seconds: float = Field(
        4.5, gt=0, lt=10, description="Wait for Kafka's answer before a 503, seconds."
    )
    read_timeout_seconds: float = Field(
        20.0,
        gt=0,
        description="Wait for a request's header, and for its body, seconds.",
    )
    keep_text: bool = Field(
        default=False, description="Keep message texts and other content of a person."
    )
    raw_keep_days: int = Field(
        90,
        ge=1,
        description="Days the bytes of dead letters are kept by `dead-letters prune`.",
    )
    worker_group: str = Field(
        "undelivered-worker", description="Kafka consumer group of the workers."
    )
    member_id: str | None = Field(
        None, description="Fixed name of a worker in its group (static membership)."
    )
    flush_seconds: float = Field(
        5.0, gt=0, description="Longest time between commits of table callbacks, s."
    )
    flush_rows: int = Field(
        50_000, ge=1, description="Rows that start a commit of table callbacks early."
    )
    counts_seconds: float = Field(
        60.0, gt=0, description="Time between commits of table window_counts, seconds."
    )
    counts_cells: int = Field(
        50_000, ge=1, description="Cells that start a commit of window_counts early."
    )
    maintain_every: str = Field(
        "1h",
        description="How often `up` runs `maintain`, such as 30m; 0s for never.",
    )
    keep: str | None = Field(
        None,
        description="How long `maintain` keeps callbacks and messages sent, as 400d.",
    )
    keep_counts: str | None = Field(
        None,
        description="How long `maintain` keeps counts, such as 1200d; not below keep.",
    )
    vacuum_grace: str = Field(
        "24h",
        description="Files that were replaced stay so long, for queries that began.",
    )
    monitor_hours: int = Field(
        26, ge=1, le=24 * 366, description="Hours that the monitor holds in memory."
    )
    monitor_cells: int = Field(
        3_000_000,
        ge=1_000,
        description="Cells the monitor holds at most, 16 bytes each; fewer hours then.",
    )
    monitor_rows: int = Field(
        200_000, ge=1, description="Rows of one answer of the monitor at most."
    )
    monitor_clients: int = Field(
        200, ge=1, description="Clients that the monitor streams to at most."
    )
    waiting_bytes: int = Field(
        128 << 20,
        ge=1 << 20,
        description="Rows held in memory while they cannot be archived, bytes.",
    )
    debug: bool = Field(
        default=False, description="Show tracebacks and debug log lines."
    )

    @field_validator("maintain_every", "keep", "keep_counts", "vacuum_grace")
    @classmethod
    def _is_a_length(cls, text: str | None, info: ValidationInfo) -> str | None:
        if text is None:
            return text
        found, shortest = length_of(text), _SHORTEST.get(info.field_name or "", "0s")
        if found is None:
            raise ValueError("it is no length of time; give one such as 30m, 24h, 400d")
        if found < (length_of(shortest) or timedelta()):
            raise ValueError(f"give {shortest} or more")
        return text

    @model_validator(mode="after")
    def _counts_outlive_callbacks(self) -> Self:
        if self.keep_counts is not None:
            callbacks = length_of(self.keep or "")
            counts = length_of(self.keep_counts)
            if callbacks is None or counts is None or counts < callbacks:
                raise ConfigurationError(
                    f"Counts cannot be kept for {self.keep_counts} while callbacks are "
                    f"kept for {self.keep or 'ever'}: set keep_counts to the same or "
                    f"more."
                )
        return self

    @field_validator("archive")
    @classmethod
    def _archive_is_a_store(cls, url: str | None) -> str | None:
        if url is None or _STORE.fullmatch(url.rstrip("/")):
            return url if url is None else url.rstrip("/")
        raise ValueError(
            "it is no address of an object store; give one such as s3://bucket/prefix, "
            "and a folder by data_dir"
        )

    @field_validator("storage_options")
    @classmethod
    def _options_are_an_object(cls, text: SecretStr | None) -> SecretStr | None:
        if text is not None:
            try:
                is_object = isinstance(json.loads(text.get_secret_value()), dict)
            except ValueError:
                is_object = False
            if not is_object:
                raise ValueError(
                    "it is no JSON object; give one such as "
                    '{"AWS_REGION": "eu-central-1"}'
                )
        return text

    def store_options(self) -> dict[str, str]:
        """Return the options of the object store, by name; secrets are among them.

        The store's client reads AWS_… and its like by itself, but for this one, where
        it is given others of the connection.
        """
        secret = self.storage_options
        given = json.loads("{}" if secret is None else secret.get_secret_value())
        from_machine = {_PLAIN_HTTP: os.environ.get(_PLAIN_HTTP, "")}
        found = {name: value for name, value in from_machine.items() if value}
        return found | {
            str(name): value if isinstance(value, str) else json.dumps(value)
            for name, value in given.items()
        }

    @field_validator("data_dir")
    @classmethod
    def _data_dir_can_hold_tables(cls, folder: Path) -> Path:
        if found := _UNUSABLE_IN_DATA_DIR.search(str(folder.absolute())):
            raise ValueError(
                f"its full path holds {found[0]!r}, with which tables cannot be read; "
                f"take a folder without [ ] ^ | \\ = and %20"
            )
        if folder.is_file():
            raise ValueError("it is a file; take a folder")
        return folder


def length_of(text: str) -> timedelta | None:
    """Read a length of time such as 30m, 24h or 400d; None when it is none."""
    match = _LENGTH.fullmatch(text)
    return None if match is None else timedelta(**{_UNITS[match[2]]: int(match[1])})


def load(**options: object) -> Settings:
    """Read the settings: options given, else the environment, else the defaults.

    Args:
        options: Values of command-line options by setting name; None means not given.

    Raises:
        ConfigurationError: A value is not usable; the message names the setting.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        variable = f"variable {ENVIRONMENT_PREFIX}{name.upper()}"
        if "SecretStr" in str(Settings.model_fields[name].annotation):
            setting, value = f"Setting {name} ({variable})", "used as it is"
        else:
            option = f"option --{name.replace('_', '-')}"
            setting = f"Setting {name} ({option}, {variable})"
            value = repr(str(first["input"]))
        raise ConfigurationError(
            f"{setting} cannot be {value}: "
            f"{first['msg'].removeprefix('Value error, ')}."
        ) from error


def editor() -> list[str]:
    """Return the command of the person's editor, as other programs find it."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    return shlex.split(command)


def variables(settings: Settings) -> dict[str, str]:
    """Return an environment that gives another process these settings, and our own.

    Args:
        settings: Only what was set, by option or by variable, is passed on.
    """
    passed = dict(os.environ)
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if value is None:
            continue
        secret = isinstance(value, SecretStr)
        text = value.get_secret_value() if secret else str(value)
        passed[ENVIRONMENT_PREFIX + name.upper()] = text
    return passed
