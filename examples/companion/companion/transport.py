"""The way out: an append-only log that takes each message id once, and judges what was sent."""

from __future__ import annotations

import fcntl
import json
import os
from typing import TYPE_CHECKING

from companion.errors import DeliveryError
from companion.message import loads

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class SentLog:
    """A context manager over a file of JSON Lines. One process at a time may hold it.

    Each line is one write() followed by fsync(). A line that a crash has torn is cut off when
    the log is opened: its message counts as not sent.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._taken: set[str] = set()
        self._file = -1

    def __enter__(self) -> SentLog:
        """Raises DeliveryError if the file cannot be used or another process holds it."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._file = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise self._error(f"cannot be opened ({error.strerror})") from error
        try:
            self._lock()
            self._load()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)
        self._file = -1

    def has(self, message_id: str) -> bool:
        """Whether this id was sent."""
        return message_id in self._taken

    def deliver(self, message_id: str, user: str, text: str) -> bool:
        """Send one message; False, and nothing sent, if this id was sent before.

        Raises DeliveryError if the line is not safely on the disk; the id is then free again.
        """
        if self.has(message_id):
            return False
        line = json.dumps({"id": message_id, "user": user, "text": text}).encode() + b"\n"
        self._append(line)
        self._taken.add(message_id)
        return True

    def _append(self, line: bytes) -> None:
        size = os.fstat(self._file).st_size
        try:
            written = os.write(self._file, line)
            if written < len(line):
                raise OSError(0, f"only {written} of {len(line)} bytes were written")
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise self._error(f"cannot be written ({error.strerror})") from error

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise self._error("is in use by another bot: stop that one first") from error

    def _load(self) -> None:
        data = self._path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):
            os.ftruncate(self._file, len(whole))
        for number, line in enumerate(whole.split(b"\n")[:-1], start=1):
            try:
                self._taken.add(str(loads(line.decode())["id"]))
            except (ValueError, KeyError, TypeError):
                raise self._error(
                    f"is damaged in line {number}: repair the line, what it says was sent "
                    "must stay known"
                ) from None

    def _error(self, reason: str) -> DeliveryError:
        return DeliveryError(f"the log of sent messages {self._path} {reason}")
