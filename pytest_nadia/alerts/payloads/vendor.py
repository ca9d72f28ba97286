"""What a sink must know of the service for which it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytest_nadia.alerts.payloads.verdict import Answer, Problem


class Vendor(Protocol):
    channel: str
    # Bytes of a body, above which nothing of it is read.
    largest: int

    def problems(self, payload: object) -> list[Problem]:
        """What is wrong with a payload that is JSON."""

    def text(self, payload: object) -> str:
        """What people read of it."""

    def accepted(self, query: Mapping[str, list[str]]) -> Answer:
        """The answer to a payload without fault."""

    def refused(self, problems: Sequence[Problem]) -> Answer:
        """The answer to one with these problems, of which the first counts."""

    def failed(self, status: int, retry_after: float | None) -> Answer:
        """The answer when the service itself fails."""
