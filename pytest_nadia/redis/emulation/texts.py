"""Errors of fakeredis in the words of Redis 7."""

from __future__ import annotations

import re

_EXPIRE = re.compile(r"^ERR invalid expire time in '?(\w+)'?( command)?$")
_INPUT_KEY = re.compile(r"^ERR at least 1 input key is needed for \w+$", re.IGNORECASE)
_CODE = re.compile(r"^-?[A-Z][A-Z0-9_]* ")
_WORDS = {
    "ERR min or max not a valid string range item": "ERR min or max not valid string range item",
    "ERR BITOP NOT must be called with a single source key": (
        "ERR BITOP NOT must be called with a single source key."
    ),
    "ERR BUSYGROUP Consumer Group name already exists": (
        "BUSYGROUP Consumer Group name already exists"
    ),
    "ERR Wrong number of args calling Redis command from script": "ERR syntax error",
    "ERR This Redis command is not allowed from scripts": (
        "ERR This Redis command is not allowed from script"
    ),
}
# What takes pairs answers a missing half with a complaint about the number of arguments.
_PAIRED = frozenset({"mset", "msetnx", "hset", "hmset", "config set", "xadd", "bitop"})


def in_the_words_of_redis(text: str, name: str) -> str:
    """The error `text` of the command `name` as Redis 7 puts it."""
    if text.startswith("ERR Wrong number of args calling") and name in _PAIRED:
        return f"ERR wrong number of arguments for '{name.replace(' ', '|')}' command"
    if text in _WORDS:
        return _WORDS[text]
    if _EXPIRE.match(text):
        return f"ERR invalid expire time in '{name}' command"
    if _INPUT_KEY.match(text):
        return f"ERR at least 1 input key is needed for '{name}' command"
    return text if _CODE.match(text) and not text.startswith("RANK ") else f"ERR {text}"
