from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING

import pytest

from nadia_checks.rules import RULES
from pytest_nadia.finding import Severity
from pytest_nadia.redis import lints
from pytest_nadia.redis.lints.registry import LINTS as ALL
from pytest_nadia.redis.lints.registry import lint
from pytest_nadia.redis.settings import LINTS, RedisSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_nadia.redis.lints.evidence import Evidence
    from pytest_nadia.redis.wire import CommandRecord

NO_RULES = {"elements", "evidence", "gathering", "reachability", "registry"}


def test_every_rule_of_the_folder_is_registered() -> None:
    files = {module.name for module in pkgutil.iter_modules(lints.__path__)} - NO_RULES

    assert {one.RULE.name.replace("-", "_") for one in ALL} == files


def test_the_settings_know_the_same_lints() -> None:
    assert {one.RULE.number: one.RULE.name for one in ALL} == LINTS


def test_nadia_explain_knows_them() -> None:
    assert {one.RULE for one in ALL} <= set(RULES)


def test_they_are_notes_unless_the_project_says_otherwise() -> None:
    assert {one.RULE.severity for one in ALL} == {Severity.NOTE}


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        ({}, [("NAD403", "note"), ("NAD405", "note")]),
        ({"all": "error"}, [("NAD403", "error"), ("NAD405", "error")]),
        ({"all": "error", "blocking-command": "note"}, [("NAD403", "note"), ("NAD405", "error")]),
        ({"NAD403": "off"}, [("NAD405", "note")]),
        ({"all": "off"}, []),
    ],
)
def test_the_settings_decide_what_is_found(
    levels: dict[str, str],
    found: list[tuple[str, str]],
    evidence: Callable[..., Evidence],
    record: Callable[..., CommandRecord],
) -> None:
    records = (record("GETSET a 1"), record("KEYS *"))
    settings = RedisSettings(lints=levels)  # type: ignore[arg-type]

    findings = lint(evidence(records=records, settings=settings))

    assert [(one.rule, one.severity) for one in findings] == found
