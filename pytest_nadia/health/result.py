"""What a matrix found: its rows, its score, its table."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytest_nadia.health.judging import Outcome

WRONG = ("missed", "hung", "crashed", "false alarm", "invalid")
_PLANTED: tuple[Outcome, ...] = ("noticed", "missed", "hung", "crashed")


@dataclass(frozen=True, slots=True)
class Row:
    """One fault; `seconds` is how long the check took, 0 where it did not run."""

    fault: str
    group: str
    outcome: Outcome
    seconds: float
    detail: str
    healthy: bool = False

    @property
    def is_wrong(self) -> bool:
        return self.outcome in WRONG


@dataclass(frozen=True, slots=True)
class Score:
    """Faults that were put in (`applicable`) and what came of them.

    `false_alarms` are among the healthy cases on the border, which are not `applicable` faults.
    """

    applicable: int
    noticed: int
    missed: int
    hung: int
    crashed: int
    false_alarms: int


@dataclass(frozen=True)
class HealthResult:
    """The matrix of one check. `healthy_run` is what the check said without a fault."""

    check: str
    healthy_run: str
    rows: list[Row] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def score(self) -> Score:
        count: Counter[Outcome] = Counter(row.outcome for row in self.rows)
        return Score(
            applicable=sum(count[outcome] for outcome in _PLANTED),
            noticed=count["noticed"],
            missed=count["missed"],
            hung=count["hung"],
            crashed=count["crashed"],
            false_alarms=count["false alarm"],
        )

    @property
    def invalid(self) -> list[Row]:
        """Rows whose fault never fired, so that nothing was tested."""
        return [row for row in self.rows if row.outcome == "invalid"]

    def of(self, outcome: Outcome) -> list[str]:
        """The names of the rows with an outcome."""
        return [row.fault for row in self.rows if row.outcome == outcome]

    def wrong(self, except_: Iterable[str] = ()) -> list[Row]:
        """The rows that should not be as they are, without those that a name or glob excepts.

        Raises ValueError for a name or glob that excepts nothing: it hides what comes later.
        """
        kept = [row for row in self.rows if row.is_wrong]
        for pattern in except_:
            left = [row for row in kept if not _fits(row.fault, pattern)]
            if not any(row.is_wrong and _fits(row.fault, pattern) for row in self.rows):
                raise ValueError(f"except_ names {pattern!r}, but no fault of that name went wrong")
            kept = left
        return kept

    def assert_all_noticed(self, except_: Iterable[str] = ()) -> None:
        """Raises AssertionError with a table unless every fault was noticed and no alarm false.

        `except_` are names or globs of rows that may be wrong; one that is not needed raises too.
        """
        __tracebackhide__ = True
        try:
            wrong = self.wrong(except_)
        except ValueError as error:
            raise AssertionError(str(error)) from None
        if wrong:
            raise AssertionError("\n".join([self.headline, *table(wrong)]))
        if not self.score.applicable:
            raise AssertionError("no fault was applicable: the check touches nothing of the matrix")

    @property
    def headline(self) -> str:
        """The score on one line."""
        score = self.score
        parts = [f"{score.noticed} of {score.applicable} faults noticed"]
        counts = asdict(score) | {"invalid": len(self.invalid)}
        for name in ("missed", "hung", "crashed", "false_alarms", "invalid"):
            if counts[name]:
                parts.append(f"{counts[name]} {name.replace('_', ' ')}")
        left_out = len(self.of("not applicable"))
        parts.append(f"{left_out} not applicable")
        return f"{self.check}: {', '.join(parts)}"

    def record(self) -> dict[str, Any]:
        """Plain JSON, as `nadia health --format json` prints it."""
        return {
            "check": self.check,
            "healthy_run": self.healthy_run,
            "rows": [
                {
                    "fault": row.fault,
                    "outcome": row.outcome,
                    "seconds": round(row.seconds, 3),
                    "detail": row.detail,
                }
                for row in self.rows
            ],
            "score": asdict(self.score),
        }


def _fits(name: str, pattern: str) -> bool:
    # "[" in a name is no class of characters here.
    return name == pattern or fnmatchcase(name, pattern.replace("[", "[[]"))


def table(rows: Iterable[Row]) -> list[str]:
    """One line a row, in columns."""
    return list(_lines(list(rows)))


def _lines(rows: list[Row]) -> Iterator[str]:
    wide = max((len(row.fault) for row in rows), default=0)
    for row in rows:
        seconds = f"{row.seconds:6.2f} s" if row.seconds else " " * 8
        yield f"  {row.outcome:<14}  {row.fault:<{wide}}  {seconds}  {row.detail}".rstrip()
