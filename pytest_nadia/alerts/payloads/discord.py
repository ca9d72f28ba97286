"""Webhooks of Discord.

Sources of the limits, each at docs.discord.com/developers:
- content 2,000, 10 embeds, one of content and embeds: resources/webhook#execute-webhook
- username 1 to 80, without "clyde" and "discord": resources/webhook#create-webhook
- title 256, description 4,096, 25 fields of 256 and 1,024, footer 2,048, author 256, 6,000 in all
  embeds together: resources/message#embed-object-embed-limits
- timestamp ISO 8601, color a number: resources/message#embed-object
- allowed_mentions: resources/message#allowed-mentions-object
- 50006, 50035 and 50109: topics/opcodes-and-status-codes#json
- 429: topics/rate-limits#exceeding-a-rate-limit
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_nadia.alerts.payloads.timestamps import timestamp_problem
from pytest_nadia.alerts.payloads.verdict import (
    Answer,
    Problem,
    json_answer,
    objects,
    schema_problems,
    shortened,
    texts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MOST_IN_EMBEDS = 6000
_EMPTY = "empty"
_INVALID_JSON = "json"


def _string(longest: int, least: int = 0) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": longest}


_URL = {"type": "string", "pattern": "^(https?|attachment)://"}
_PICTURE = {"type": "object", "required": ["url"], "properties": {"url": _URL}}
_EMBED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "title": _string(256),
        "description": _string(4096),
        "url": _URL,
        "timestamp": {"type": "string"},
        "color": {"type": "integer", "minimum": 0, "maximum": 0xFFFFFF},
        "footer": {
            "type": "object",
            "required": ["text"],
            "properties": {"text": _string(2048), "icon_url": _URL},
        },
        "image": _PICTURE,
        "thumbnail": _PICTURE,
        "author": {
            "type": "object",
            "required": ["name"],
            "properties": {"name": _string(256, 1), "url": _URL, "icon_url": _URL},
        },
        "fields": {
            "type": "array",
            "maxItems": 25,
            "items": {
                "type": "object",
                "required": ["name", "value"],
                "properties": {
                    "name": _string(256, 1),
                    "value": _string(1024, 1),
                    "inline": {"type": "boolean"},
                },
            },
        },
    },
}
_IDS = {"type": "array", "maxItems": 100, "items": {"type": "string", "pattern": "^[0-9]+$"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "content": _string(2000),
        "username": _string(80, 1),
        "avatar_url": _URL,
        "tts": {"type": "boolean"},
        "embeds": {"type": "array", "maxItems": 10, "items": _EMBED},
        "allowed_mentions": {
            "type": "object",
            "properties": {
                "parse": {"type": "array", "items": {"enum": ["roles", "users", "everyone"]}},
                "roles": _IDS,
                "users": _IDS,
                "replied_user": {"type": "boolean"},
            },
        },
        "flags": {"type": "integer"},
    },
}
_RESERVED = ("clyde", "discord")


class Discord:
    channel = "discord"
    # No limit is documented; more than all of the others together come to.
    largest = 1024 * 1024

    def problems(self, payload: object) -> list[Problem]:
        found = schema_problems(payload, SCHEMA)
        if not isinstance(payload, dict):
            return found
        if not any(payload.get(name) for name in ("content", "embeds", "components", "poll")):
            found.append(Problem("there is no content and no embed", code=_EMPTY))
        return [*found, *_totals(payload), *_names(payload), *_times(payload), *_mentions(payload)]

    def text(self, payload: object) -> str:
        return "\n".join(_shown(payload)) if isinstance(payload, dict) else ""

    def accepted(self, query: Mapping[str, list[str]]) -> Answer:
        waits = query.get("wait", ["false"])[-1].lower() in {"true", "1"}
        return json_answer(200, {"id": "1", "type": 0}) if waits else Answer(204)

    def refused(self, problems: Sequence[Problem]) -> Answer:
        first = problems[0]
        if first.code == _EMPTY:
            return json_answer(400, {"message": "Cannot send an empty message", "code": 50006})
        if first.code == _INVALID_JSON:
            message = "The request body contains invalid JSON."
            return json_answer(400, {"message": message, "code": 50109})
        wrong = {"_errors": [{"code": "BASE_TYPE_BAD", "message": first.text}]}
        errors = {first.code or "_": wrong}
        return json_answer(400, {"message": "Invalid Form Body", "code": 50035, "errors": errors})

    def failed(self, status: int, retry_after: float | None) -> Answer:
        if status != 429:
            return json_answer(status, {"message": f"{status}: demanded by the test", "code": 0})
        limited = {"message": "You are being rate limited.", "global": False}
        return json_answer(429, limited | {"retry_after": retry_after or 1.0})


def _embeds(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return objects(payload.get("embeds"))


def _embed_texts(embed: dict[str, Any]) -> Iterator[str]:
    yield from texts_of(embed, ["title", "description"])
    for one in objects(embed.get("fields")):
        yield from texts_of(one, ["name", "value"])
    for name, member in (("footer", "text"), ("author", "name")):
        if isinstance(owner := embed.get(name), dict):
            yield from texts_of(owner, [member])


def _shown(payload: dict[str, Any]) -> Iterator[str]:
    yield from texts_of(payload, ["content"])
    for embed in _embeds(payload):
        yield from _embed_texts(embed)


def _totals(payload: dict[str, Any]) -> Iterator[Problem]:
    total = sum(len(text) for embed in _embeds(payload) for text in _embed_texts(embed))
    if total > _MOST_IN_EMBEDS:
        yield Problem(
            f"the embeds have {total} characters together, the limit is {_MOST_IN_EMBEDS}",
            code="embeds",
        )


def _names(payload: dict[str, Any]) -> Iterator[Problem]:
    for name in texts_of(payload, ["username"]):
        for word in _RESERVED:
            if word in name.lower():
                yield Problem(f"username must not contain {word!r}", code="username")


def _times(payload: dict[str, Any]) -> Iterator[Problem]:
    for number, embed in enumerate(_embeds(payload)):
        for text in texts_of(embed, ["timestamp"]):
            if problem := timestamp_problem(text):
                refused = problem.startswith("is not")
                where = f"embeds.{number}.timestamp {shortened(text, 40)!r}"
                yield Problem(f"{where} {problem}", refused, "embeds")


def _mentions(payload: dict[str, Any]) -> Iterator[Problem]:
    """Lists of users and roles are left alone: who names them means them."""
    allowed = payload.get("allowed_mentions")
    if allowed is None:
        yield Problem(
            'allowed_mentions is missing, so that "@everyone" in a text notifies everyone: '
            'send "allowed_mentions": {"parse": []}',
            refused=False,
        )
    elif isinstance(allowed, dict) and allowed.get("parse"):
        yield Problem(
            f"allowed_mentions.parse is {allowed['parse']!r}, so that texts can notify people: "
            "leave it empty",
            refused=False,
        )
