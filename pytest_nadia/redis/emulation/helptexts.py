"""The answers to HELP."""

from __future__ import annotations

from importlib.resources import files

from fakeredis._helpers import SimpleString


def help_lines(name: str) -> list[SimpleString]:
    """What `NAME HELP` answers, one status a line."""
    text = files(__package__).joinpath(f"data/help/{name}.txt").read_text(encoding="utf-8")
    return [SimpleString(line.encode()) for line in text.splitlines()]
