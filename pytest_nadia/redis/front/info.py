"""Changes single fields of INFO's reply."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.redis.info_fields import is_asked_for, section_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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
    for name, value in left.items():
        _add(lines, section_of(name), f"{name}:{value}")
    return "\r\n".join(lines)


def _line(line: str, left: dict[str, str]) -> str:
    name, colon, _ = line.partition(":")
    return f"{name}:{left.pop(name)}" if colon and name in left else line


def _add(lines: list[str], section: str, line: str) -> None:
    """At the end of its section; nowhere if the reply is of other sections."""
    if not section:
        lines.insert(len(lines) - 1, line)
    heads = [at for at, one in enumerate(lines) if one.lower() == f"# {section}"]
    for head in heads[:1]:
        lines.insert(lines.index("", head), line)


def shows(fields: Iterable[str], arguments: Iterable[bytes]) -> bool:
    """Whether an INFO with these arguments shows one of the fields."""
    asked = {each.decode(errors="replace").lower() for each in arguments}
    sections = {section_of(name) for name in fields}
    return "" in sections or any(is_asked_for(each, asked) for each in sections)
