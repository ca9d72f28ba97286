from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from companion import model
from companion.errors import ConfigError, ModelError
from companion.message import Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from companion.review import Spoken

pytestmark = pytest.mark.unit

TURN = Turn("m1", "ana", ("m1",), "Hi", 1, "batched")


class Scripted:
    """A model whose answers are given; an exception among them is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    async def __call__(self, _user: str, _text: str, _history: Sequence[Spoken]) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def ask(one: model.Model, seconds: float = 5.0) -> str:
    return asyncio.run(model.ask(one, TURN, [], seconds))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi", "Hello! What is on your mind today?"),
        ("Why?", 'You ask "Why?" I would like to hear what you think first.'),
        ("It rains\n and rains.", 'You say "It rains / and rains." Tell me more.'),
    ],
)
def test_the_default_model_is_deterministic(text: str, expected: str) -> None:
    assert asyncio.run(model.answer("ana", text, [])) == expected


def test_a_model_is_loaded_by_name() -> None:
    assert model.load("companion.model:answer") is model.answer


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere.at.all:x", r"cannot be imported \(ModuleNotFoundError: No module named 'now"),
        ("companion.model:nothing", "is not an asynchronous callable"),
        ("companion.model:load", "is not an asynchronous callable"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(name: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        model.load(name)


def test_a_passing_failure_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "MODEL_PAUSE", 0)
    assert ask(Scripted(RuntimeError("busy"), "", "fine")) == "fine"


@pytest.mark.parametrize("bad", [RuntimeError("down"), "", " ", None, 7])
def test_a_lasting_failure_is_a_model_error(monkeypatch: pytest.MonkeyPatch, bad: Any) -> None:
    monkeypatch.setattr(model, "MODEL_PAUSE", 0)
    scripted = Scripted(bad, bad, bad, "too late")
    with pytest.raises(ModelError):
        ask(scripted)
    assert scripted.answers == ["too late"]


def test_a_model_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_user: str, _text: str, _history: Sequence[Spoken]) -> str:
        await asyncio.sleep(3600)
        return ""

    monkeypatch.setattr(model, "MODEL_PAUSE", 0)
    with pytest.raises(ModelError, match=r"no answer within 0\.01 s"):
        ask(hang, 0.01)


def test_half_a_character_does_not_reach_redis() -> None:
    assert ask(Scripted("a\ud800b")) == "a?b"
