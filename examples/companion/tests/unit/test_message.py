from __future__ import annotations

from typing import Any

import pytest

from companion.message import Message, Turn, one_line

pytestmark = pytest.mark.unit


def test_a_message_survives_its_json() -> None:
    message = Message("m1", "ana", "é \n ok", 3.25)
    assert Message.from_json(message.to_json()) == message


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (("", "ana", "x", 0), "id must be a text that is not empty"),
        (("m", 7, "x", 0), "user must be a text that is not empty"),
        (("m", "a\nb", "x", 0), "user holds a control character"),
        (("m" * 129, "ana", "x", 0), "id is longer than 128 characters"),
        (("m", "ana", " \n", 0), "text must be a text that is not empty"),
        (("m", "ana", "x" * 4097, 0), "text is longer than 4096 characters"),
        (("m", "ana", "\ud800", 0), "text holds half a character"),
        (("m", "ana", "x", "soon"), "at must be a number of seconds"),
        (("m", "ana", "x", True), "at must be a number of seconds"),
        (("m", "ana", "x", float("nan")), "at must be a number of seconds from 0 on"),
        (("m", "ana", "x", -1), "at must be a number of seconds from 0 on"),
    ],
)
def test_a_bad_message_is_refused_with_the_reason(fields: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Message(*fields)


@pytest.mark.parametrize(
    "line", ["", "{}", "[1]", "[[[", "null", "[" * 100_000, '["a","b","c","d"]']
)
def test_garbage_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        Message.from_json(line)


def test_a_turn_is_read_from_its_hash() -> None:
    fields = {"user": "ana", "messages": '["m1"]', "text": "x", "sequence": "3", "step": "review"}
    turn = Turn.from_hash("m1", {**fields, "rule": "sensitive"})
    assert turn == Turn("m1", "ana", ("m1",), "x", 3, "review", rule="sensitive")


def test_one_line_holds_no_control_characters() -> None:
    assert one_line("a\nb\x1b[31mc\u202ed é") == "a b [31mc d é"
