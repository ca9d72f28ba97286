"""Every rule of our own and every family of findings, with the texts of `nadia explain`."""

from __future__ import annotations

from dataclasses import dataclass

from nadia_checks.core.rules import STALE_ENTRY
from nadia_checks.health.matrix_rules import RULES as HEALTH
from nadia_checks.monitoring.broken_file import RULE as BROKEN_FILE
from nadia_checks.monitoring.deprecated_panel import RULE as DEPRECATED_PANEL
from nadia_checks.monitoring.division_by_zero import RULE as DIVISION_BY_ZERO
from nadia_checks.monitoring.environment_drift import RULE as ENVIRONMENT_DRIFT
from nadia_checks.monitoring.missing_program import RULE as MISSING_PROGRAM
from nadia_checks.monitoring.silent_when_gone import RULE as SILENT_WHEN_GONE
from nadia_checks.monitoring.threshold_drift import RULE as THRESHOLD_DRIFT
from nadia_checks.monitoring.unknown_metric import RULE as UNKNOWN_METRIC
from nadia_checks.pytest.ignored_configuration import RULE as IGNORED_CONFIGURATION
from pytest_nadia.finding import Rule, Severity
from pytest_nadia.redis.lints.blocking_command import RULE as BLOCKING_COMMAND
from pytest_nadia.redis.lints.connection_left_open import RULE as CONNECTION_LEFT_OPEN
from pytest_nadia.redis.lints.deprecated_command import RULE as DEPRECATED_COMMAND
from pytest_nadia.redis.lints.foreign_redis import RULE as FOREIGN_REDIS
from pytest_nadia.redis.lints.key_without_expiry import RULE as KEY_WITHOUT_EXPIRY
from pytest_nadia.redis.lints.repeated_command import RULE as REPEATED_COMMAND

FAILED = Rule(
    number="pytest:failed",
    name="failed-test",
    severity=Severity.ERROR,
    what="A test fails, or its fixtures do.",
    why="What the test says of the project is no longer true.",
    repair="python -m pytest NODE-ID",
    bad="def test_limit():\n    assert limit() == 10  # it is 12",
    good="the code, or the test, brought back to what is meant",
)
NOT_COLLECTED = Rule(
    number="pytest:collect",
    name="uncollectable-module",
    severity=Severity.ERROR,
    what="pytest cannot import a test module, so none of its tests runs.",
    why="Tests that do not run look like tests that pass.",
    repair="python -m pytest --collect-only FILE",
    bad="import tiktoken  # not installed where the tests run",
    good="the missing package among the project's test dependencies",
)
LINE_COVERAGE = Rule(
    number="coverage:lines",
    name="line-floor",
    severity=Severity.ERROR,
    what="The tests run fewer percent of the lines than [tool.nadia.pytest] line_floor asks.",
    why="A line that no test runs can break without a word.",
    repair="test what is new; the floor only ever goes up",
    bad="a new module without a test",
    good="a new module and its tests in one commit",
)
BRANCH_COVERAGE = Rule(
    number="coverage:branches",
    name="branch-floor",
    severity=Severity.ERROR,
    what="The tests take fewer percent of the branches than [tool.nadia.pytest] branch_floor asks.",
    why="Every line may run and the other side of an `if` may never have been tried.",
    repair="test the case that no test takes; the floor only ever goes up",
    bad="if not user: raise NoUser()  # every test has a user",
    good="a test without a user",
)
NOT_FORMATTED = Rule(
    number="ruff:format",
    name="unformatted-file",
    severity=Severity.ERROR,
    what="A file is not written as ruff's formatter writes it.",
    why="Differences in form hide the differences that matter in a review.",
    repair="ruff format .",
    bad="x = {'a':1}",
    good='x = {"a": 1}',
)

RULES: tuple[Rule, ...] = (
    IGNORED_CONFIGURATION,
    CONNECTION_LEFT_OPEN,
    KEY_WITHOUT_EXPIRY,
    BLOCKING_COMMAND,
    REPEATED_COMMAND,
    DEPRECATED_COMMAND,
    FOREIGN_REDIS,
    *HEALTH,
    STALE_ENTRY,
    BROKEN_FILE,
    UNKNOWN_METRIC,
    THRESHOLD_DRIFT,
    DIVISION_BY_ZERO,
    SILENT_WHEN_GONE,
    DEPRECATED_PANEL,
    MISSING_PROGRAM,
    ENVIRONMENT_DRIFT,
    FAILED,
    NOT_COLLECTED,
    LINE_COVERAGE,
    BRANCH_COVERAGE,
    NOT_FORMATTED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Another program whose rules keep their names; `read` says where one is explained."""

    prefix: str
    name: str
    check: str
    read: str


TOOLS: tuple[Tool, ...] = (
    Tool(prefix="ruff:", name="ruff", check="lint", read="ruff rule {rule}"),
    Tool(
        prefix="bandit:",
        name="bandit",
        check="security",
        read="https://bandit.readthedocs.io/en/latest/plugins/ (search for {rule})",
    ),
    Tool(
        prefix="mypy:",
        name="mypy",
        check="types",
        read="https://mypy.readthedocs.io/en/stable/_refs.html#code-{rule}",
    ),
    Tool(
        prefix="detect-secrets:",
        name="detect-secrets",
        check="secrets",
        read="detect-secrets scan --list-all-plugins",
    ),
)
