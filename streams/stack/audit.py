"""The audit of the monitor that runs on a data folder."""

from contextlib import closing
from typing import TYPE_CHECKING

from streams.settings import Settings
from streams.stack import ready, run_file

if TYPE_CHECKING:
    from streams.monitor.audit import Audit


def of_running_monitor(settings: Settings) -> "Audit | None":
    """Audit the monitor whose port is set, else the running stack's; None without one.

    Raises:
        ConfigurationError: The archive or run.json cannot be read.
    """
    port = run_file.monitor_port(settings)
    if port is None:
        return None
    from streams.archive import site  # noqa: PLC0415 - 0.3 s
    from streams.monitor import audit  # noqa: PLC0415
    from streams.monitor.watch.asking import Monitor  # noqa: PLC0415

    with closing(Monitor(ready.address(settings.host, port))) as monitor:
        return audit.run(monitor, site.of(settings), settings.monitor_hours)
