"""Whether a pyproject.toml is worth a parser: most have nothing to say about Redis."""

from __future__ import annotations

import re

# A value that stands where the table [tool.nadia] belongs.
_NO_TABLE = re.compile(rb"""nadia["']?\s*(=|\]\s*\])""")


def may_hold_table(content: bytes) -> bool:
    """Whether it may hold [tool.nadia.redis], or something that is wrong in its place."""
    if b"nadia" not in content:
        return False
    return b"redis" in content or _NO_TABLE.search(content) is not None
