"""What the process that runs a test tells the one that prints: it travels in the reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from pytest_nadia.redis.session.keys import TOLD

if TYPE_CHECKING:
    import pytest


class Told(TypedDict, total=False):
    """Plain JSON, because pytest-xdist sends reports as text."""

    backend: str
    """The Redis that the test asked for, as words for people."""
    no_redis: list[str]
    """There was none: the test that was told why, and what this one was told."""
    notes: list[list[str]]
    """What lints found: rule, place, message, what to do."""
    diverged: str
    """The acknowledged reason for which embedded and real server differ."""


_ATTRIBUTE = "nadia_redis"


def to_tell(item: pytest.Item) -> Told:
    """What the item's next report will carry, to be filled in."""
    return item.stash.setdefault(TOLD, Told())


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    told = item.stash.get(TOLD, None)
    if told is not None:
        setattr(report, _ATTRIBUTE, told)
        del item.stash[TOLD]


def told_by(report: pytest.TestReport) -> Told:
    told: Told = getattr(report, _ATTRIBUTE, Told())
    return told


def add_told(report: pytest.TestReport, more: Told) -> None:
    """Let the report carry this too; what it says itself counts."""
    if not more:
        return
    own = told_by(report)
    notes = [*own.get("notes", ()), *more.get("notes", ())]
    once = [note for at, note in enumerate(notes) if note not in notes[:at]]
    merged: dict[str, object] = {**more, **own, "notes": once}
    setattr(report, _ATTRIBUTE, merged)
