"""What takes too long for every few minutes: the whole log of sent messages, the whole store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from companion.constants import CHECK_SECONDS
from companion.message import loads
from companion.report import Found, run_probes
from companion.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from companion.report import Report


async def check_sent_log(path: Path) -> Report:
    """Whether every line can be read, and no message was sent twice."""
    return await _check("sent-log", lambda: _sent_log(path))


async def check_store(path: Path) -> Report:
    """Whether SQLite finds its file in order."""
    return await _check("store-file", lambda: _store(path))


async def _check(name: str, look: Callable[[], Found]) -> Report:
    async def probe() -> Found:
        return await in_thread(look, CHECK_SECONDS)

    return await run_probes({name: probe}, CHECK_SECONDS)


def _sent_log(path: Path) -> Found:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Found("ok", "nothing was sent yet")
    seen: set[str] = set()
    # The bot may be in the middle of its last line.
    for number, line in enumerate(data.split(b"\n")[:-1], start=1):
        name = _id(line)
        if name is None:
            return Found("critical", f"line {number} is damaged: repair it before the next start")
        if name in seen:
            return Found("critical", f"{name} was sent twice, says line {number}")
        seen.add(name)
    return Found("ok", f"{len(seen)} sent, each once", float(len(seen)))


def _id(line: bytes) -> str | None:
    try:
        return str(loads(line.decode())["id"])
    except (ValueError, KeyError, TypeError):
        return None


def _store(path: Path) -> Found:
    try:
        address = f"{path.absolute().as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, timeout=5, uri=True)) as db:
            (state,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        return Found("critical", f"the store {path} cannot be used: {error}")
    return Found("ok" if state == "ok" else "critical", f"its integrity: {state}")
