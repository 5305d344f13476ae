"""The checks in their order, run one by one."""

from collections.abc import Callable, Iterator

from streams.settings import Settings
from streams.stack.doctor import archive, kafka, machine, processes
from streams.stack.doctor.facts import Facts, gather
from streams.stack.doctor.finding import Finding, wrong

Check = Callable[[Facts], Finding]

CHECKS: tuple[Check, ...] = (
    processes.stack,
    processes.receiver,
    processes.worker,
    kafka.kafka,
    kafka.topics_are_right,
    archive.callbacks,
    archive.window_counts,
    archive.positions,
    archive.counts,
    archive.gaps,
    kafka.clock,
    machine.disk,
    machine.versions,
    machine.java_is_new_enough,
    processes.credentials,
)


def examine(settings: Settings) -> Iterator[Finding]:
    """Run every check; one that fails itself is a finding too."""
    facts = gather(settings)
    for check in CHECKS:
        try:
            yield check(facts)
        except Exception as error:  # noqa: BLE001 - the doctor always answers
            words = str(error).strip().partition("\n")[0]
            yield wrong(
                check.__name__.replace("_", " "),
                f"the check failed: {type(error).__name__} {words}",
                "--debug of the other commands shows more",
            )
