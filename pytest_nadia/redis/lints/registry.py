"""All lints of Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from pytest_nadia.redis.lints import (
    blocking_command,
    connection_left_open,
    deprecated_command,
    foreign_redis,
    key_without_expiry,
    repeated_command,
)

if TYPE_CHECKING:
    from pytest_nadia.finding import Finding, Rule
    from pytest_nadia.redis.lints.evidence import Evidence


class Lint(Protocol):
    """One rule: a module with these two names."""

    RULE: Rule

    # Findings of the rule; empty where all is well.
    def find(self, evidence: Evidence) -> list[Finding]: ...


LINTS: tuple[Lint, ...] = (
    connection_left_open,
    key_without_expiry,
    blocking_command,
    repeated_command,
    deprecated_command,
    foreign_redis,
)


def lint(evidence: Evidence) -> list[Finding]:
    """What the lints that are not switched off find, by number, then in the order it happened."""
    return [
        finding
        for one in LINTS
        if evidence.settings.level(one.RULE.number) != "off"
        for finding in one.find(evidence)
    ]
