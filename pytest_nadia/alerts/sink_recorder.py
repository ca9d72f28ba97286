"""The program behind the command sink. It is copied, and runs with nothing of this package."""

from __future__ import annotations

import json
import os
import select
import socket
import sys

# Of silence, before it is clear that nobody will close it.
_MOST_SECONDS = 3.0


def _read_input() -> tuple[bytes, bool]:
    """What standard input holds, and whether it ended."""
    if sys.stdin is None or sys.stdin.isatty():
        return b"", True
    number, read = sys.stdin.fileno(), b""
    while select.select([number], [], [], _MOST_SECONDS)[0]:
        if not (more := os.read(number, 65_536)):
            return read, True
        read += more
    return read, False


def main(port: int, token: str, arguments: list[str]) -> int:
    read, ended = _read_input()
    told = {
        "token": token,
        "arguments": [os.fsencode(one).hex() for one in arguments],
        "input": read.hex(),
        "ended": ended,
    }
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(json.dumps(told).encode() + b"\n")
        answer = connection.makefile("rb").readline()
    return int(answer or b"1")


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
