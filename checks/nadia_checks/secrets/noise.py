"""What has the entropy of a secret and is none: digests and pictures."""

from __future__ import annotations

import re

LOCK_FILES = frozenset(
    ["pnpm-lock.yaml", "npm-shrinkwrap.json", "conda-lock.yml", "MODULE.bazel.lock"]
)
DIGEST = re.compile(
    r"--hash[= ]|\bsha-?(?:1|224|256|384|512)\b|\bmd5|\bblake[23]|digest|checksum|integrity|etag"
    r"|commit|\brev(?:ision)?\b|down_revision",
    re.IGNORECASE,
)
# How pictures, fonts and documents begin in base64.
MEDIA = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "PHN2Z", "PD94bW", "d09G", "AAEAAAA", "JVBERi")


def is_noise(path: str, line: str, value: str) -> bool:
    """Whether a value that was found by its entropy alone is a digest or a medium."""
    at = max(line.find(value), 0)
    return (
        path.rpartition("/")[2] in LOCK_FILES
        or value.startswith(MEDIA)
        or bool(DIGEST.search(line, max(at - 80, 0), at))
    )
