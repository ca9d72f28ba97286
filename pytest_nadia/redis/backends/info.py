"""What the INFO command of a server says about itself."""

from __future__ import annotations

import re


def parse_info(text: bytes) -> dict[str, str]:
    """The fields of all sections."""
    lines = text.decode(errors="replace").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


def server_name(info: dict[str, str]) -> str:
    """Either redis or valkey."""
    is_valkey = info.get("server_name") == "valkey" or "valkey_version" in info
    return "valkey" if is_valkey else "redis"


def server_version(info: dict[str, str]) -> tuple[int, ...]:
    """The version of Redis that the server says it is compatible with; empty if it says none."""
    return tuple(int(part) for part in re.findall(r"\d+", info.get("redis_version", "")))
