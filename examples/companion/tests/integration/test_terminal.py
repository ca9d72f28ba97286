from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import pytest

from companion.review import Decision
from companion.terminal import Lines, Terminal, parse_decision

if TYPE_CHECKING:
    Parts = Any
    World = Any

pytestmark = pytest.mark.integration


def talk(world: World, typed: bytes, *, live: bool = False) -> list[str]:
    """What the terminal says to somebody who types this and ends the input."""
    said: list[str] = []
    reader, writer = os.pipe()
    os.write(writer, typed)
    os.close(writer)

    async def story(parts: Parts) -> None:
        await Terminal(parts.bot, Lines(reader), said.append, live=live).run()

    world.run(story)
    os.close(reader)
    return said[1:]


def test_a_conversation_and_its_review(world: World) -> None:
    said = talk(world, b"Hi\na\n\nmedication\nwhat\ne I love you\ne Ask a doctor\nBye\nr\n")
    prompt = "  a = approve, r = reject, e TEXT = edit"
    assert said == [
        "review answer to you: Hello! What is on your mind today?",
        prompt,
        'review [look closely: sensitive] answer to you: You say "medication" Tell me more.',
        prompt,
        "  not a decision: a = approve, r = reject, e TEXT = edit",
        "  refused by the rule romance: a = approve, r = reject, e TEXT = edit",
        'review answer to you: You say "Bye" Tell me more.',
        prompt,
    ]
    assert [text for _, text in world.sent] == [
        "Hello! What is on your mind today?",
        "Ask a doctor",
    ]


def test_what_was_not_reviewed_waits_for_the_next_start(world: World) -> None:
    assert talk(world, b"Hi")[-1] == "1 to review at the next start"
    assert talk(world, b"a\n")[0].startswith("review answer to you: Hello!")
    assert len(world.sent) == 1


def test_the_end_of_input_still_answers_what_a_person_typed(world: World) -> None:
    assert talk(world, b"Hi\nthere\n", live=True) == ["1 to review at the next start"]
    talk(world, b"a\n")
    assert [text for _, text in world.sent] == ['You say "Hi / there" Tell me more.']


def test_a_line_that_cannot_be_a_message_is_refused(world: World) -> None:
    assert talk(world, b"x" * 4097) == ["not taken: text is longer than 4096 characters"]
    assert world.sent == []


def test_a_silent_terminal_is_looked_after_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("companion.terminal._LOOK_SECONDS", 0.01)
    now = [100.0]
    reviewed = threading.Event()
    reader, writer = os.pipe()

    def say(line: str) -> None:
        if line.startswith("review"):
            os.write(writer, b"a\n")
            reviewed.set()

    def clock() -> float:
        now[0] += 0.5
        return now[0]

    async def story(parts: Parts) -> None:
        os.write(writer, b"Hi\n")
        terminal = Terminal(parts.bot, Lines(reader), say, live=True, clock=clock)
        running = asyncio.create_task(terminal.run())
        await asyncio.to_thread(reviewed.wait, 20)
        os.close(writer)
        await running

    world.run(story)
    os.close(reader)
    assert world.sent[0][1] == "Hello! What is on your mind today?"


def test_lines_after_the_loop_is_closed_disturb_nobody() -> None:
    reader, writer = os.pipe()

    async def start() -> Lines:
        return Lines(reader)

    before = threading.active_count()
    asyncio.run(start())
    os.write(writer, b"too late\n")
    os.close(writer)
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(5)
    assert threading.active_count() <= before
    os.close(reader)


@pytest.mark.parametrize(
    ("line", "decision"),
    [
        (" a ", Decision("approve")),
        ("r", Decision("reject")),
        ("e  Good day ", Decision("edit", "Good day")),
        ("e", None),
        ("a b", None),
        ("approve", None),
        ("", None),
    ],
)
def test_a_decision_is_parsed(line: str, decision: Decision | None) -> None:
    assert parse_decision(line) == decision
