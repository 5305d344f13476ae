"""The embedded Apache Kafka: one broker that is its own controller, kept small."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.settings import ConfigurationError
from streams.stack import java
from streams.stack.child import last_words

# Java reads a folder name of the log only relative to its working folder: an absolute
# path with a comma or an accent would need escapes in the properties file.
_LOG = "log"
_UNFINISHED = "log-unfinished"
_PROPERTIES = "server.properties"
# Fixed: a random id that begins with a dash is taken for an option.
_CLUSTER_ID = "undelivered-embedded0A"

# 150 MiB of memory, ready after 3 s. Why so small: docs/decisions/0004.
_JAVA_FLAGS = (
    "-Xms32m",
    "-Xmx192m",
    "-Xss512k",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)
_SILENCES_UNSAFE_WARNING = "--sun-misc-unsafe-memory-access=allow"
_KNOWS_IT_SINCE = 24

# A broker that was killed may register again only after its session: 9 s by default.
_SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
log.dirs={log}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""


@dataclass(frozen=True, slots=True)
class Kafka:
    """An embedded Kafka: its folder, its jars and its two ports."""

    folder: Path
    jars: Sequence[Path]
    port: int
    controller_port: int

    @property
    def bootstrap_servers(self) -> str:
        """Return the address for clients."""
        return f"127.0.0.1:{self.port}"

    def prepare(self, output: Path) -> list[str]:
        """Write the settings, format the log once, return the command to start it.

        The log of an earlier run is kept, whatever ports that run had.

        Args:
            output: File that the format's output is added to.

        Raises:
            ConfigurationError: No Java, or the log cannot be formatted.
        """
        program, version = java.find()
        flags = list(_JAVA_FLAGS)
        if version >= _KNOWS_IT_SINCE:
            flags.append(_SILENCES_UNSAFE_WARNING)
        classes = ":".join(str(jar.resolve()) for jar in self.jars)
        command = [str(program), *flags, "-cp", classes]
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.folder / _LOG).is_dir():
            self._format(command, output)
        self._write_settings(_LOG)
        return [*command, "kafka.Kafka", _PROPERTIES]

    def _write_settings(self, log: str) -> None:
        text = _SETTINGS.format(
            port=self.port, controller=self.controller_port, log=log
        )
        (self.folder / _PROPERTIES).write_text(text, encoding="ascii")

    def _format(self, command: Sequence[str], output: Path) -> None:
        """Make the log under another name: killed half-way, it is begun again."""
        self._write_settings(_UNFINISHED)
        tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted"]
        arguments = ["-t", _CLUSTER_ID, "-c", _PROPERTIES]
        with output.open("ab") as log:
            start = log.tell()
            done = subprocess.run(
                [*command, *tool, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode != 0:
            raise ConfigurationError(
                f"Kafka's log in {self.folder} cannot be made: "
                f"{last_words(output, start)} (see {output})."
            )
        (self.folder / _UNFINISHED).rename(self.folder / _LOG)
