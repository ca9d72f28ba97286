"""The errors that a real server sends, by their first word, in its own full words."""

from __future__ import annotations

import difflib

# A traceback of pytest ends where the test called.
__tracebackhide__ = True

# As Redis 7.0 sends them.
FULL_TEXTS = {
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "READONLY": "READONLY You can't write against a read only replica.",
    "OOM": "OOM command not allowed when used memory > 'maxmemory'.",
    "BUSY": (
        "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."
    ),
    "NOAUTH": "NOAUTH Authentication required.",
    "WRONGPASS": "WRONGPASS invalid username-password pair or user is disabled.",
    "MASTERDOWN": (
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."
    ),
    "MISCONF": (
        "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist "
        "to disk. Commands that may modify the data set are disabled, because this instance is "
        "configured to report errors during writes if RDB snapshotting fails "
        "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the "
        "RDB error."
    ),
    "NOREPLICAS": "NOREPLICAS Not enough good replicas to write.",
    "CLUSTERDOWN": "CLUSTERDOWN The cluster is down",
    "TRYAGAIN": "TRYAGAIN Multiple keys request during rehashing of slot",
    "NOSCRIPT": "NOSCRIPT No matching script. Please use EVAL.",
}
_NEED_AN_ADDRESS = ("MOVED", "ASK")


def full_text(text: str) -> str:
    """The line for a short name such as "OOM"; any other text as it is.

    Raises ValueError for what cannot be sent and for a misspelt short name.
    """
    if not text.strip() or "\r" in text or "\n" in text:
        raise ValueError(f"an error is one line of text, not {text!r}")
    if text in _NEED_AN_ADDRESS:
        raise ValueError(f'{text} needs a slot and an address: "{text} 1234 127.0.0.1:7001"')
    if text not in FULL_TEXTS:
        _refuse_misspelt(text)
    return FULL_TEXTS.get(text, text)


def _refuse_misspelt(text: str) -> None:
    near = difflib.get_close_matches(text.upper(), FULL_TEXTS, n=1, cutoff=0.8)
    if near and " " not in text:
        raise ValueError(f"there is no error {text!r}; the nearest is {near[0]!r}")
