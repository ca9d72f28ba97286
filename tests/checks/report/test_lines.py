from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nadia_checks.report.lines import NARROWEST, Span, cells, fold, line

pytestmark = pytest.mark.unit

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = st.text("ab /日\u0301", max_size=200)


def folded(text: str, width: int, indent: int = 0) -> list[str]:
    return [piece.text for piece in fold(line(text, indent=indent), width)]


def test_a_line_is_folded_between_words_and_the_rest_indented() -> None:
    text = "  bot/main.py:3:1 ruff:F401 something is wrong with this"

    assert folded(text, 40, 4) == [
        "  bot/main.py:3:1 ruff:F401 something is",
        "    wrong with this",
    ]


def test_a_long_path_is_folded_after_a_slash() -> None:
    assert folded("  a/bcdefgh/ijklmnop/qrstuvw.py", 22, 2) == [
        "  a/bcdefgh/ijklmnop/",
        "    qrstuvw.py",
    ]


def test_an_address_is_left_whole() -> None:
    address = "https://docs.example.invalid/a/b/c"

    assert folded(f"see {address} for more", 20) == ["see", f"    {address}", "    for more"]


def test_a_long_word_is_folded_where_the_room_ends() -> None:
    assert folded("x" * 45, 20) == ["x" * 20, "    " + "x" * 20, "    " + "x" * 5]


def test_a_deep_indent_gives_way_where_little_room_is_left() -> None:
    text = "check   reason " * 4

    assert folded(text * 2, 60, 30)[1].startswith(" " * 30 + "check")
    assert folded(text * 2, 59, 30)[1].startswith("    check")


def test_wide_characters_take_two_columns() -> None:
    assert cells("日本a\u0301") == 5
    assert folded("日" * 15, 20) == ["日" * 10, "    " + "日" * 5]


def test_what_is_to_be_pasted_is_never_folded() -> None:
    command = line("  " + "word " * 50, whole=True)

    assert list(fold(command, 40)) == [command]


def test_styles_stay_with_their_text() -> None:
    long = line(Span("aaaa bbbb cccc dddd ", "bad"), Span("eeee ffff", "good"), indent=2)

    first, second = fold(long, 24)

    assert first.spans == (Span("aaaa bbbb cccc dddd ", "bad"), Span("eeee", "good"))
    assert second.spans == (Span("    "), Span("ffff", "good"))


@UNHURRIED
@given(WORDS, st.integers(1, 90), st.integers(0, 40))
def test_every_piece_fits_and_only_blanks_are_lost(text: str, width: int, indent: int) -> None:
    pieces = folded(text, width, indent)

    assert all(cells(piece) <= max(width, NARROWEST + 4) for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())
