from __future__ import annotations

import dataclasses
import os

import pytest

from pytest_nadia.finding import Finding, Severity, fingerprint

BASE = ("NAD101", "app/main.py", "main", "password = value", 0)
EXPECTED = "5d27cb150476cdc2"  # pragma: allowlist secret


def test_a_fingerprint_is_sixteen_hexadecimal_digits_and_does_not_change() -> None:
    # Baselines in users' repositories hold these digits: changing them orphans every entry.
    assert fingerprint(*BASE) == fingerprint(*BASE) == EXPECTED


@pytest.mark.parametrize(
    "other",
    [
        ("NAD102", *BASE[1:]),
        (BASE[0], "app/other.py", *BASE[2:]),
        (*BASE[:2], "Class.main", *BASE[3:]),
        (*BASE[:3], "password = other", 0),
        (*BASE[:4], 1),
    ],
    ids=["rule", "path", "enclosing", "content", "ordinal"],
)
def test_every_part_changes_the_fingerprint(other: tuple[str, str, str, str, int]) -> None:
    assert fingerprint(*other) != fingerprint(*BASE)


def test_parts_do_not_run_into_each_other() -> None:
    assert fingerprint("NAD101", "ab", "c", "", 0) != fingerprint("NAD101", "a", "bc", "", 0)


def test_a_path_that_is_not_utf8_has_a_fingerprint() -> None:
    path = os.fsdecode(b"caf\xe9.py")
    assert fingerprint("NAD101", path, "", "", 0) != fingerprint("NAD101", "caf.py", "", "", 0)


def test_severity_is_its_own_word() -> None:
    assert [str(severity) for severity in Severity] == ["error", "warning", "note"]


def test_a_finding_cannot_be_changed() -> None:
    finding = Finding(
        rule="NAD101",
        severity=Severity.ERROR,
        path="a.py",
        line=1,
        column=1,
        end_line=1,
        message="it leaks",
        help="remove it",
        fingerprint=fingerprint(*BASE),
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.line = 2  # type: ignore[misc]
