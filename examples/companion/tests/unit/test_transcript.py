from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from companion.errors import UsageError
from companion.message import Message
from companion.review import Decision
from companion.transcript import Line, read

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.unit

GOOD = b'{"id": "m1", "user": "ana", "text": "Hi", "at": 5}\n'


def test_lines_times_and_decisions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_bytes(
        GOOD
        + b'\n{"id": "m2", "user": "ben", "text": "Oh", "decision": "reject"}\r\n'
        + b'{"id": "m3", "user": "ben", "text": "Ah", "at": 65, "decision": {"edit": "Yes"}}'
    )
    assert read(path) == [
        Line(Message("m1", "ana", "Hi", 5), None),
        Line(Message("m2", "ben", "Oh", 65), Decision("reject")),
        Line(Message("m3", "ben", "Ah", 65), Decision("edit", "Yes")),
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not JSON (nested too deeply)"),
        (b"\xff", "not UTF-8"),
        (b'{"id": "m2", "user": "ana"}', "text is missing"),
        (b'{"id": "m2", "user": "ana", "text": ""}', "text must be a text that is not empty"),
        (b'{"id": "m2", "user": "ana", "text": "x", "time": 1}', "unknown key 'time'"),
        (b'{"id": "m2", "user": "ana", "text": "x", "at": 4}', "at goes back from 5 to 4"),
        (b'{"id": "m2", "user": "ana", "text": "x", "at": NaN}', "at must be a number"),
        (b'{"id": "m2", "user": "ana", "text": "x", "at": null}', "at must be a number"),
        (b'{"id": "m2", "user": "ana", "text": "x", "decision": "maybe"}', "decision must be"),
        (b'{"id": "m2", "user": "ana", "text": "x", "decision": {"edit": ""}}', "decision must"),
        (b'{"id": "m1", "user": "ana", "text": "x"}', "the id 'm1' has another text further up"),
    ],
)
def test_a_bad_line_is_named_by_its_number(tmp_path: Path, line: bytes, problem: str) -> None:
    path = tmp_path / "talk.jsonl"
    path.write_bytes(GOOD + b"\n" + line)
    with pytest.raises(UsageError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, line 3: {problem}")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.jsonl: cannot be read \(No such file"):
        read(tmp_path / "none.jsonl")
