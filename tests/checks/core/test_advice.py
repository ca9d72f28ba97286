from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from nadia_checks.core.advice import fix_first, out_of_time, pasteable, to_read
from nadia_checks.core.check import Check
from nadia_checks.core.process import INSTALL
from nadia_checks.core.runner import Job, Ran, Runner
from nadia_checks.core.verdict import CheckResult, JudgedFinding, decide
from pytest_nadia.finding import Finding, Severity

pytestmark = pytest.mark.unit

ROOT = Path("/srv/bot")


@dataclass
class Aid:
    command: str
    rules: dict[str, int] | None = None

    def first_aid(self, findings: Sequence[Finding]) -> str:
        self.rules = dict(Counter(finding.rule for finding in findings))
        return self.command


def finding(
    rule: str, *, baselined: bool = False, severity: str = "error", path: str = "a.py"
) -> JudgedFinding:
    return JudgedFinding(
        rule=rule,
        severity=Severity(severity),
        path=path,
        line=1,
        column=1,
        end_line=1,
        message="wrong",
        help="repair",
        fingerprint="0",
        baselined=baselined,
    )


def failed(name: str, *findings: JudgedFinding) -> CheckResult:
    return CheckResult(name=name, status="fail", findings=list(findings))


def error(name: str, reason: str) -> CheckResult:
    return CheckResult(name=name, status="error", reason=reason)


def advice(*results: CheckResult, root: Path = ROOT, here: Path = ROOT, **aids: Aid) -> list[str]:
    checks = {result.name: Aid(f"repair-{result.name}") for result in results} | aids
    return fix_first(
        decide(list(results), [], 1.0), cast("Mapping[str, Check]", checks), root, here
    )


def test_a_verdict_without_findings_needs_no_advice() -> None:
    assert advice(CheckResult(name="lint", status="pass")) == []


def test_what_settles_most_findings_comes_first() -> None:
    lint = failed("lint", finding("ruff:F401"), finding("ruff:E501"), finding("NAD801"))
    tests = failed("pytest", *[finding("pytest:failed")] * 3)

    assert advice(lint, tests) == ["repair-pytest", "repair-lint", "nadia baseline prune"]


def test_stale_entries_of_several_checks_count_together() -> None:
    checks = [failed(name, finding("NAD801"), finding("NAD801")) for name in ("lint", "types")]
    tests = failed("pytest", *[finding("pytest:failed")] * 3)

    assert advice(*checks, tests) == ["nadia baseline prune", "repair-pytest"]


def test_a_check_is_asked_about_its_failing_rules_only() -> None:
    aid = Aid("repair")
    found = [
        finding("ruff:F401"),
        finding("ruff:F401"),
        finding("ruff:F841", baselined=True),
        finding("ruff:E501", severity="warning"),
        finding("NAD801"),
    ]

    advice(failed("lint", *found), lint=aid)

    assert aid.rules == {"ruff:F401": 2}


def test_a_missing_program_goes_before_all_and_needs_no_folder() -> None:
    missing = [error(name, f"ruff is not installed: {INSTALL}") for name in ("lint", "security")]
    tests = failed("pytest", finding("pytest:failed"))

    assert advice(*missing, tests, here=Path("/srv")) == [
        "pip install 'pytest-nadia[all]'",
        "(cd bot && repair-pytest)",
    ]


def test_checks_without_advice_of_their_own_take_no_line() -> None:
    assert advice(failed("secrets", finding("detect-secrets:Key")), secrets=Aid("")) == []


def test_the_same_command_is_given_once_and_three_at_most() -> None:
    results = [failed(name, finding("x:y")) for name in "abcde"]

    same: dict[str, Any] = dict.fromkeys("abcde", Aid("make fix"))

    assert len(advice(*results)) == 3
    assert advice(*results, **same) == ["make fix"]


def test_the_runner_says_out_of_time_as_the_advice_reads_it(tmp_path: Path) -> None:
    class Silent:
        def started(self, check: str) -> None: ...

        def finished(self, ran: Ran) -> None: ...

    sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
    (ran,) = Runner(tmp_path, Silent(), worker=sleeper).run([Job(check="lint", time_limit=0.1)])

    assert out_of_time(error("lint", ran.error))
    assert not out_of_time(error("lint", "crashed"))
    assert not out_of_time(CheckResult(name="lint", status="skipped", reason=ran.error))


@pytest.mark.parametrize(
    ("root", "here", "command"),
    [
        ("/srv/bot", "/srv/bot", "ruff check"),
        ("/srv/bot", "/srv", "(cd bot && ruff check)"),
        ("/srv/bot", "/srv/bot/tests", "(cd .. && ruff check)"),
        ("/opt/x", "/srv/a/very/deep/folder", "(cd /opt/x && ruff check)"),
        ("/srv/my bot", "/srv", "(cd 'my bot' && ruff check)"),
        ("/srv/-bot", "/srv", "(cd ./-bot && ruff check)"),
    ],
)
def test_a_command_leads_to_the_project_first(root: str, here: str, command: str) -> None:
    assert pasteable("ruff check", Path(root), Path(here)) == command


@pytest.mark.parametrize("name", ["-bot", "my bot", "it's", "$HOME", "a\nb", "ż"])
def test_a_shell_really_arrives_in_the_project(name: str, tmp_path: Path) -> None:
    root = tmp_path / name
    root.mkdir()

    shell = ["sh", "-c", pasteable("pwd", root, tmp_path)]
    shown = subprocess.run(shell, cwd=tmp_path, capture_output=True, check=True).stdout

    assert shown == os.fsencode(root) + b"\n"


def test_nothing_runs_where_the_project_is_not(tmp_path: Path) -> None:
    gone = pasteable("echo one ; echo two", tmp_path / "gone", tmp_path)
    here = pasteable("false ; pwd", tmp_path, Path("/"))

    shell = subprocess.run(["sh", "-c", f"{gone}; {here}; pwd"], cwd="/", stdout=subprocess.PIPE)

    assert shell.stdout == os.fsencode(tmp_path) + b"\n/\n"


def test_findings_are_read_gravest_first() -> None:
    rules = ["ruff:F401", "mypy:arg-type", "bandit:B602", "pytest:failed", "detect-secrets:Key"]
    other = [finding("new:rule"), finding("NAD301"), finding("ruff:E501", severity="warning")]
    known = finding("detect-secrets:Known", baselined=True)
    results = [failed("lint", known, *other, *map(finding, rules))]

    order = [one.rule for one in to_read(decide(results, [], 1.0))]

    assert order == [
        "detect-secrets:Key",
        "pytest:failed",
        "bandit:B602",
        "NAD301",
        "mypy:arg-type",
        "ruff:F401",
        "new:rule",
        "ruff:E501",
    ]
