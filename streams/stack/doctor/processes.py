"""Checks of the running stack and of who may post."""

import psutil

from streams.intake.authentication import LOOPBACK, credentials_of
from streams.settings import ConfigurationError
from streams.stack import ready
from streams.stack.doctor.facts import Facts
from streams.stack.doctor.finding import Finding, not_checked, well, wrong


def stack(facts: Facts) -> Finding:
    """Is there a stack that runs on the data folder?"""
    data_dir = facts.settings.data_dir
    if facts.run_problem is not None:
        return wrong("stack", facts.run_problem)
    if facts.run is not None:
        return well("stack", f"`up` runs on {data_dir}, process {facts.run.pids.up}")
    if facts.settings.bootstrap_servers is not None:
        return well("stack", f"none runs on {data_dir}; Kafka is named")
    return wrong(
        "stack",
        f"none runs on {data_dir}",
        f"start one with `undelivered up --data-dir {data_dir}`, or name a Kafka with "
        f"--bootstrap-servers",
    )


def receiver(facts: Facts) -> Finding:
    """Does the stack's receiver take callbacks?"""
    return _process(facts, "receiver")


def worker(facts: Facts) -> Finding:
    """Does the stack's worker archive them?"""
    return _process(facts, "worker")


def _process(facts: Facts, name: str) -> Finding:
    if facts.run is None:
        return not_checked(name, "no stack runs here")
    port, pid = getattr(facts.run.ports, name), getattr(facts.run.pids, name)
    log = facts.settings.data_dir / "logs" / f"{name}.log"
    if pid is None or not psutil.pid_exists(pid):
        return wrong(name, "does not run", f"`up` starts it again; why is in {log}")
    where = ready.address(facts.settings.host, port)
    problem = ready.unready(where)
    if problem is not None:
        return wrong(name, f"process {pid} at {where}: {problem}", f"look into {log}")
    return well(name, f"process {pid} at {where} is ready")


def credentials(facts: Facts) -> Finding:
    """Who may post callbacks, by the settings of this command?"""
    try:
        pair = credentials_of(facts.settings)
    except ConfigurationError as error:
        return wrong("credentials", str(error))
    if pair is not None:
        return well("credentials", "user name and password are set")
    return well(
        "credentials",
        f"none are set: the receiver accepts everybody on this machine, and binds to "
        f"{LOOPBACK} only",
    )
