"""One S3 server for all tests, a prefix of its bucket for each."""

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.archive.site import Site
from tests.store import server
from tests.store.server import Server


@pytest.fixture(scope="session")
def store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An S3 server with a bucket."""
    with server.running(tmp_path_factory.mktemp("s3")) as found:
        yield found


@pytest.fixture
def bucket(store_server: Server, tmp_path: Path) -> Site:
    """An archive without tables, in a prefix of its own."""
    store = f"s3://{server.BUCKET}/{uuid.uuid4().hex}"
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    return Site(data_dir, store, store_server.options)


def variables(where: Site) -> dict[str, str]:
    """Return an environment that names an archive to a command."""
    return {
        **os.environ,
        "UNDELIVERED_ARCHIVE": where.store or "",
        "UNDELIVERED_STORAGE_OPTIONS": json.dumps(dict(where.options)),
        "UNDELIVERED_DATA_DIR": str(where.data_dir),
    }
