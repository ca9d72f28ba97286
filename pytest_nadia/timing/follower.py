"""What keeps the virtual time in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Follower(Protocol):
    """Its own time stands still between `hold` and `release`, but for what it is told here."""

    @property
    def addresses(self) -> set[tuple[str, int]]:
        """Where it serves; an answer from there is waited for, whatever the machine's time."""

    @property
    def traffic(self) -> Mapping[int, tuple[int, int]] | None:
        """By each client's port the bytes received and sent, as of the last `until_due`.

        None where no client needs to compare them with its own.
        """

    def hold(self, wall: float) -> None:
        """Stop; `wall` is the time of day from now on, in seconds since the epoch."""

    def release(self) -> None:
        """Go on with the machine's time."""

    def advance(self, seconds: float) -> object:
        """Move on, and do what falls due on the way."""

    def until_due(self, seconds: float | None) -> float | None:
        """How far away is what is due next, `seconds` at most; 0.0 if nothing ever is.

        None while something is owed to this process, so that no time may pass.
        """
