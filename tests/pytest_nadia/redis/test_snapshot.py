from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Literal

import pytest
import redis

from pytest_nadia.redis.backstage import empty, restore_to, snapshot_of
from pytest_nadia.redis.process import run_front
from pytest_nadia.redis.snapshot import (
    Snapshot,
    StateError,
    explain_difference,
    restore_snapshot,
    take_snapshot,
)
from pytest_nadia.redis.state.connection import raw_client
from pytest_nadia.redis.state.everything import fill_with_everything
from pytest_nadia.redis.state.reading import Dialect, dialect_of, read_batch
from pytest_nadia.redis.state.values import Group, KeyState, Opaque, Pending, Stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_nadia.redis.process import Front

pytestmark = pytest.mark.redis(off=True)

Kind = Literal["embedded", "server"]
FAR = 4_000_000_000_000


@pytest.fixture(scope="module")
def front_of() -> Iterator[Callable[[Kind], Front]]:
    fronts: dict[str, Front] = {}
    with ExitStack() as stack:

        def find(kind: Kind) -> Front:
            if kind not in fronts:
                fronts[kind] = stack.enter_context(run_front(kind))
            fronts[kind].reset()
            return fronts[kind]

        yield find


@pytest.fixture(params=["embedded", "server"])
def front(
    request: pytest.FixtureRequest,
    front_of: Callable[[Kind], Front],
    require: Callable[[str], str],
) -> Front:
    if request.param == "server":
        require("redis-server")
    return front_of(request.param)


@pytest.fixture
def client(front: Front) -> Iterator[redis.Redis]:
    with redis.Redis(unix_socket_path=front.backstage_path) as connected:
        yield connected


def run(client: redis.Redis, *command: Any) -> Any:
    return client.execute_command(*command)  # type: ignore[no-untyped-call]


def one_key(client: redis.Redis) -> KeyState:
    (states,) = take_snapshot(client).keys.values()
    (state,) = states.values()
    return state


def delivered(times: int, at: int = 0) -> KeyState:
    group = Group(b"1-1", 1, frozenset({b"ann"}), (Pending(b"1-1", b"ann", at, times),))
    return KeyState("stream", Stream((), b"1-1", {b"g": group}))


def state_of(key: str, state: KeyState, taken_at: int = 0) -> Snapshot:
    return Snapshot({0: {key.encode(): state}}, None, taken_at)


# Taking and bringing back


def test_everything_comes_back(client: redis.Redis) -> None:
    fill_with_everything(client, 1, (0, 3))
    before = take_snapshot(client)
    assert [len(keys) for keys in before.keys.values()] == [47, 47]
    run(client, "FLUSHALL")
    fill_with_everything(client, 2, (0, 5))
    assert before != take_snapshot(client)
    restore_snapshot(client, before)
    assert before.difference(take_snapshot(client)) == ""
    assert take_snapshot(client) == before


def test_what_comes_back_works_as_before(client: redis.Redis) -> None:
    fill_with_everything(client, 1)
    restore_snapshot(client, take_snapshot(client))
    assert client.pfcount("hyperloglog") == 50
    assert client.geopos("geo", "place")[0] is not None
    assert client.zrange("zset:infinite", 0, -1) == [b"first", b"exact", b"last"]
    taken = client.xreadgroup("workers", "ann", {"stream:groups": ">"}, count=1)
    assert b"6-1" in repr(taken).encode()


@pytest.mark.parametrize("options", [{"protocol": 3}, {"decode_responses": True}, {"db": 0}])
def test_the_settings_of_the_client_do_not_matter(front: Front, options: dict[str, Any]) -> None:
    with redis.Redis(unix_socket_path=front.backstage_path, **options) as client:
        fill_with_everything(client, 1)
        before = take_snapshot(client)
        restore_snapshot(client, before)
        assert before == snapshot_of(front)


def test_a_snapshot_stays_as_it_was_taken(client: redis.Redis) -> None:
    client.rpush("queue", "a")
    before = take_snapshot(client)
    client.rpush("queue", "b")
    assert before.keys[0][b"queue"].value == (b"a",)


def test_only_the_databases_that_were_named_are_read_and_emptied(client: redis.Redis) -> None:
    fill_with_everything(client, 1, (0, 2))
    only = take_snapshot(client, [2])
    assert list(only.keys) == [2]
    restore_snapshot(client, Snapshot({}, (2,), 0))
    assert list(take_snapshot(client).keys) == [0]


def test_an_empty_snapshot_empties_everything(client: redis.Redis) -> None:
    empty = take_snapshot(client)
    fill_with_everything(client, 1, (0, 2))
    restore_snapshot(client, empty)
    assert client.dbsize() == 0
    assert take_snapshot(client) == empty


@pytest.mark.slow
def test_many_keys(client: redis.Redis) -> None:
    for start in range(0, 3000, 1000):
        client.mset({f"key:{n}": n for n in range(start, start + 1000)})
    before = take_snapshot(client)
    assert len(before.keys[0]) == 3000
    restore_snapshot(client, before)
    assert before == take_snapshot(client)


def test_pending_entries_come_back_with_their_consumer_age_and_count(client: redis.Redis) -> None:
    client.xadd("s", {"a": "1"}, id="1-1")
    client.xgroup_create("s", "g", id="0")
    client.xreadgroup("g", "ann", {"s": ">"})
    run(client, "XCLAIM", "s", "g", "ann", 0, "1-1", "IDLE", 60_000, "RETRYCOUNT", 7)
    before = take_snapshot(client)
    restore_snapshot(client, before)
    ((id_, consumer, idle, count),) = (
        (
            entry["message_id"],
            entry["consumer"],
            entry["time_since_delivered"],
            entry["times_delivered"],
        )
        for entry in client.xpending_range("s", "g", "-", "+", 10)
    )
    assert (id_, consumer, count) == (b"1-1", b"ann", 7)
    assert int(idle) >= 59_000
    assert take_snapshot(client) == before


def test_pending_entries_come_back_though_the_entry_itself_was_deleted(client: redis.Redis) -> None:
    client.xadd("s", {"a": "1"}, id="1-1")
    client.xadd("s", {"a": "2"}, id="2-1")
    client.xgroup_create("s", "g", id="0")
    client.xreadgroup("g", "ann", {"s": ">"})
    client.xdel("s", "1-1")
    before = take_snapshot(client)
    restore_snapshot(client, before)
    stream = one_key(client).value
    assert isinstance(stream, Stream)
    assert [id_ for id_, _ in stream.entries] == [b"2-1"]
    assert [entry.id for entry in stream.groups[b"g"].pending] == [b"1-1", b"2-1"]
    assert take_snapshot(client) == before


def test_streams_without_entries_come_back(client: redis.Redis) -> None:
    client.xgroup_create("never-filled", "g", mkstream=True)
    client.xgroup_create("no-groups", "g", mkstream=True)
    client.xgroup_destroy("no-groups", "g")
    client.xadd("emptied", {"a": "1"}, id="5-3")
    client.xdel("emptied", "5-3")
    before = take_snapshot(client)
    restore_snapshot(client, before)
    assert before.difference(take_snapshot(client)) == ""
    assert len(before.keys[0]) == 3
    with pytest.raises(redis.ResponseError, match="equal or smaller"):
        client.xadd("emptied", {"a": "1"}, id="5-3")


def test_the_counters_of_a_stream_come_back_on_a_real_server(
    front_of: Callable[[Kind], Front], require: Callable[[str], str]
) -> None:
    require("redis-server")
    with redis.Redis(unix_socket_path=front_of("server").backstage_path) as client:
        for n in range(1, 6):
            client.xadd("s", {"a": "1"}, id=f"{n}-1", maxlen=2, approximate=False)
        client.xgroup_create("s", "g", id="4-1")
        client.xdel("s", "5-1")
        about, groups = client.xinfo_stream("s"), client.xinfo_groups("s")
        restore_snapshot(client, take_snapshot(client))
        assert {**client.xinfo_stream("s"), "radix-tree-nodes": 0} == {
            **about,
            "radix-tree-nodes": 0,
        }
        assert client.xinfo_groups("s") == groups


def test_fields_expire_where_the_server_can(client: redis.Redis) -> None:
    client.hset("h", mapping={"a": "1", "b": "2"})
    try:
        run(client, "HPEXPIREAT", "h", FAR, "FIELDS", 1, "a")
    except redis.ResponseError:
        return
    before = take_snapshot(client)
    assert one_key(client).field_expiries == {b"a": FAR}
    restore_snapshot(client, before)
    assert one_key(client).field_expiries == {b"a": FAR}


def test_keys_whose_time_has_passed_stay_away(client: redis.Redis) -> None:
    client.set("kept", 1)
    past = state_of("gone", KeyState("string", b"1", 1000))
    both = Snapshot({0: {**take_snapshot(client).keys[0], **past.keys[0]}}, None, 0)
    restore_snapshot(client, both)
    assert client.keys("*") == [b"kept"]


@pytest.mark.parametrize(("there", "back"), [("embedded", "server"), ("server", "embedded")])
def test_a_snapshot_can_move_to_the_other_kind_of_server(
    front_of: Callable[[Kind], Front], require: Callable[[str], str], there: Kind, back: Kind
) -> None:
    require("redis-server")
    source, target = front_of(there), front_of(back)
    with redis.Redis(unix_socket_path=source.backstage_path) as client:
        fill_with_everything(client, 1)
        # The embedded server keeps these two in its own way.
        client.delete("geo", "hyperloglog")
        client.persist("hash:fields-expire")
        run(client, "DEL", "hash:fields-expire")
    before = snapshot_of(source)
    restore_to(target, before)
    assert before.difference(snapshot_of(target)) == ""


def test_a_value_that_the_server_does_not_take_is_named(client: redis.Redis) -> None:
    strange = state_of("strange", KeyState("some-module", Opaque(b"nonsense")))
    with pytest.raises(StateError, match=r"cannot restore key b'strange': RESTORE was answered"):
        restore_snapshot(client, strange)


def test_of_a_leased_database_nothing_else_is_touched(
    front_of: Callable[[Kind], Front], require: Callable[[str], str]
) -> None:
    require("redis-server")
    shared = front_of("server")
    # Without a number in the URL a free database is leased, never the one that holds something.
    url = f"redis://127.0.0.1:{shared.port}"
    with redis.Redis(port=shared.port) as somebody, run_front("url", url=url) as leased:
        somebody.set("theirs", 1)
        with redis.Redis(port=leased.port) as client:
            client.set("ours", 1)
        before = snapshot_of(leased)
        assert {n: list(keys) for n, keys in before.keys.items()} == {0: [b"ours"]}
        restore_to(leased, Snapshot({}, (0,), 0))
        assert snapshot_of(leased).keys == {}
        restore_to(leased, before)
        assert snapshot_of(leased) == before
        empty(leased)
        assert snapshot_of(leased).keys == {}
        assert somebody.get("theirs") == b"1"


def test_a_key_that_goes_while_it_is_read_is_left_out(client: redis.Redis) -> None:
    client.set("kept", "v")
    with raw_client(client) as raw:
        found = read_batch(raw, {b"gone": "string", b"kept": "string"}, dialect_of(raw))
    assert list(found) == [b"kept"]


def test_a_key_that_changes_while_it_is_read_is_an_error(client: redis.Redis) -> None:
    client.rpush("k", "v")
    with (
        raw_client(client) as raw,
        pytest.raises(StateError, match=r"cannot read key b'k': WRONGTYPE.*Is Redis written to"),
    ):
        read_batch(raw, {b"k": "string"}, dialect_of(raw))


def test_servers_without_absolute_expiry_give_it_by_their_clock(client: redis.Redis) -> None:
    client.set("k", "v", px=100_000)
    with raw_client(client) as raw:
        exact = read_batch(raw, {b"k": "string"}, dialect_of(raw))[b"k"].expires_at
        older = read_batch(raw, {b"k": "string"}, Dialect(False, False))[b"k"].expires_at
    assert exact is not None
    assert older is not None
    assert abs(exact - older) <= 50


# Comparing


def test_expiry_compares_within_a_second() -> None:
    at = state_of("k", KeyState("string", b"v", 10_000))
    assert at == state_of("k", KeyState("string", b"v", 11_000))
    assert at != state_of("k", KeyState("string", b"v", 11_001))
    assert at != state_of("k", KeyState("string", b"v"))


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (KeyState("string", b"a"), KeyState("string", b"b"), "~ string db 0 'k': 'a' -> 'b'"),
        (KeyState("string", b"a"), KeyState("list", (b"a",)), "~ db 0 'k' type: string -> list"),
        (
            KeyState("list", (b"a", b"b", b"c")),
            KeyState("list", (b"a", b"c")),
            "~ list db 0 'k' [1]: removed, was 'b'",
        ),
        (
            KeyState("list", (b"a", b"c")),
            KeyState("list", (b"a", b"b", b"c")),
            "~ list db 0 'k' [1]: added 'b'",
        ),
        (
            KeyState("list", (b"a",)),
            KeyState("list", (b"\xff",)),
            "~ list db 0 'k' [0]: 'a' -> b'\\xff'",
        ),
        (
            KeyState("set", frozenset({b"a"})),
            KeyState("set", frozenset({b"a", b"b"})),
            "~ set db 0 'k' member 'b' added",
        ),
        (
            KeyState("zset", {b"m": 1.0}),
            KeyState("zset", {b"m": float("inf")}),
            "~ zset db 0 'k' score of 'm': 1.0 -> inf",
        ),
        (
            KeyState("hash", {b"f": b"1", b"g": b"1"}),
            KeyState("hash", {b"f": b"1"}),
            "~ hash db 0 'k' field 'g': removed, was '1'",
        ),
        (
            KeyState("hash", {b"f": b"1"}, None, {b"f": 0}),
            KeyState("hash", {b"f": b"1"}, None, {b"f": 5000}),
            "~ hash db 0 'k' expiry of field 'f' changed by +5.0 s",
        ),
        (
            KeyState("string", b"a", 0),
            KeyState("string", b"a"),
            "~ db 0 'k' expiry lost, was 1970-01-01 00:00:00 UTC",
        ),
        (
            KeyState("string", b"a"),
            KeyState("string", b"a", 0),
            "~ db 0 'k' expiry gained: 1970-01-01 00:00:00 UTC",
        ),
        (
            KeyState("string", b"a", 10_000),
            KeyState("string", b"a", 4_000),
            "~ db 0 'k' expiry changed by -6.0 s",
        ),
        (
            KeyState("stream", Stream(((b"1-1", (b"f", b"v")),), b"1-1", {})),
            KeyState("stream", Stream((), b"1-1", {})),
            "~ stream db 0 'k' entry [0]: removed, was id: '1-1', fields: ['f', 'v']",
        ),
        (
            delivered(times=1),
            delivered(times=2),
            "~ stream db 0 'k' group 'g' pending [0] deliveries: 1 -> 2",
        ),
        (
            delivered(times=1),
            delivered(times=1, at=2000),
            "~ stream db 0 'k' group 'g' pending [0] delivered: "
            "1970-01-01 00:00:00 UTC -> 1970-01-01 00:00:02 UTC",
        ),
    ],
)
def test_the_difference_says_what_and_where(before: KeyState, after: KeyState, line: str) -> None:
    assert state_of("k", before).difference(state_of("k", after)) == line


def test_whole_keys_are_shown_in_a_few_words() -> None:
    full = state_of("k", KeyState("list", tuple(b"%d" % n for n in range(9)), 0))
    empty = Snapshot({}, None, 0)
    shown = "db 0 'k': list of 9 ['0', '1', '2', ...], expires 1970-01-01 00:00:00 UTC"
    assert empty.difference(full) == f"+ {shown}"
    assert full.difference(empty) == f"- {shown}"


def test_the_difference_of_groups(client: redis.Redis) -> None:
    client.xadd("s", {"a": "1"}, id="1-1")
    client.xgroup_create("s", "g", id="0")
    before = take_snapshot(client)
    client.xreadgroup("g", "ann", {"s": ">"})
    lines = before.difference(take_snapshot(client)).splitlines()
    assert "~ stream db 0 's' group 'g' last delivered id: '0-0' -> '1-1'" in lines
    assert "~ stream db 0 's' group 'g' consumers 'ann': added" in "\n".join(lines)
    assert "group 'g' pending [0]: added id: '1-1', consumer: 'ann'" in "\n".join(lines)


def test_a_large_difference_is_cut() -> None:
    many = {b"key:%03d" % n: KeyState("string", b"v") for n in range(100)}
    lines = Snapshot({}, None, 0).difference(Snapshot({0: many}, None, 0)).splitlines()
    assert len(lines) == 41
    assert lines[-1] == "... and 60 more"


def test_one_key_does_not_fill_the_difference() -> None:
    before = state_of("k", KeyState("list", tuple(b"a%d" % n for n in range(2000))))
    after = state_of("k", KeyState("list", tuple(b"b%d" % n for n in range(2000))))
    lines = before.difference(after).splitlines()
    assert len(lines) == 9
    assert lines[-1] == "... and 1992 more in this key"


def test_large_and_binary_values_stay_on_one_short_line() -> None:
    before = state_of("k", KeyState("string", b"a\r\n\x00" * 10_000))
    (line,) = before.difference(state_of("k", KeyState("string", b"x" * 10_000))).splitlines()
    assert len(line) < 200
    assert "(40000 bytes) -> " in line


def test_every_datum_has_a_path(client: redis.Redis) -> None:
    client.set("k", "v")
    client.rpush("l", "a", "b")
    client.hset("h", "f", "1")
    flat = take_snapshot(client).flatten()
    assert flat[0, b"k", "value"] == b"v"
    assert flat[0, b"l", "items", 1] == b"b"
    assert flat[0, b"h", "fields", b"f"] == b"1"


def test_only_two_snapshots_are_explained() -> None:
    one, other = state_of("k", KeyState("string", b"a")), state_of("k", KeyState("string", b"b"))
    assert explain_difference(one, other) == [
        "the snapshots differ (from left to right):",
        "~ string db 0 'k': 'a' -> 'b'",
    ]
    assert explain_difference(other, one) == [
        "the snapshots differ (from right to left):",
        "~ string db 0 'k': 'a' -> 'b'",
    ]
    assert explain_difference(one, 3) == []
    assert explain_difference(one, one) == []
    assert one != 3
