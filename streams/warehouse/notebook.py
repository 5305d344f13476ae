"""What a notebook needs: questions in SQL, answers as pandas tables.

pandas comes with the extra ``notebooks``; nothing else here needs it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from streams import settings
from streams.archive import site
from streams.warehouse import choice, reports
from streams.warehouse.connection import connect
from streams.warehouse.period import Period

if TYPE_CHECKING:
    import pandas as pd

# What has nulls in it would be taken for objects.
_DTYPES = {"DOUBLE": "float64", "TIMESTAMP WITH TIME ZONE": "datetime64[us, UTC]"}


class Warehouse:
    """The views over the archive as it was when this was made, times in UTC.

    Attributes:
        data_dir: The data folder it reads.
    """

    def __init__(self, data_dir: Path | str | None = None) -> None:
        """Open the warehouse; make another one to see newer callbacks.

        Args:
            data_dir: The data folder; None for that of the settings. Without an archive
                in it all views are empty.

        Raises:
            ConfigurationError: A table is there and cannot be opened, or a setting is
                not usable.
        """
        self.data_dir = _data_dir() if data_dir is None else Path(data_dir)
        given = settings.load(data_dir=self.data_dir)
        self._connection = connect(site.of(given))

    def ask(self, query: str, **params: object) -> "pd.DataFrame":
        """Run a query.

        Args:
            query: SQL of DuckDB.
            params: Values of its ``$parameters``, by name.

        Returns:
            Its rows.
        """
        return self._connection.execute(query, params).df()

    def report(
        self,
        name: str,
        since: datetime,
        until: datetime,
        window: timedelta | None = None,
        **filters: Sequence[object],
    ) -> "pd.DataFrame":
        """Run a report, as ``undelivered report`` does.

        Args:
            name: One of those that ``undelivered reports`` lists.
            since: Start of the period, with a zone; rates are of whole minutes.
            until: Its end, not included.
            window: Length of a window; None for one row a group.
            filters: Values that are let in, such as ``country=["GB"]``.

        Returns:
            Its rows.

        Raises:
            ConfigurationError: There is no such report, or it takes no such filter.
        """
        import pandas as pd  # noqa: PLC0415 - an extra

        chosen = choice.Choice(filters=filters)
        report = reports.named(name, chosen)
        asked = Period(since, until, window)
        found = reports.run(self._connection, report, asked, chosen)
        table = pd.DataFrame(list(found.values), columns=list(found.names))
        types = zip(found.names, found.types, strict=True)
        return table.astype({n: _DTYPES[t] for n, t in types if t in _DTYPES})


def _data_dir() -> Path:
    """Return the data folder of the settings.

    Jupyter starts a notebook in the notebook's own folder, so a relative folder that
    has no archive here is looked for one level up as well.
    """
    folder = settings.load().data_dir
    above = Path("..") / folder
    is_above = not (folder / "archive").is_dir() and (above / "archive").is_dir()
    return (above if is_above else folder).resolve()
