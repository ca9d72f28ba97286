from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nadia_checks.core.verdict import (
    CheckResult,
    JudgedFinding,
    NotApplicable,
    Status,
    Verdict,
    decide,
)
from nadia_checks.report.json import render as render_json
from nadia_checks.report.json import schema
from nadia_checks.report.wording import one_line, visible
from pytest_nadia.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.unit

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SCHEMA_FILE = Path(__file__).parents[3] / "docs" / "verdict.schema.json"

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=30)
NUMBERS = st.integers(0, 10**6)
FINDINGS = st.builds(
    JudgedFinding,
    rule=st.sampled_from(["ruff:F401", "pytest:failed", "NAD101"]) | ANY_TEXT.map("x:".__add__),
    severity=st.sampled_from(Severity),
    path=ANY_TEXT,
    line=NUMBERS,
    column=NUMBERS,
    end_line=NUMBERS,
    message=ANY_TEXT,
    help=ANY_TEXT,
    fingerprint=ANY_TEXT,
    baselined=st.booleans(),
)
STATUSES: list[Status] = ["pass", "fail", "error", "skipped"]
RESULTS = st.builds(
    CheckResult,
    name=st.sampled_from(["lint", "security", "secrets", "types", "pytest"]),
    status=st.sampled_from(STATUSES),
    reason=ANY_TEXT,
    seconds=st.floats(0, 1e6),
    cached=st.booleans(),
    metrics=st.dictionaries(ANY_TEXT, st.floats(), max_size=3),
    findings=st.lists(FINDINGS, max_size=8),
)
VERDICTS = st.builds(
    decide,
    st.lists(RESULTS, max_size=5, unique_by=lambda result: result.name),
    st.lists(
        st.builds(NotApplicable, name=st.sampled_from(["health", "ci"]), reason=ANY_TEXT),
        max_size=3,
    ),
    st.floats(0, 1e6),
)


def test_the_schema_in_the_documentation_is_that_of_the_verdict() -> None:
    assert SCHEMA_FILE.read_text() == schema(), (
        "stale: python -m nadia_checks.report.json > docs/verdict.schema.json"
    )


@pytest.mark.slow
@UNHURRIED
@given(VERDICTS)
def test_every_verdict_is_a_valid_document(verdict: Verdict) -> None:
    def refuse(constant: str) -> None:
        pytest.fail(f"{constant} is not JSON")

    document = json.loads(render_json(verdict), parse_constant=refuse)

    jsonschema.validate(document, json.loads(SCHEMA_FILE.read_text()))


def test_the_schema_refuses_what_is_no_verdict() -> None:
    document = json.loads(render_json(decide([], [], 1.0)))
    wrongs: tuple[dict[str, object], ...] = (
        {"verdict": "maybe"},
        {"schema": "nadia/verdict/2"},
        {"checks": [{}]},
    )
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | wrong, json.loads(SCHEMA_FILE.read_text()))


def test_the_document_is_the_one_that_is_promised(
    make_finding: Callable[..., JudgedFinding],
) -> None:
    found = make_finding("ruff:F401", baselined=True)
    result = CheckResult(
        name="lint", status="pass", seconds=0.1, metrics={"files": 214}, findings=[found]
    )
    health = NotApplicable(name="health", reason="no health check is configured")

    assert json.loads(render_json(decide([result], [health], 1.9))) == {
        "schema": "nadia/verdict/1",
        "verdict": "pass",
        "seconds": 1.9,
        "checks": [
            {
                "name": "lint",
                "status": "pass",
                "reason": "",
                "seconds": 0.1,
                "cached": False,
                "metrics": {"files": 214},
                "findings": [
                    {
                        "rule": "ruff:F401",
                        "severity": "error",
                        "path": "bot/main.py",
                        "line": 3,
                        "column": 1,
                        "end_line": 3,
                        "message": "Something is wrong",
                        "help": "Repair it",
                        "fingerprint": "0123456789abcdef",
                        "baselined": True,
                    }
                ],
                "unseen": [],
            }
        ],
        "not_applicable": [{"name": "health", "reason": "no health check is configured"}],
    }


def test_what_is_no_number_is_left_out_and_what_is_no_text_escaped() -> None:
    metrics = {"rate": math.nan, "limit": math.inf, "files": 3.0}
    result = CheckResult(name="lint", status="error", reason="bad \udcff", metrics=metrics)

    (document,) = json.loads(render_json(decide([result], [], 1.0)))["checks"]

    assert document["metrics"] == {"files": 3.0}
    assert document["reason"] == "bad \\udcff"


@pytest.mark.slow
@UNHURRIED
@given(verdict=VERDICTS)
def test_text_and_json_say_the_same(verdict: Verdict, render: Callable[..., str]) -> None:
    text = render(verdict, 1_000_000)
    document = json.loads(render_json(verdict))

    assert f"\n{document['verdict'].upper()}: " in f"\n{text}"
    assert f"exit {int(verdict.exit_code)})\n" in text
    findings = text.split("\nfix first:\n")[0].splitlines()
    told = [line for line in findings if line.startswith("  ")]
    for result in document["checks"]:
        for found in result["findings"]:
            if not found["baselined"]:
                told.remove(_first_line(found))
    assert all(line.startswith("    ->") for line in told)


def _first_line(found: dict[str, object]) -> str:
    path, line, column = str(found["path"]), found["line"], found["column"]
    place = ":".join([visible(path), *(str(one) for one in (line, column) if one)])
    severity = "" if found["severity"] == "error" else f" {found['severity']}:"
    rule = f"{visible(str(found['rule']))}{severity}"
    where = f"{place} " if path else ""
    return f"  {where}{rule} {one_line(str(found['message']))}".rstrip()
