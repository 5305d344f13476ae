"""Kill what `up` started when `up` is gone, however it went.

Its standard input is a pipe whose other end only `up` holds: it ends with `up`.
"""

import sys

from streams.stack import strays


def main() -> None:
    """Wait for the end of the pipe, then kill everything that carries the mark."""
    mark = sys.argv[1]
    sys.stdin.buffer.read()
    strays.kill_mark(mark)


if __name__ == "__main__":
    main()
