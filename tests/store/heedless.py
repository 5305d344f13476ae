"""An S3 server that leaves out the condition of a put, as some do: run as a program.

It passes on what it is asked to a server that heeds it. It is a process of its own,
since delta-rs keeps Python's lock while it waits for an answer.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from streams.archive.site import Site

_LEFT_OUT = {"if-none-match", "host"}


@contextmanager
def before(address: str, where: Site) -> Iterator[Site]:
    """Run it in front of a server, host:port; give the same archive behind it."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.store.heedless", address], stdout=subprocess.PIPE
    ) as program:
        try:
            assert program.stdout is not None
            port = int(program.stdout.readline())
            # Nobody signs: a signature would not fit what is passed on.
            options = {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ALLOW_HTTP": "true",
                "AWS_REGION": "us-east-1",
                "AWS_SKIP_SIGNATURE": "true",
            }
            yield Site(where.data_dir, where.store, options)
        finally:
            program.kill()


def main(address: str) -> None:
    """Pass requests on until killed; print the port first."""

    class Passing(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            kept = {k: v for k, v in self.headers.items() if k.lower() not in _LEFT_OUT}
            onward = HTTPConnection(address, timeout=60)
            onward.request(self.command, self.path, body, kept)
            answer = onward.getresponse()
            content = answer.read()
            onward.close()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "connection"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Passing)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
