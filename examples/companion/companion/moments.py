"""Points in time that were written down by somebody else."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(stamp: datetime | str | float) -> datetime:
    """The time in UTC; one without a zone is in UTC too, a number counts seconds since 1970.

    Raises ValueError for anything else.
    """
    try:
        found = _parsed(stamp)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (TypeError, OverflowError, OSError) as error:
        raise ValueError(f"not a time: {stamp!r}") from error


def now() -> datetime:
    return datetime.now(UTC)


def age(stamp: datetime | str | float) -> float:
    """Seconds since `stamp`, negative if it is yet to come. Raises ValueError."""
    return (now() - moment(stamp)).total_seconds()


def _parsed(stamp: datetime | str | float) -> datetime:
    if isinstance(stamp, datetime):
        return stamp
    if isinstance(stamp, int | float):
        return datetime.fromtimestamp(stamp, UTC)
    return datetime.fromisoformat(stamp)
