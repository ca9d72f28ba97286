from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nadia_checks.report.wording import count, encodable, one_line, shortened, visible

pytestmark = pytest.mark.unit

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;owned\x07title", "title"),
        ("\x1b]8;;http://x.invalid\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bcreset", "reset"),
        ("\x9b2Jcleared", "cleared"),
        ("unfinished \x1b[", "unfinished"),
        ("unfinished \x1b", "unfinished \\x1b"),
        ("bell\x07", "bell\\x07"),
        ("first\n\n  second\r\nthird\tfourth", "first second third fourth"),
        ("two  spaces", "two  spaces"),
        ("reversed \u202etxt", "reversed \\u202etxt"),
        ("half \udcff a byte", "half \\udcff a byte"),
        ("ż 日本 🙂", "ż 日本 🙂"),
    ],
)
def test_a_message_becomes_one_harmless_line(told: str, shown: str) -> None:
    assert one_line(told) == shown


@UNHURRIED
@given(st.text(st.characters(exclude_categories=[])))
def test_no_message_keeps_anything_that_does_not_print(text: str) -> None:
    assert one_line(text).isprintable()
    assert visible(text).isprintable()


def test_a_name_shows_its_escapes_instead_of_losing_them() -> None:
    assert visible("a  b\x1b[31m\n.py") == "a  b\\x1b[31m\\n.py"


@UNHURRIED
@given(st.text(st.characters(exclude_categories=[])), st.sampled_from(["ascii", "utf-8", "cp437"]))
def test_every_text_can_be_encoded(text: str, encoding: str) -> None:
    encodable(text, encoding).encode(encoding)


def test_a_stream_without_an_encoding_gets_ascii() -> None:
    assert encodable("ż", None) == "\\u017c"


def test_a_long_text_says_how_much_is_missing() -> None:
    assert shortened("x" * 120, 100) == "x" * 120
    assert shortened("x" * 121, 100) == "x" * 100 + "... (21 more characters)"


def test_one_is_not_many() -> None:
    assert [count(number, "check") for number in (0, 1, 2)] == ["0 checks", "1 check", "2 checks"]
