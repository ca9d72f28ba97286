"""NAD406: a Redis that the fixtures did not give."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_nadia.finding import Finding, Rule, Severity
from pytest_nadia.redis.lints.evidence import Place

if TYPE_CHECKING:
    from pytest_nadia.redis.lints.evidence import Evidence

RULE = Rule(
    number="NAD406",
    name="foreign-redis",
    severity=Severity.NOTE,
    what="A test reached for a Redis that the fixtures of pytest-nadia did not give.",
    why=(
        "That one holds whatever others left there, and what the test writes and deletes may be "
        "somebody's data. The test fails where no such server runs."
    ),
    repair=(
        "take the address from the fixture redis_url or from an environment variable that "
        "[tool.nadia.redis] env names"
    ),
    bad="client = redis.Redis()  # whatever answers at 127.0.0.1:6379",
    good="client = redis.from_url(os.environ['REDIS_URL'])",
)


def find(evidence: Evidence) -> list[Finding]:
    return [
        evidence.finding(
            RULE,
            f"connects to the Redis at {one.address}, which the fixtures did not give",
            about=one.address,
            place=Place(one.path, one.line),
        )
        for one in evidence.foreign
    ]
