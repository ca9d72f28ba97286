"""NAD401: a connection that nobody closed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from pytest_nadia.finding import Finding, Rule, Severity

if TYPE_CHECKING:
    from pytest_nadia.redis.lints.evidence import Evidence, SeenConnection

RULE = Rule(
    number="NAD401",
    name="connection-left-open",
    severity=Severity.NOTE,
    what=(
        "A connection to Redis was opened during a test and nobody closed it: it is still open "
        "after the test's tear-down, or it only went when asyncio deleted its objects. "
        "Connections that a module, a class or a fixture of wider scope holds are meant to stay."
    ),
    why=(
        "Code that forgets to close takes one connection of the server's `maxclients` each time "
        "it runs, and an asyncio client that is deleted after its loop was closed says so in the "
        "middle of another test."
    ),
    repair="use the client in `with` or `async with`, or close it in a finally or a fixture",
    bad="client = redis.asyncio.from_url(url)\nawait client.ping()",
    good="async with redis.asyncio.from_url(url) as client:\n    await client.ping()",
)


def find(evidence: Evidence) -> list[Finding]:
    left = Counter(one for one in evidence.connections if _is_left(one))
    return [
        evidence.finding(
            RULE, _message(one, count), about=f"{one.address} {one.state}", place=one.place
        )
        for one, count in left.items()
    ]


def _is_left(one: SeenConnection) -> bool:
    return one.state == "finalized" or (one.state == "open" and not one.reachable)


def _message(one: SeenConnection, count: int) -> str:
    what = "a connection" if count == 1 else f"{count} connections"
    where = " opened here" if one.place else ""
    if one.state == "finalized":
        end = "was closed by no one but the garbage collector"
        return f"{what} to Redis{where} {end if count == 1 else end.replace('was', 'were', 1)}"
    return f"{what} to Redis{where} {'is' if count == 1 else 'are'} still open after the test"
