from __future__ import annotations

import threading
from typing import Any

import pytest

from pytest_nadia.redis.lints import reachability
from pytest_nadia.redis.lints.reachability import is_reachable

KEPT: list[object] = []


class Thing:
    pass


class Lazy:
    """What it is, it says only after work that a look at it must not cause."""

    def __init__(self, inner: object) -> None:
        self.inner = inner

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise RuntimeError("it was asked what it is")


def test_nothing_holds_it() -> None:
    assert not is_reachable(Thing())


def test_a_cycle_holds_only_itself() -> None:
    one, other = Thing(), Thing()
    one.other, other.one = other, one  # type: ignore[attr-defined]

    assert not is_reachable(one)


def test_a_module_holds_it_however_deep() -> None:
    start: object = (thing := Thing())
    for _ in range(10):
        start = [start]
    KEPT.append(start)

    assert is_reachable(thing)
    KEPT.clear()
    assert not is_reachable(thing)


def test_a_running_function_of_another_thread_holds_it() -> None:
    ready, done = threading.Event(), threading.Event()
    things: list[Thing] = [Thing()]

    def work() -> None:
        mine = things.pop()
        things.append(mine)
        ready.set()
        done.wait(20)

    thread = threading.Thread(target=work)
    thread.start()
    ready.wait(20)
    thing = things.pop()

    assert is_reachable(thing)
    done.set()
    thread.join(20)
    assert not is_reachable(thing)


def test_the_traceback_of_a_failure_holds_it() -> None:
    things = [Thing()]

    def fail() -> None:
        mine = things.pop()
        things.append(mine)
        raise ValueError

    with pytest.raises(ValueError) as failed:  # noqa: PT011
        fail()
    thing = things.pop()

    assert is_reachable(thing)
    del failed


@pytest.mark.parametrize("bound", ["_MOST_STEPS", "_MOST_OBJECTS", "_MOST_SECONDS"])
def test_where_it_gives_up_the_answer_is_yes(bound: str, monkeypatch: pytest.MonkeyPatch) -> None:
    start: object = (thing := Thing())
    for _ in range(10):
        start = [start]
    assert not is_reachable(thing)

    monkeypatch.setattr(reachability, bound, 3 if bound != "_MOST_SECONDS" else -1.0)

    assert is_reachable(thing)


def test_lazy_objects_are_not_woken() -> None:
    thing = Thing()
    lazy = Lazy(thing)

    assert not is_reachable(thing)
    del lazy
