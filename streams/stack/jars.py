"""Jars: fetched once from Maven Central and kept; Kafka's, or a folder of them.

What is easily got wrong with jgo: all jars are needed, ``Environment.classpath`` holds
but a few of them; a fetch that is killed leaves a cache that looks complete, so the
fetch runs in a folder of its own, which gets its name only when it is done.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from streams.settings import ConfigurationError, Settings
from streams.stack.console import CONSOLE, doing, say

VERSION = "4.4.0"
# Without a log backend Kafka says nothing, not even why it cannot start.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{VERSION}+org.slf4j:slf4j-simple:1.7.36"
_MAIN_JAR = "kafka_2.*.jar"


class UnreachableError(Exception):
    """Maven Central cannot be reached."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """Jars that are fetched and kept together.

    Attributes:
        name: Name and version; the folder that keeps them is called so.
        endpoint: What to fetch, and with it all that it needs, as jgo writes it.
        megabytes: How much is fetched.
        only: Which of the jars are kept.
    """

    name: str
    endpoint: str
    megabytes: int
    only: str = "*.jar"

    def kept_in(self, cache: Path) -> list[Path]:
        """Return the jars in a cache; fetch them when they are not there yet.

        Raises:
            ConfigurationError: The cache cannot be written.
            UnreachableError: They cannot be fetched.
        """
        kept = cache / self.name
        if not kept.is_dir():
            fetch_into(kept, self)
        return sorted(kept.glob("*.jar"))


KAFKA = Bundle(f"kafka-{VERSION}", ENDPOINT, 46)


def find(settings: Settings) -> list[Path]:
    """Return the jars to run Kafka with; fetch them when there are none yet.

    Raises:
        ConfigurationError: The folder given holds no Kafka, or there are no jars and
            they cannot be fetched.
    """
    if settings.kafka_jars is not None:
        return _given(settings.kafka_jars.expanduser())
    try:
        return KAFKA.kept_in(settings.cache_dir.expanduser())
    except UnreachableError as error:
        raise ConfigurationError(
            f"Kafka's jars are not here yet and {error}: name a running Kafka with "
            f"--bootstrap-servers, or a folder of Kafka's jars with --kafka-jars."
        ) from error


def _given(folder: Path) -> list[Path]:
    mains = sorted(folder.rglob(_MAIN_JAR))
    if not mains:
        raise ConfigurationError(
            f"The folder {folder} holds no {_MAIN_JAR}: set --kafka-jars to the folder "
            f"libs of an Apache Kafka 4 distribution."
        )
    return sorted(folder.rglob("*.jar"))


def fetch_into(kept: Path, bundle: Bundle) -> None:
    """Fetch jars, then give the folder its name in one step.

    Args:
        kept: The folder to make. Two that fetch at once both succeed.
        bundle: What to fetch.

    Raises:
        ConfigurationError: The folder beside it cannot be written.
        UnreachableError: They cannot be fetched.
    """
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        working = Path(tempfile.mkdtemp(prefix="fetching-", dir=kept.parent))
    except OSError as error:
        raise ConfigurationError(
            f"The folder {kept.parent} for fetched jars cannot be written "
            f"({error.strerror}): set --cache-dir to another."
        ) from error
    try:
        size = f"{bundle.megabytes} MB"
        with doing(f"Fetching {bundle.name} from Maven Central, once, {size}."):
            found = _fetched(working, bundle)
        gathered = working / "jars"
        gathered.mkdir()
        for jar in found:
            jar.rename(gathered / jar.name)
        _give_name(gathered, kept)
        say(f"Fetched {len(found)} jars into {kept}.")
    finally:
        shutil.rmtree(working, ignore_errors=True)


def _give_name(gathered: Path, kept: Path) -> None:
    try:
        gathered.rename(kept)
    except OSError:
        if not kept.is_dir():  # else another process was faster, with the same jars
            raise


def _fetched(working: Path, bundle: Bundle) -> list[Path]:
    from jgo.env import EnvironmentBuilder, LinkStrategy  # noqa: PLC0415 - 0.3 s
    from jgo.maven import MavenContext, PythonResolver  # noqa: PLC0415
    from requests import RequestException, Timeout  # noqa: PLC0415

    context = MavenContext(
        resolver=PythonResolver(progress_callback=_announce),
        repo_cache=working / "repository",
    )
    builder = EnvironmentBuilder(
        context=context,
        cache_dir=working / "environment",
        link_strategy=LinkStrategy.COPY,  # the repository is thrown away
    )
    # jgo has been seen to fail by an AssertionError and to succeed when repeated.
    again = Retrying(
        retry=retry_if_exception_type((AssertionError, Timeout)),
        stop=stop_after_attempt(3),
        reraise=True,
    )
    try:
        environment = again(builder.from_endpoint, bundle.endpoint)
    except (RequestException, RuntimeError, OSError) as error:
        reason = type(error).__name__
        raise UnreachableError(f"Maven Central cannot be reached ({reason})") from error
    return [jar for jar in environment.all_jars if fnmatch(jar.name, bundle.only)]


@contextmanager
def _announce(name: str, _size: int) -> Iterator[Callable[[int], None]]:
    """Name the file that is on its way, where somebody watches."""
    if CONSOLE.is_terminal:
        CONSOLE.print(f"  {name}", markup=False, style="dim")
    yield lambda _count: None
