"""Incoming webhooks of Slack.

Sources of the limits, each at docs.slack.dev:
- blocks, 50 a message: reference/block-kit/blocks
- section, text 1 to 3,000, 10 fields of 2,000: reference/block-kit/blocks/section-block
- header, 150, plain text: reference/block-kit/blocks/header-block
- context, 10 elements: reference/block-kit/blocks/context-block
- actions, 25 elements: reference/block-kit/blocks/actions-block
- image, URL 3,000, alternative text and title 2,000: reference/block-kit/blocks/image-block
- markdown, 12,000 in all blocks: reference/block-kit/blocks/markdown-block
- text objects, 1 to 3,000: reference/block-kit/composition-objects/text-object
- block_id, 255: each block's own page
- attachments, 100: tools/python-slack-sdk/reference/models/messages/message.html
- text, cut at 40,000: changelog/2018-04-truncating-really-long-messages
- escaping of &, < and >, mentions: messaging/formatting-message-text
- errors and their statuses: messaging/sending-messages-using-incoming-webhooks and
  changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pytest_nadia.alerts.payloads.markup import MARK
from pytest_nadia.alerts.payloads.verdict import (
    Answer,
    Problem,
    objects,
    schema_problems,
    shortened,
    texts_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_LONGEST_TEXT = 40_000
_LONGEST_MARKDOWN = 12_000


def _text(longest: int, *kinds: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "text"],
        "properties": {
            "type": {"enum": list(kinds or ("plain_text", "mrkdwn"))},
            "text": {"type": "string", "minLength": 1, "maxLength": longest},
            "emoji": {"type": "boolean"},
            "verbatim": {"type": "boolean"},
        },
        "additionalProperties": False,
    }


def _block(kind: str, required: Sequence[str], properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
        "then": {"required": list(required), "properties": properties},
    }


_ELEMENT = {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}
_IMAGE = {
    "image_url": {"type": "string", "minLength": 1, "maxLength": 3000},
    "alt_text": {"type": "string", "minLength": 1, "maxLength": 2000},
}
_KINDS = (
    *("actions", "context", "context_actions", "divider", "file", "header", "image", "input"),
    *("markdown", "rich_text", "section", "table", "video"),
)
_BLOCK: dict[str, Any] = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"enum": list(_KINDS)},
        "block_id": {"type": "string", "maxLength": 255},
    },
    "allOf": [
        _block(
            "section",
            [],
            {
                "text": _text(3000),
                "fields": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 10,
                    "items": _text(2000),
                },
            },
        ),
        {
            "if": {"properties": {"type": {"const": "section"}}, "required": ["type"]},
            "then": {"anyOf": [{"required": ["text"]}, {"required": ["fields"]}]},
        },
        _block("header", ["text"], {"text": _text(150, "plain_text")}),
        _block(
            "context",
            ["elements"],
            {
                "elements": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 10,
                    "items": {
                        "if": {"properties": {"type": {"const": "image"}}, "required": ["type"]},
                        "then": {"required": ["alt_text"], "properties": _IMAGE},
                        "else": _text(3000),
                    },
                }
            },
        ),
        _block(
            "actions",
            ["elements"],
            {"elements": {"type": "array", "minItems": 1, "maxItems": 25, "items": _ELEMENT}},
        ),
        _block("image", ["alt_text"], {**_IMAGE, "title": _text(2000, "plain_text")}),
        _block(
            "markdown",
            ["text"],
            {"text": {"type": "string", "minLength": 1, "maxLength": _LONGEST_MARKDOWN}},
        ),
    ],
}
_BLOCKS = {"type": "array", "maxItems": 50, "items": _BLOCK}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "blocks": _BLOCKS,
        "attachments": {
            "type": "array",
            "maxItems": 100,
            "items": {
                "type": "object",
                "properties": {
                    "blocks": _BLOCKS,
                    "color": {"type": "string"},
                    "fields": {"type": "array", "items": {"type": "object"}},
                    **{
                        name: {"type": "string"}
                        for name in ("text", "fallback", "pretext", "title", "footer")
                    },
                },
            },
        },
        "mrkdwn": {"type": "boolean"},
        "unfurl_links": {"type": "boolean"},
        "unfurl_media": {"type": "boolean"},
    },
}

_CONTROL = re.compile(r"<([^<>\n]*)>")
_MENTION = re.compile(r"@|!(?:channel|here|everyone|group|subteam\^)")
_LINK = re.compile(r"(?:https?://|mailto:|tel:)[^|]+(?:\|.*)?|#[CG]\w+(?:\|.*)?|!date\^.+")
_QUOTE = re.compile(r"^>+", re.MULTILINE)
_BARE = re.compile(r"[<>]|&(?!(?:amp|lt|gt);)")
_NAME = re.compile(r"@(?:channel|here|everyone)\b")
_SHOWN = ("pretext", "title", "text", "footer")


class Slack:
    channel = "slack"
    # No limit is documented; more than all of the others together come to.
    largest = 1024 * 1024

    def problems(self, payload: object) -> list[Problem]:
        found = schema_problems(payload, SCHEMA)
        if not isinstance(payload, dict):
            return found
        if not any(payload.get(name) for name in ("text", "blocks", "attachments")):
            found.append(
                Problem("there is no text, no block and no attachment", code="no_text"),
            )
        return [*found, *_too_long(payload), *_mentions_by_name(payload), *_markup(payload)]

    def text(self, payload: object) -> str:
        shown = [text for _, text, _ in _texts(payload)] if isinstance(payload, dict) else []
        return _unescaped("\n".join(dict.fromkeys(shown)))

    def accepted(self, query: Mapping[str, list[str]]) -> Answer:
        return Answer(200, b"ok")

    def refused(self, problems: Sequence[Problem]) -> Answer:
        return Answer(400, _error_name(problems[0]).encode())

    def failed(self, status: int, retry_after: float | None) -> Answer:
        return Answer(status, b"rate_limited" if status == 429 else b"rollup_error")


def _error_name(problem: Problem) -> str:
    if problem.code == "attachments":
        too_many = problem.text.startswith("attachments has")
        return "too_many_attachments" if too_many else "invalid_attachments"
    return {"blocks": "invalid_blocks", "no_text": "no_text"}.get(problem.code, "invalid_payload")


def _too_long(payload: dict[str, Any]) -> Iterator[Problem]:
    text = payload.get("text")
    if isinstance(text, str) and len(text) > _LONGEST_TEXT:
        yield Problem(
            f"text has {len(text)} characters, and Slack cuts it at {_LONGEST_TEXT}", refused=False
        )
    blocks = [one for one in objects(payload.get("blocks")) if one.get("type") == "markdown"]
    total = sum(len(text) for one in blocks for text in texts_of(one, ["text"]))
    if len(blocks) > 1 and total > _LONGEST_MARKDOWN:
        yield Problem(
            f"the markdown blocks have {total} characters, the limit is {_LONGEST_MARKDOWN}",
            code="blocks",
        )


def _mentions_by_name(payload: dict[str, Any]) -> Iterator[Problem]:
    asked = payload.get("parse") == "full" or payload.get("link_names") in (True, 1)
    for where, text, _ in _texts(payload) if asked else ():
        if found := _NAME.search(text):
            yield Problem(
                f"{where}: {found[0]} notifies people, because of link_names or parse",
                refused=False,
            )


def _markup(payload: dict[str, Any]) -> Iterator[Problem]:
    for where, text, is_parsed in _texts(payload):
        if is_parsed:
            yield from (Problem(f"{where}: {one}", refused=False) for one in _text_defects(text))


def _text_defects(text: str) -> Iterator[str]:
    for control in _CONTROL.finditer(text):
        inner = control[1]
        if _MENTION.match(inner):
            yield f"{shortened(control[0])} notifies people: escape < as &lt;"
        elif MARK in inner and _LINK.fullmatch(inner):
            yield f"the alert's text became a link, {shortened(control[0])}: escape < as &lt;"
        elif not _LINK.fullmatch(inner):
            yield f"{shortened(control[0])} is not escaped: write &lt; and &gt;"
    rest = _QUOTE.sub("", _CONTROL.sub("", text))
    if bare := _BARE.search(rest):
        near = rest[max(0, bare.start() - 10) : bare.end() + 10]
        yield f"{bare[0]} is not escaped in '{shortened(near)}': write &amp;, &lt; and &gt;"


def _texts(payload: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Each text with its place, and whether Slack looks for markup in it."""
    for text in texts_of(payload, ["text"]):
        yield "text", text, True
    yield from _block_texts("blocks", payload.get("blocks"))
    for number, attachment in enumerate(objects(payload.get("attachments"))):
        where = f"attachments.{number}"
        for name in _SHOWN:
            for text in texts_of(attachment, [name]):
                yield f"{where}.{name}", text, True
        for index, one in enumerate(objects(attachment.get("fields"))):
            for name in ("title", "value"):
                for text in texts_of(one, [name]):
                    yield f"{where}.fields.{index}.{name}", text, True
        yield from _block_texts(f"{where}.blocks", attachment.get("blocks"))


def _block_texts(where: str, blocks: object) -> Iterator[tuple[str, str, bool]]:
    for number, block in enumerate(objects(blocks)):
        place = f"{where}.{number}"
        if block.get("type") == "markdown":
            for text in texts_of(block, ["text"]):
                yield f"{place}.text", text, False
        if isinstance(block.get("text"), dict):
            yield from _text_object(f"{place}.text", block["text"])
        for name in ("fields", "elements"):
            for index, one in enumerate(objects(block.get(name))):
                yield from _text_object(f"{place}.{name}.{index}", one)


def _text_object(where: str, one: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    for text in texts_of(one, ["text"]):
        yield where, text, one.get("type") == "mrkdwn"


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
