"""What the child process that runs a project's health check is told, and what it tells."""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA = "nadia/health/1"


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`check`, `healthy` and `store` are names of objects, or a command, or "" for none.

    `paths` go before sys.path, `variables` hold the URL of Redis. `wait` is for a check of the
    real system: how many seconds it may take to become healthy; None runs the matrix.
    """

    check: str
    healthy: str = ""
    store: str = ""
    deadline: float = 3.0
    limits: dict[str, float] = {}
    paths: list[str] = []
    variables: list[str]
    wait: float | None = None


class RowResult(msgspec.Struct, frozen=True):
    fault: str
    outcome: str
    seconds: float
    detail: str


class ScoreResult(msgspec.Struct, frozen=True):
    applicable: int = 0
    noticed: int = 0
    missed: int = 0
    hung: int = 0
    crashed: int = 0
    false_alarms: int = 0


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    `wrong` is an error of the configuration, `problem` a reason for which nothing could be
    decided. `path` and `line` are the check's own place, "" if not known; `live` is how the check
    of the real system ended.
    """

    wrong: str = ""
    problem: str = ""
    healthy_run: str = ""
    rows: list[RowResult] = []
    score: ScoreResult = ScoreResult()
    path: str = ""
    line: int = 0
    live: Literal["", "healthy", "unhealthy", "hung"] = ""
