"""What the gate makes of what its checks give, without any process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from nadia_checks.core import baseline
from nadia_checks.core.baseline import Entry
from nadia_checks.core.check import Check, Context, Outcome, owns
from nadia_checks.core.config import CheckOptions, Config
from nadia_checks.core.gate import Options, run_gate
from nadia_checks.core.project import Project
from nadia_checks.core.runner import Job, Ran
from nadia_checks.core.verdict import CheckResult, Verdict
from pytest_nadia.finding import Finding, Severity

pytestmark = pytest.mark.unit


@dataclass
class Planted:
    """A check that is never run: the runner below answers for it."""

    name: str
    rules: tuple[str, ...] = ("tool:",)
    why_not: str = ""
    limit: float | None = None
    summary: str = "planted"

    def options(self, project: Project) -> CheckOptions:
        return CheckOptions(time_limit=self.limit)

    def not_applicable(self, project: Project) -> str:
        return self.why_not

    def run(self, context: Context) -> Outcome:
        raise AssertionError("the gate runs checks in processes of their own")

    def first_aid(self, findings: Sequence[Finding]) -> str:
        return ""


class Answers:
    """Stands for the runner."""

    def __init__(self, *ran: Ran) -> None:
        self.ran = {one.check: one for one in ran}
        self.jobs: list[Job] = []

    def run(self, jobs: Sequence[Job]) -> list[Ran]:
        self.jobs = list(jobs)
        return [self.ran.get(job.check, Ran(check=job.check)) for job in jobs]


def finding(rule: str = "tool:X1", key: str = "0a", severity: Severity = Severity.ERROR) -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        path="a.py",
        line=1,
        column=1,
        end_line=1,
        message="m",
        help="h",
        fingerprint=key,
    )


def gate(
    root: Path,
    checks: Sequence[Check],
    answers: Answers,
    config: Config | None = None,
    options: Options | None = None,
) -> Verdict:
    project = Project(root, config or Config(), {})
    named = {check.name: check for check in checks}
    return run_gate(project, named, options or Options(), answers)


def result(verdict: Verdict, name: str) -> CheckResult:
    return next(one for one in verdict.checks if one.name == name)


def test_findings_fail_their_check_only(tmp_path: Path) -> None:
    answers = Answers(Ran(check="b", findings=[finding()]))

    verdict = gate(tmp_path, [Planted("a"), Planted("b")], answers)

    assert verdict.verdict == "fail"
    assert [(one.name, one.status) for one in verdict.checks] == [("a", "pass"), ("b", "fail")]


@pytest.mark.parametrize("severity", [Severity.WARNING, Severity.NOTE])
def test_only_errors_fail(tmp_path: Path, severity: Severity) -> None:
    answers = Answers(Ran(check="a", findings=[finding(severity=severity)]))

    verdict = gate(tmp_path, [Planted("a")], answers)

    assert (verdict.verdict, len(verdict.checks[0].findings)) == ("pass", 1)


def test_an_error_is_incomplete_whatever_the_others_found(tmp_path: Path) -> None:
    answers = Answers(
        Ran(check="a", findings=[finding()]), Ran(check="b", error="crashed with exit code 1")
    )

    verdict = gate(tmp_path, [Planted("a"), Planted("b"), Planted("c")], answers)

    assert verdict.verdict == "incomplete"
    assert (result(verdict, "b").status, result(verdict, "b").reason) == (
        "error",
        "crashed with exit code 1",
    )
    assert result(verdict, "a").status == "fail"


def test_what_does_not_apply_is_listed_unless_it_was_named(tmp_path: Path) -> None:
    checks = [Planted("a"), Planted("b", why_not="no Python file")]

    free = gate(tmp_path, checks, Answers())
    named = gate(tmp_path, checks, Answers(), Config(checks=["a", "b"]))

    assert free.verdict == "pass"
    assert [(one.name, one.reason) for one in free.not_applicable] == [("b", "no Python file")]
    assert named.verdict == "incomplete"
    assert result(named, "b").reason == "must run, but no Python file"


def test_what_is_not_named_does_not_run(tmp_path: Path) -> None:
    answers = Answers()

    verdict = gate(tmp_path, [Planted("a"), Planted("b")], answers, Config(checks=["b"]))

    assert [job.check for job in answers.jobs] == ["b"]
    assert [one.name for one in verdict.checks] == ["b"]


def test_a_skipped_check_is_shown_with_its_reason(tmp_path: Path) -> None:
    checks = [Planted("a"), Planted("b")]

    verdict = gate(tmp_path, checks, Answers(), Config(skip={"b": "runs at night"}))

    assert verdict.verdict == "pass"
    assert (result(verdict, "b").status, result(verdict, "b").reason) == (
        "skipped",
        "runs at night",
    )


def test_only_runs_even_what_is_skipped(tmp_path: Path) -> None:
    answers = Answers()

    gate(
        tmp_path,
        [Planted("a"), Planted("b")],
        answers,
        Config(skip={"b": "runs at night"}),
        Options(only=["b"]),
    )

    assert [job.check for job in answers.jobs] == ["b"]


@pytest.mark.parametrize(
    ("checks", "config"),
    [
        ([], Config()),
        ([Planted("a", why_not="no")], Config()),
        ([Planted("a")], Config(skip={"a": "w"})),
    ],
)
def test_a_gate_that_ran_nothing_is_incomplete(
    tmp_path: Path, checks: list[Check], config: Config
) -> None:
    assert gate(tmp_path, checks, Answers(), config).verdict == "incomplete"


@pytest.mark.parametrize(
    ("asked", "own", "limit"), [(None, None, 600), (None, 7.0, 7), (3.0, 7.0, 3)]
)
def test_the_nearest_time_limit_wins(
    tmp_path: Path, asked: float | None, own: float | None, limit: float
) -> None:
    answers = Answers()

    gate(tmp_path, [Planted("a", limit=own)], answers, options=Options(time_limit=asked))

    assert [job.time_limit for job in answers.jobs] == [limit]


def test_the_dearest_check_starts_first(tmp_path: Path) -> None:
    answers = Answers()

    verdict = gate(tmp_path, [Planted("cheap"), Planted("dear")], answers)

    assert [job.check for job in answers.jobs] == ["dear", "cheap"]
    assert [one.name for one in verdict.checks] == ["cheap", "dear"]


class TestBaseline:
    def test_a_known_finding_does_not_fail(self, tmp_path: Path) -> None:
        baseline.write(tmp_path, [Entry("tool:X1", "0a", "a.py")])
        answers = Answers(Ran(check="a", findings=[finding()]))

        verdict = gate(tmp_path, [Planted("a")], answers)

        assert verdict.verdict == "pass"
        assert [one.baselined for one in verdict.checks[0].findings] == [True]

    def test_a_new_one_beside_it_does(self, tmp_path: Path) -> None:
        baseline.write(tmp_path, [Entry("tool:X1", "0a", "a.py")])
        answers = Answers(Ran(check="a", findings=[finding(), finding(key="0b")]))

        verdict = gate(tmp_path, [Planted("a")], answers)

        assert [one.fingerprint for one in verdict.checks[0].failing] == ["0b"]

    def test_a_line_that_matches_nothing_fails_until_it_is_pruned(self, tmp_path: Path) -> None:
        baseline.write(tmp_path, [Entry("tool:X1", "0a", "a.py")])

        verdict = gate(tmp_path, [Planted("a")], Answers())

        stale = verdict.checks[0].failing[0]
        assert verdict.verdict == "fail"
        assert (stale.rule, stale.path, stale.line) == ("NAD801", ".nadia/baseline", 1)
        assert stale.help == "nadia baseline prune"

    @pytest.mark.parametrize(
        ("ran", "options"),
        [
            (Ran(check="a", error="took too long"), Options()),
            (Ran(check="a", unseen=["src/a.py"]), Options()),
            (Ran(check="a", unseen=["src"]), Options()),
            (Ran(check="a"), Options(preview=True)),
            (Ran(check="a"), Options(only=["b"])),
            (Ran(check="a"), Options(use_baseline=False)),
        ],
    )
    def test_nothing_is_stale_unless_its_check_ran_whole(
        self, tmp_path: Path, ran: Ran, options: Options
    ) -> None:
        baseline.write(tmp_path, [Entry("tool:X1", "0a", "src/a.py")])
        checks = [Planted("a"), Planted("b", rules=("other:",))]

        verdict = gate(tmp_path, checks, Answers(ran), options=options)

        assert [one.findings for one in verdict.checks if one.findings] == []

    def test_what_another_path_hides_is_stale_here(self, tmp_path: Path) -> None:
        baseline.write(tmp_path, [Entry("tool:X1", "0a", "a.py")])

        verdict = gate(tmp_path, [Planted("a")], Answers(Ran(check="a", unseen=["b.py", "a"])))

        assert [one.rule for one in verdict.checks[0].failing] == ["NAD801"]


def test_rules_belong_to_checks_by_name_or_prefix() -> None:
    check = Planted("a", rules=("ruff:", "NAD301"))

    assert [owns(check, rule) for rule in ("ruff:F401", "NAD301", "NAD3011", "rufff:x")] == [
        True,
        True,
        False,
        False,
    ]
