"""Constants are worked out from the text of modules, through whatever names lead to them."""

from __future__ import annotations

from typing import Any

import pytest

from nadia_checks.core.project import load_project
from nadia_checks.monitoring.code import Code
from nadia_checks.monitoring.constants import Constants, Unknown
from nadia_checks.registry import CHECK_NAMES

pytestmark = pytest.mark.integration

MODULES = {
    "src/bot/__init__.py": "",
    "src/bot/base.py": "SIX = 6\nNAME = 'b' + 'ot'\nDAY: int = 24 * 60 * 60\n",
    "src/bot/more.py": """\
import bot.base
import bot.base as base
from . import base as near
from .base import SIX as HALF_A_DOZEN
from elsewhere import FOREIGN
import typing

RENAMED = HALF_A_DOZEN
BY_MODULE = base.DAY
BY_NEAR = near.SIX
NEGATIVE = -RENAMED / 4
SHIFTED = 200 << 20
WHOLE = 7 // 2
AGAIN = 1
AGAIN = 2
OUTSIDE = FOREIGN
TYPED = typing.Final
BY_ZERO = 1 / 0
MIXED = 'a' * 3
FLAG = True
MINUS_TEXT = -near.NAME

class Outer:
    class Inner:
        LIMIT = 50
""",
}


@pytest.fixture
def constants(make_project: Any) -> Constants:
    return Constants(Code(load_project(make_project(MODULES), CHECK_NAMES)))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base:DAY", 86_400),
        ("base:NAME", "bot"),
        ("more:HALF_A_DOZEN", 6),
        ("more:RENAMED", 6),
        ("more:BY_MODULE", 86_400),
        ("more:BY_NEAR", 6),
        ("more:NEGATIVE", -1.5),
        ("more:SHIFTED", 200 * 2**20),
        ("more:WHOLE", 3),
        ("more:AGAIN", 2),
        ("more:Outer.Inner.LIMIT", 50),
    ],
)
def test_is_worked_out(constants: Constants, name: str, value: object) -> None:
    assert constants.named(f"bot.{name}") == value


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("OUTSIDE", "elsewhere is not a module of the project"),
        ("TYPED", "typing.Final is not a constant"),
        ("BY_ZERO", "division by zero"),
        ("MIXED", "Mult is not worked out"),
        ("FLAG", "True is not a constant"),
        ("MINUS_TEXT", "'bot' is not a number"),
        ("GONE", "gives GONE no value"),
    ],
)
def test_what_cannot_be_told_says_why(constants: Constants, name: str, says: str) -> None:
    with pytest.raises(Unknown, match=says):
        constants.named(f"bot.more:{name}")
