"""Changes single fields of INFO's reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def with_fields(reply: bytes, fields: Mapping[str, str]) -> bytes:
    """INFO's raw reply (a RESP bulk or verbatim string) with these fields; errors stay."""
    kind = reply[:1]
    if kind not in (b"$", b"="):
        return reply
    body = reply.partition(b"\r\n")[2][:-2]
    prefix, text = (body[:4], body[4:]) if kind == b"=" else (b"", body)
    changed = prefix + _changed(text.decode("utf-8", "surrogateescape"), fields).encode(
        "utf-8", "surrogateescape"
    )
    return b"%b%d\r\n%b\r\n" % (kind, len(changed), changed)


def _changed(text: str, fields: Mapping[str, str]) -> str:
    left = dict(fields)
    lines = [_line(line, left) for line in text.split("\r\n")]
    added = [f"{name}:{value}" for name, value in left.items()]
    return "\r\n".join([*lines[:-1], *added, lines[-1]])


def _line(line: str, left: dict[str, str]) -> str:
    name, colon, _ = line.partition(":")
    return f"{name}:{left.pop(name)}" if colon and name in left else line
