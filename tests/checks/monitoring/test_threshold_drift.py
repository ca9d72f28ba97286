"""NAD804: an alert whose threshold differs from the health configuration."""

from __future__ import annotations

from typing import Any

import pytest

from nadia_checks.core.errors import CheckError

pytestmark = pytest.mark.integration

CODE = """\
from typing import Final
from bot.sizes import MIB
from bot import sizes
from prometheus_client import Gauge

QUEUE = Gauge("bot_queue", "")
MEMORY = Gauge("bot_memory_bytes", "")
QUEUE_LIMIT: Final = 100
MEMORY_LIMIT: Final = 200 * MIB
DISK = sizes.DISK + 10
NAME = "x"
COMPUTED = max(1, 2)
LOOP = LOOP2
LOOP2 = LOOP

class Limits:
    queue: int = 50
"""
SIZES = "MIB = 1 << 20\nDISK = 80\n"


def files(expression: str) -> dict[str, str]:
    return {
        "bot/__init__.py": "",
        "bot/limits.py": CODE,
        "bot/sizes.py": SIZES,
        "a.yml": f"groups:\n- name: a\n  rules:\n  - alert: A\n    expr: {expression}\n",
    }


def thresholds(**wanted: str) -> str:
    pairs = ", ".join(f"{name} = {value}" for name, value in wanted.items())
    return f"thresholds = {{ {pairs} }}"


QUEUE = thresholds(bot_queue='"bot.limits:QUEUE_LIMIT"')
MEMORY = thresholds(bot_memory_bytes='"bot.limits:MEMORY_LIMIT"')


@pytest.mark.parametrize(
    ("expression", "settings"),
    [
        ("bot_queue > 500", QUEUE),
        ("500 < sum by (job) (bot_queue)", QUEUE),
        ("max_over_time(bot_queue[5m]) / 2 > 100", QUEUE),
        ("bot_queue > 100 or bot_queue > 500", QUEUE),
        ("bot_memory_bytes / 1024 / 1024 > 100", MEMORY),
        ("bot_memory_bytes > 200 * 1000 * 1000", MEMORY),
        ("bot_queue > 51", thresholds(bot_queue="50")),
        ("bot_queue > 51", thresholds(bot_queue='"bot.limits:Limits.queue"')),
        ("bot_queue > 51", thresholds(bot_queue='[50, "bot.limits:QUEUE_LIMIT"]')),
        ("100 - bot_queue < 20", thresholds(bot_queue="90")),
    ],
)
def test_is_found(only: Any, expression: str, settings: str) -> None:
    draft = only(files(expression), settings)

    assert (draft.rule, draft.severity, draft.path, draft.line) == ("NAD804", "error", "a.yml", 5)


@pytest.mark.parametrize(
    ("expression", "settings"),
    [
        ("bot_queue > 100", QUEUE),
        ("bot_queue >= 100", QUEUE),
        ("100 < sum by (job) (bot_queue)", QUEUE),
        ("avg_over_time(bot_queue[5m]) * 2 > 200", QUEUE),
        ("bot_memory_bytes / 1024 / 1024 > 200", MEMORY),
        ("bot_memory_bytes / (1024 * 1024) > 200", MEMORY),
        ("bot_memory_bytes > 2 ^ 20 * 200", MEMORY),
        ("-bot_memory_bytes + 200 * 2 ^ 20 < 0 or bot_memory_bytes > 209715200", MEMORY),
        ("bot_queue > 90", thresholds(bot_queue='"bot.limits:DISK"')),
        ("bot_queue > 50 or bot_queue > 100", thresholds(bot_queue="[50, 100]")),
        ("100 - bot_queue < 10", thresholds(bot_queue="90")),
        ("bot_queue > 100 and rate(bot_queue[5m]) > 7", QUEUE),
        ("bot_queue > 100 and bot_queue / bot_memory_bytes > 7", QUEUE),
    ],
)
def test_the_same_number_is_no_drift(look: Any, expression: str, settings: str) -> None:
    assert look(files(expression), settings).drafts == []


def test_says_both_numbers(only: Any) -> None:
    draft = only(files("bot_queue > 500"), QUEUE)

    assert draft.message == (
        "alert A compares bot_queue with 500, the health configuration with 100"
    )


def test_a_threshold_that_no_alert_has_is_found(only: Any) -> None:
    draft = only(files("bot_queue > 100"), thresholds(bot_queue="100", bot_quiet="5"))

    assert (draft.path, draft.content) == ("pyproject.toml", "bot_quiet")
    assert "no alert compares bot_quiet" in draft.message


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("bot.limit:X", "no module bot.limit"),
        ("bot.limits:X", "gives X no value"),
        ("bot.limits:Other.x", "no class Other"),
        ("bot.limits:NAME", "no number"),
        ("bot.limits:COMPUTED", "is not a constant"),
        ("bot.limits:LOOP", "defined by each other"),
    ],
)
def test_a_constant_that_is_not_there_is_an_error(look: Any, reference: str, says: str) -> None:
    with pytest.raises(CheckError, match=says):
        look(files("bot_queue > 100"), thresholds(bot_queue=f'"{reference}"'))


def test_nothing_of_the_project_is_run(look: Any) -> None:
    project = files("bot_queue > 100")
    project["bot/limits.py"] += "\nraise SystemExit('it was imported')\n"

    assert look(project, QUEUE).drafts == []
