"""Stored data that is not what was stored."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pytest_nadia.health.fault import HealthFault, NotApplicableError, Target
from pytest_nadia.health.items import is_json, read_items, resized, with_last, write_items

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.health.bench import Bench
    from pytest_nadia.health.fault import Put, Targets
    from pytest_nadia.health.items import Item
    from pytest_nadia.health.reads import Reads

_HUGE_ITEMS = 20_000
_HUGE_BYTES = 4 * 2**20
_NO_CONTENT = "the check reads the content of no key that the healthy run left"
_BROKEN = "malformed|corrupt|damage|invalid|json|pars|decod|broken|integrity|not a|entry|format"
_TYPE = "type|not a |expected|corrupt|damage"
_EMPTY = "empty|missing|blank|nothing|no |invalid|damage|not a|corrupt|entry"
_HUGE = "huge|large|big|more than|over|too|size|length|limit|exceed|many"
_NO_EXPIRY = "expir|ttl|never|persist"


def _contents(reads: Reads) -> list[Target]:
    return reads.contents


def _keyed(reads: Reads) -> list[Target]:
    return reads.keyed


def _unmeasured(reads: Reads) -> list[Target]:
    return reads.unmeasured


def _expiring(reads: Reads) -> list[Target]:
    return [one for one in reads.contents if one.key in reads.expiring]


def _rewritten(change: Callable[[list[Item], str], list[Item]]) -> Put:
    """Change the items of a key."""

    @contextmanager
    def put(bench: Bench, target: Target) -> Iterator[None]:
        bench.watch(target)
        with bench.data() as data:
            items = read_items(data, target.key, target.kind)
            if not items:
                raise NotApplicableError(f"a {target.kind} cannot be damaged in this way")
            write_items(data, target.key, target.kind, change(items, target.kind))
        yield

    return put


def _malformed(items: list[Item], kind: str) -> list[Item]:
    if not is_json(items) or kind in ("zset", "set"):
        raise NotApplicableError("its values are not JSON")
    return with_last(items, lambda value: value[: max(1, len(value) // 2)])


def _emptied(items: list[Item], kind: str) -> list[Item]:
    if kind in ("zset", "set"):
        raise NotApplicableError("its members are names")
    return with_last(items, lambda _: b"")


def _huge(items: list[Item], kind: str) -> list[Item]:
    if kind == "string":
        return with_last(items, lambda value: value + b" " * _HUGE_BYTES)
    return resized(items, kind, _HUGE_ITEMS)


@contextmanager
def _wrong_type(bench: Bench, target: Target) -> Iterator[None]:
    bench.watch(target)
    with bench.data() as client:
        data: Any = client
        left = data.pttl(target.key)
        data.delete(target.key)
        if target.kind == "string":
            data.hset(target.key, mapping={"nadia": "a hash"})
        else:
            data.set(target.key, "a string")
        if left > 0:
            data.pexpire(target.key, left)
    yield


@contextmanager
def _no_expiry(bench: Bench, target: Target) -> Iterator[None]:
    bench.watch(target)
    with bench.data() as data:
        data.persist(target.key)
    yield


def _fault(
    name: str, put: Put, says: str, targets: Targets = _contents, why_not: str = _NO_CONTENT
) -> HealthFault:
    return HealthFault(
        name=f"data-{name}", group="data", put=put, says=says, targets=targets, why_not=why_not
    )


FAULTS: tuple[HealthFault, ...] = (
    _fault("malformed", _rewritten(_malformed), _BROKEN),
    _fault("wrong-type", _wrong_type, _TYPE, _keyed, "the check reads no key"),
    _fault("empty", _rewritten(_emptied), _EMPTY),
    _fault("huge", _rewritten(_huge), _HUGE, _unmeasured),
    _fault(
        "no-expiry", _no_expiry, _NO_EXPIRY, _expiring, "the check reads no key that has an expiry"
    ),
)
