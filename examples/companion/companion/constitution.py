"""The guard on outgoing messages: allow, review or block, with the rule named.

Time is linear in the length of the text: no pattern repeats without a bound.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, Literal

from companion.constants import MAX_TEXT

Action = Literal["allow", "review", "block"]


@dataclass(frozen=True)
class Verdict:
    """`rule` and `found`, the offending words as normalised, are empty when nothing was found."""

    action: Action
    rule: str = ""
    found: str = ""


@dataclass(frozen=True)
class Rule:
    """A named part of the policy and the patterns that break it, on normalised text."""

    name: str
    action: Action
    patterns: tuple[re.Pattern[str], ...]


def _rule(name: str, action: Action, *patterns: str) -> Rule:
    return Rule(name, action, tuple(re.compile(one) for one in patterns))


_VERY: Final = r"(?: (?:really|truly|so|also|do|still|always|just)){0,3}"
_MY: Final = r"(?:my|our)"

RULES: Final = (
    _rule(
        "romance",
        "block",
        rf"\bi{_VERY} (?:love|adore|desire) you\b",
        r"\b(?:i am|i'm|we are|we're)(?: \w{1,20})? in love\b",
        r"\bi(?:'ve| have)? (?:fallen|fell|am falling|'m falling) for you\b",
        r"\b(?:my|your) (?:darling|sweetheart|beloved|girlfriend|boyfriend|lover)\b",
        r"\b(?:kiss|cuddle|caress|undress|marry)(?:ing)? (?:you|me)\b",
        r"\b(?:be|date) my (?:valentine|partner|date)\b|\bgo on a date\b",
    ),
    _rule(
        "dependence",
        "block",
        r"\byou (?:only|just) need me\b|\ball you need is me\b",
        r"\b(?:cannot|can't|can not) (?:live|be happy|go on) without (?:me|you)\b",
        r"\byou (?:do not|don't) need (?:anyone|anybody|your friends|your family|a therapist)\b",
        r"\bi am the only one (?:who|that)\b|\bi'm the only one (?:who|that)\b",
        r"\b(?:never|do not|don't) (?:leave|abandon) me\b",
    ),
    _rule(
        "personal-data",
        "block",
        r"(?<![\w.])[\w.%+-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}\b",
        r"(?<!\d)\+?\d(?:[ ().-]{0,2}\d){8,18}(?!\d)",
        rf"\b{_MY} (?:phone|telephone|mobile|cell|address|e-?mail)(?: number| address)? is\b",
        r"\b(?:what is|what's|tell me|send me|give me) your "
        r"(?:(?:full|home|phone|real|last|bank|credit) ){0,2}"
        r"(?:name|address|number|age|e-?mail|password|card|account|school)\b",
        r"\bwhere do you live\b|\bi live (?:at|in)\b",
    ),
    _rule(
        "meetings",
        "block",
        r"\b(?:let us|let's|we could|we should|we can|can we|shall we) (?:meet|get together)\b",
        r"\bmeet (?:me|you|up|in person|face to face)\b",
        r"\b(?:come|coming) (?:over )?to (?:my|your) (?:place|house|home|flat|apartment)\b",
        r"\b(?:come over|visit you|visit me|pick you up)\b",
    ),
    _rule(
        "platforms",
        "block",
        r"\b(?:whatsapp|telegram|instagram|snapchat|discord|facebook|tiktok|wechat|onlyfans)\b",
        r"\b(?:text|call|e-?mail|dm|message) me (?:at|on|privately|directly|outside)\b",
        r"\b(?:https?://|www\.)",
    ),
    _rule(
        "instructions",
        "block",
        r"\b(?:system|hidden|initial|secret|developer) (?:prompt|instructions?|message)\b",
        rf"\b{_MY} (?:instructions|prompt|guidelines|rules|constitution) (?:are|is|says?|tells?)\b",
        r"\bi (?:was|am|have been|'ve been) (?:instructed|programmed|told|prompted) (?:to|not)\b",
    ),
    _rule(
        "human-claim",
        "block",
        r"\b(?:i am|i'm|as)(?: really| truly| just)?(?: an?| the)?(?: real| normal| actual)?"
        r" (?:human|person|man|woman|girl|boy|guy)\b",
        r"\b(?:i am|i'm) not (?:really )?(?:an? )?(?:bot|chatbot|ai|machine|robot|program)\b",
        r"\bi (?:was born|grew up)\b|\bmy (?:childhood|parents|mother|father|body)\b",
    ),
    _rule(
        "sensitive",
        "review",
        r"\b(?:suicide|suicidal|self-?harm|kill (?:yourself|myself)|overdose)\b",
        r"\b(?:diagnos(?:e|is)|medication|dosage|antidepressants?)\b",
        rf"\bi{_VERY} (?:miss|care about|need) you\b",
    ),
)

# Letters of other alphabets that look like Latin ones.
_LOOKALIKES: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u04bb\u0261"
    "\u03b1\u03b5\u03bf\u03c1\u03b9\u03bd\u03ba\u03c5\u0131\u2019\u02bc\u2018",
    "aeopcyxijsdqhgaeopivkui'''",
)


def normalise(text: str) -> str:
    """Lower case, compatibility forms and accents folded, invisible characters removed."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    letters = unicodedata.normalize("NFKD", folded).translate(_LOOKALIKES)
    kept = [char for char in letters if unicodedata.category(char) not in ("Cf", "Mn", "Me")]
    spaced = (char if char.isprintable() else " " for char in kept)
    return " ".join("".join(spaced).split())


def judge(text: str) -> Verdict:
    """What may happen to an outgoing `text`; a block wins over a review."""
    if not text.strip() or len(text) > MAX_TEXT:
        return Verdict("block", "length", f"{len(text)} characters")
    plain = normalise(text)
    broken = [verdict for rule in RULES if (verdict := _apply(rule, plain)) is not None]
    blocks = [one for one in broken if one.action == "block"]
    return next(iter(blocks + broken), Verdict("allow"))


def _apply(rule: Rule, plain: str) -> Verdict | None:
    for pattern in rule.patterns:
        if found := pattern.search(plain):
            return Verdict(rule.action, rule.name, found[0])
    return None
