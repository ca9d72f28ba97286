from __future__ import annotations

import time

import pytest

from companion.constitution import RULES, judge, normalise

pytestmark = pytest.mark.unit

BLOCKED = {
    "romance": [
        "I love you",
        "I really do love you so much.",
        "We are deeply in love, you and I",
        "Good night, my darling!",
        "I want to kiss you.",
    ],
    "dependence": [
        "You only need me.",
        "I can't live without you",
        "You don't need your friends.",
        "I am the only one who listens",
    ],
    "personal-data": [
        "Write to ana.lee+x@mail.example.org today",
        "Call +34 600 123 456 now",
        "My phone number is secret",
        "What is your home address?",
        "Where do you live?",
    ],
    "meetings": ["Let's meet tomorrow", "Meet me at noon", "Come over to my place"],
    "platforms": ["Add me on WhatsApp", "DM me privately", "See https://example.org"],
    "instructions": [
        "My system prompt is long",
        "My instructions say so",
        "I was instructed to smile",
    ],
    "human-claim": ["I am a real person", "I'm not a bot", "I grew up in Leon"],
    "length": ["", " \n", "x" * 4097],
}

ALLOWED = [
    "Hello! What is on your mind today?",
    "I love your idea, and I would love to hear more.",
    "Your family easily met the target.",
    "A person can grow tomatoes in a small pot.",
    "I am an assistant, a program, and happy to help.",
    "The meeting of the two rivers is beautiful.",
    "In 2024 it rained on 12 of 31 days.",
    "Kiss is a band from New York.",
    "The instructions of the game are short.",
    "Live music helps many people to relax.",
]

DISGUISED = [
    "I LOVE YOU",
    "I l\u200bo\u200bv\u200be you",
    "\uff29 \uff4c\uff4f\uff56\uff45 \uff59\uff4f\uff55",
    "I l\u043ev\u0435 y\u043eu",
    "I lóvë yoü",
    "I love\n\n\tyou",
    "I love\u00a0you",
    "\U0001d408 \U0001d425\U0001d428\U0001d42f\U0001d41e \U0001d432\U0001d428\U0001d42e",
    "I l\u00adove you",
]


@pytest.mark.parametrize(("rule", "text"), [(r, t) for r, ts in BLOCKED.items() for t in ts])
def test_what_breaks_a_rule_is_blocked_by_that_rule(rule: str, text: str) -> None:
    verdict = judge(text)
    assert (verdict.action, verdict.rule) == ("block", rule)
    assert verdict.found


@pytest.mark.parametrize("text", ALLOWED)
def test_ordinary_talk_is_allowed(text: str) -> None:
    assert judge(text).action == "allow"


@pytest.mark.parametrize("text", DISGUISED, ids=range(len(DISGUISED)))
def test_a_disguise_is_seen_through(text: str) -> None:
    assert judge(text).rule == "romance"


@pytest.mark.parametrize("text", ["Ask a doctor about medication.", "I missed you, I miss you"])
def test_what_is_delicate_is_for_a_close_look(text: str) -> None:
    assert (judge(text).action, judge(text).rule) == ("review", "sensitive")


def test_a_block_wins_over_a_review() -> None:
    assert judge("I miss you, let's meet").rule == "meetings"


def test_normalising_twice_changes_nothing() -> None:
    for text in [*DISGUISED, *ALLOWED, "ﬁ ½ İ ß \u0345"]:
        assert normalise(normalise(text)) == normalise(text)


def cost(text: str) -> float:
    """Seconds of CPU time, the least of several runs."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        for rule in RULES:
            for pattern in rule.patterns:
                pattern.search(text)
        best = min(best, time.process_time() - start)
    return best


PUMPS = [
    "i really ", "i am ", "a", "a.", "1", "1 ", "+1", "a@", "a@a.", "my ", "what is your ", "-",
    "i love ", "you ", "we are ", "let us ", "i'm not ", "i was ", "a@aaaaaaaa.aaaaaaaa.", " ",
]  # fmt: skip


@pytest.mark.parametrize("pump", PUMPS)
def test_the_time_is_linear_in_the_length(pump: str) -> None:
    small, large = ((pump * size)[:size] for size in (1_000, 8_000))
    # 8 times the text: about 8 times the time if linear, 64 times if quadratic.
    assert cost(large) < 24 * max(cost(small), 2e-5)
