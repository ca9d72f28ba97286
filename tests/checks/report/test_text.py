from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

import pytest

from nadia_checks.core.check import Check
from nadia_checks.core.config import Config
from nadia_checks.core.project import Project
from nadia_checks.core.verdict import CheckResult, JudgedFinding, NotApplicable, Verdict, decide
from nadia_checks.report import text
from nadia_checks.report.lines import cells

pytestmark = pytest.mark.unit

Make = Callable[..., JudgedFinding]
Render = Callable[..., str]


def judge(*results: CheckResult, not_applicable: tuple[NotApplicable, ...] = ()) -> Verdict:
    return decide(list(results), list(not_applicable), 1.9)


@pytest.fixture
def mixed(make_finding: Make) -> Verdict:
    """One of everything."""
    lint = [
        make_finding("ruff:F401", "`os` imported but unused", help="Remove the import"),
        make_finding("ruff:E501", "Line too long", severity="warning", path="bot/log.py"),
        make_finding("ruff:E501", "Line too long", severity="note", column=0),
        make_finding("ruff:F841", "known long since", baselined=True),
    ]
    failed = make_finding(
        "pytest:failed",
        "test_sends_once: AssertionError: the transport was given the message twice, "
        "where once was promised",
        path="tests/test_review.py",
        line=0,
        column=0,
        help="python -m pytest tests/test_review.py::test_sends_once",
    )
    floor = make_finding("pytest:line-floor", "71 % of lines are run", path="", help="")
    return judge(
        CheckResult(
            name="lint", status="fail", seconds=0.41, metrics={"files": 214.0}, findings=lint
        ),
        CheckResult(name="security", status="pass", seconds=1.93, metrics={"files": 1.0}),
        CheckResult(name="types", status="skipped", reason="not yet typed"),
        CheckResult(
            name="pytest",
            status="fail",
            seconds=12,
            cached=True,
            metrics={"run": 1.0, "tests": 312.0, "failed": 1.0, "skipped": 0.0, "lines": 71.26},
            findings=[failed, floor],
        ),
        not_applicable=(NotApplicable(name="secrets", reason="there is no file to scan"),),
    )


def test_a_pass(render: Render) -> None:
    verdict = judge(
        CheckResult(name="lint", status="pass", seconds=0.41, metrics={"files": 214.0}),
        CheckResult(name="pytest", status="pass", seconds=12, metrics={"tests": 312.0}),
    )

    assert render(verdict) == (
        "check   status      time   new  known  looked at\n"
        "lint    pass       0.4 s     0      0  214 files\n"
        "pytest  pass      12.0 s     0      0  312 tests\n"
        "\n"
        "PASS: nothing new in 2 checks (1.9 s, exit 0)\n"
    )


def test_a_fail(render: Render, mixed: Verdict) -> None:
    assert render(mixed) == (
        "lint: 1 finding, 1 warning, 1 note\n"
        "  bot/main.py:3:1 ruff:F401 `os` imported but unused\n"
        "    -> Remove the import\n"
        "  bot/log.py:3:1 ruff:E501 warning: Line too long\n"
        "    -> Repair it\n"
        "  bot/main.py:3 ruff:E501 note: Line too long\n"
        "    -> Repair it\n"
        "\n"
        "pytest: 2 findings\n"
        "  tests/test_review.py pytest:failed test_sends_once: AssertionError: the\n"
        "    transport was given the message twice, where once was promised\n"
        "    -> python -m pytest tests/test_review.py::test_sends_once\n"
        "  pytest:line-floor 71 % of lines are run\n"
        "\n"
        "check     status      time   new  known  looked at\n"
        "lint      fail       0.4 s     1      1  214 files, 1 warning, 1 note\n"
        "security  pass       1.9 s     0      0  1 file\n"
        "types     skipped        -     -      -  not yet typed\n"
        "pytest    fail      12.0 s     2      0  312 tests, 1 failed, 71.26 % of lines,\n"
        "                                         cached\n"
        "secrets   does not apply: there is no file to scan\n"
        "\n"
        "FAIL: 3 findings in 2 checks; 1 check skipped (1.9 s, exit 1)\n"
        "\n"
        "fix first:\n"
        "  python -m pytest --last-failed\n"
        "  ruff check --fix .\n"
    )


def test_an_incomplete_verdict_says_what_is_missing(render: Render, make_finding: Make) -> None:
    verdict = judge(
        CheckResult(name="lint", status="fail", findings=[make_finding("ruff:F401")]),
        CheckResult(
            name="types",
            status="error",
            seconds=3,
            reason="mypy is not installed: pip install 'pytest-nadia[all]'",
        ),
        CheckResult(name="pytest", status="error", seconds=3, reason="crashed\nwith \x1b[1mnoise"),
    )

    assert render(verdict) == (
        "lint: 1 finding\n"
        "  bot/main.py:3:1 ruff:F401 Something is wrong\n"
        "    -> Repair it\n"
        "\n"
        "check   status      time   new  known  looked at\n"
        "lint    fail       0.0 s     1      0  \n"
        "types   error      3.0 s     -      -  mypy is not installed: pip install\n"
        "                                       'pytest-nadia[all]'\n"
        "pytest  error      3.0 s     -      -  crashed with noise\n"
        "\n"
        "INCOMPLETE: types, pytest did not run to the end, so nothing can be said; 1\n"
        "  finding in 1 check (1.9 s, exit 3)\n"
        "\n"
        "fix first:\n"
        "  pip install 'pytest-nadia[all]'\n"
        "  ruff check --fix .\n"
    ).replace("0  \n", "0\n")


def test_a_verdict_on_nothing_says_so(render: Render) -> None:
    nothing = (NotApplicable(name="lint", reason="no Python file"),)

    assert render(judge(not_applicable=nothing)) == (
        "lint   does not apply: no Python file\n"
        "\n"
        "INCOMPLETE: no check ran, so nothing can be said (1.9 s, exit 3)\n"
    )


def test_a_preview_says_what_it_is_and_what_comes_next(render: Render, make_finding: Make) -> None:
    verdict = judge(
        CheckResult(name="lint", status="fail", seconds=1, findings=[make_finding("ruff:F401")]),
        CheckResult(
            name="types", status="error", seconds=9, reason="took longer than its limit of 9 s"
        ),
    )

    assert render(verdict, preview=True) == (
        "preview of /srv/bot\n"
        "Nothing is configured here yet, and nothing was written.\n"
        "Tests were collected, but not run.\n"
        "\n"
        "lint: 1 finding\n"
        "  bot/main.py:3:1 ruff:F401 Something is wrong\n"
        "    -> Repair it\n"
        "\n"
        "check  status           time   new  known  looked at\n"
        "lint   fail            1.0 s     1      0\n"
        "types  not finished    9.0 s     -      -  took longer than its limit of 9 s\n"
        "\n"
        "PREVIEW: types did not finish; 1 finding in 1 check (1.9 s, exit 3)\n"
        "\n"
        "next: nadia init\n"
    )


@pytest.mark.parametrize("width", [60, 80, 200])
def test_every_line_fits_the_width(render: Render, mixed: Verdict, width: int) -> None:
    lines = render(mixed, width).splitlines()

    assert max(map(cells, lines)) <= width
    assert all(line == line.rstrip() for line in lines)


def test_commands_are_not_folded(render: Render, mixed: Verdict) -> None:
    assert "\n  python -m pytest --last-failed\n" in render(mixed, 24)


def many(make_finding: Make, number: int) -> Verdict:
    message = "a message of some length " * 40
    path = "a/folder/" * 30 + "file.py"
    lint = [
        make_finding(f"ruff:E{n % 60:03}", message, help=message, path=path) for n in range(number)
    ]
    failed = [make_finding("pytest:failed", path="tests/test_a.py")] * 2
    known = [make_finding("ruff:E501", baselined=True)] * 100
    return judge(
        CheckResult(name="lint", status="fail", findings=lint + known),
        *(CheckResult(name=name, status="pass") for name in ("security", "secrets", "types")),
        CheckResult(name="pytest", status="fail", findings=failed),
    )


def test_many_findings_become_counts_and_the_worst_five(render: Render, make_finding: Make) -> None:
    lines = render(many(make_finding, 8000)).splitlines()

    assert len(lines) < 60
    assert lines[:2] == ["8002 findings, by rule:", "     134  ruff:E000"]
    assert "    6930  of 53 other rules" in lines
    first = lines.index("the worst 5:") + 1
    places = [line for line in lines[first:] if line.startswith(("  tests/", "  a/folder"))]
    assert [place.split()[0] for place in places[:2]] == ["tests/test_a.py:3:1"] * 2
    assert len(places) == 5
    assert "all of them: nadia gate --format json" in lines
    assert "lint      fail       0.0 s  8000    100" in lines
    assert "FAIL: 8002 findings in 2 checks (1.9 s, exit 1)" in lines


def test_fifty_findings_are_shown_one_by_one(render: Render, make_finding: Make) -> None:
    assert render(many(make_finding, 48)).count("-> ") == 50
    assert "the worst 5:" in render(many(make_finding, 49))


def test_counts_of_few_rules_name_no_others(render: Render, make_finding: Make) -> None:
    found = [make_finding("ruff:F401")] * 51

    report = render(judge(CheckResult(name="lint", status="fail", findings=found)))

    assert "      51  ruff:F401\n\nthe worst 5:\n" in report


def test_a_hostile_name_stays_on_its_line(render: Render, make_finding: Make) -> None:
    found = make_finding(
        "x:\x1b[2J", "evil\x1b]0;title\x07 \x1b[31m\nmessage", path="a\nb\x1b[1m.py", help="a\rb"
    )

    report = render(judge(CheckResult(name="lint", status="fail", findings=[found])))

    assert report.splitlines()[1:3] == [
        "  a\\nb\\x1b[1m.py:3:1 x:\\x1b[2J evil message",
        "    -> a b",
    ]
    assert "\x1b" not in report


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, Config(), {})


def test_a_terminal_shows_the_same_lines_in_colour(
    mixed: Verdict,
    project: Project,
    checks: Mapping[str, Check],
    terminal: tuple[TextIO, Callable[[], str]],
) -> None:
    stream, shown = terminal
    plain = io.StringIO()

    text.show(mixed, project, checks, stream, preview=False)
    text.show(mixed, project, checks, plain, preview=False)

    seen = shown()
    assert "\x1b[1;31mFAIL:\x1b[0m" in seen
    assert re.sub(r"\x1b\[[0-9;]*m", "", seen) == plain.getvalue()


def test_a_stream_of_ascii_takes_every_verdict(
    make_finding: Make, project: Project, checks: Mapping[str, Check]
) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    found = make_finding("ruff:E1", "zażółć \udcff", path="日本.py")

    text.show(
        judge(CheckResult(name="lint", status="fail", findings=[found])),
        project,
        checks,
        stream,
        preview=False,
    )

    stream.flush()
    assert b"  \\u65e5\\u672c.py:3:1 ruff:E1 za\\u017c" in raw.getvalue()


def test_commands_lead_to_a_project_in_another_folder(
    mixed: Verdict, checks: Mapping[str, Check], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stream = io.StringIO()

    text.show(mixed, Project(tmp_path / "bot", Config(), {}), checks, stream, preview=False)

    assert stream.getvalue().endswith(
        "fix first:\n"
        "  (cd bot && python -m pytest --last-failed)\n"
        "  (cd bot && ruff check --fix .)\n"
    )


def test_a_reader_that_has_gone_is_for_the_command_to_handle(
    mixed: Verdict, project: Project, checks: Mapping[str, Check]
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w", buffering=1)

    with pytest.raises(BrokenPipeError):
        text.show(mixed, project, checks, stream, preview=False)

    with pytest.raises(BrokenPipeError):
        stream.close()
