"""What losing each reply did to an operation, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pytest_nadia.redis.state.difference import show

Verdict: TypeAlias = Literal["safe", "surfaced", "double", "lost", "hung", "unfired"]

_MEANINGS: dict[Verdict, str] = {
    "safe": "the state is that of one run",
    "surfaced": "an error was raised, and it was applied at most once",
    "double": "applied twice",
    "lost": "something was taken or left undone, and nobody was told",
    "hung": "it did not end by itself",
    "unfired": "no reply was lost, because the operation sent fewer writes than before; "
    "let it send the same ones each time",
}
_FAILURES = frozenset({"double", "lost", "hung", "unfired"})


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """What came of one write command whose reply was lost.

    `place` is its number among the `of` writes of the operation, `difference` what was then not
    as it is without a fault, `client` the library that sent it again, where it told its name.
    """

    place: int
    of: int
    name: str
    key: bytes | None
    verdict: Verdict
    difference: tuple[str, ...] = ()
    repair: str = ""
    client: str = ""

    @property
    def failed(self) -> bool:
        return self.verdict in _FAILURES

    def __str__(self) -> str:
        key = "" if self.key is None else f" {show(self.key)}"
        again = f"; {self.client} sent it again" if self.client else ""
        return (
            f"write {self.place} of {self.of}, {self.name}{key}: "
            f"{self.verdict} ({_MEANINGS[self.verdict]}{again})"
        )


@dataclass(frozen=True, slots=True)
class RetryReport:
    """One outcome for each write command that the operation sends.

    `left_out` names what was not compared, because it differs between runs without a fault;
    `sent_again` says whether a command was, after its reply was lost.
    """

    outcomes: tuple[CommandOutcome, ...]
    left_out: tuple[str, ...] = ()
    sent_again: bool = True

    @property
    def failures(self) -> list[CommandOutcome]:
        return [outcome for outcome in self.outcomes if outcome.failed]

    def __str__(self) -> str:
        lines = [line for outcome in self.outcomes for line in (str(outcome), *_indented(outcome))]
        return "\n".join([*lines, *self._left_out_lines(), *self._never_again_lines()])

    def failure_text(self) -> str:
        """The failures with their differences and repairs."""
        failures = self.failures
        lines = [
            f"not safe when a reply is lost: {len(failures)} of {len(self.outcomes)} write commands"
        ]
        for outcome in failures:
            lines += [f"  {outcome}", *_indented(outcome)]
        return "\n".join([*lines, *self._left_out_lines()])

    def _never_again_lines(self) -> list[str]:
        if self.sent_again or any(one.verdict != "surfaced" for one in self.outcomes):
            return []
        return [
            "this client never sends a command again, so it could not be applied twice: "
            "is it the client that the program uses?"
        ]

    def _left_out_lines(self) -> list[str]:
        if not self.left_out:
            return []
        return ["not compared, because it differs between runs: " + ", ".join(self.left_out)]


class RetryUnsafeError(AssertionError):
    """An operation is not safe when a reply is lost; `report` tells it for each command."""

    def __init__(self, report: RetryReport) -> None:
        super().__init__(report.failure_text())
        self.report = report


def _indented(outcome: CommandOutcome) -> Sequence[str]:
    lines = [f"      {line}" for line in outcome.difference]
    return [*lines, f"      repair: {outcome.repair}"] if outcome.repair else lines
