"""Files scanned, in several processes where they are many; no value of a secret comes back."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from nadia_checks.core.check import Draft
from nadia_checks.core.errors import CheckError
from nadia_checks.core.project import printable
from nadia_checks.secrets import engine
from nadia_checks.secrets.files import decode
from nadia_checks.secrets.salt import keyed_fingerprint
from nadia_checks.secrets.settings import applied

if TYPE_CHECKING:
    from nadia_checks.secrets.engine import Hit
    from nadia_checks.secrets.settings import Settings

# Below this many files another process costs more than it saves.
FEW = 200
HELP = (
    "revoke it where it was issued, then take it out of the file; "
    "if it is no secret, end the line with '# pragma: allowlist secret'"
)
# What its most frequent and least telling types mean.
MEANINGS = {
    "Secret Keyword": "a value under a name like password or secret",
    "Hex High Entropy String": "a random-looking hexadecimal string",
    "Base64 High Entropy String": "a random-looking base64 string",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What every process needs; `root` is the project's folder."""

    root: str
    settings: Settings
    salt: bytes | None


@dataclass(slots=True)
class Scanned:
    """What was found, and how many files and bytes were read for it."""

    drafts: list[Draft]
    files: int = 0
    bytes: int = 0
    binary: int = 0


def scan(job: Job, names: list[str]) -> Scanned:
    """Scans files named relative to the root.

    Raises:
        CheckError: a file cannot be read, or the settings cannot be used.
    """
    parts = (os.cpu_count() or 1) if len(names) > FEW else 1
    if parts == 1:
        return scan_part(job, names)
    chunks = [names[number::parts] for number in range(parts)]
    # Not forked: this process has threads.
    with ProcessPoolExecutor(parts, mp_context=get_context("spawn")) as pool:
        try:
            return _sum(list(pool.map(scan_part, repeat(job), chunks)))
        except BrokenProcessPool:
            raise CheckError("a process that looked for secrets was killed: run it again") from None


def scan_part(job: Job, names: list[str]) -> Scanned:
    """Scans files in this process."""
    scanned = Scanned([])
    with applied(Path(job.root), job.settings.config):
        for name in names:
            _scan_file(job, name, scanned)
    return scanned


def _scan_file(job: Job, name: str, scanned: Scanned) -> None:
    try:
        if engine.is_skipped(name):
            return
        data = Path(name).read_bytes()
        text = decode(data)
        hits = [] if text is None else engine.scan_text(name, text)
    # The text of an error could hold the secret.
    except Exception as error:
        raise CheckError(
            f"{printable(name)} cannot be scanned for secrets ({type(error).__name__}): "
            "repair it, or name it in exclude of [tool.nadia.secrets]"
        ) from None
    scanned.files += 1
    scanned.bytes += len(data)
    scanned.binary += text is None
    new = [hit for hit in hits if (name, hit.type, hit.sha1) not in job.settings.known]
    scanned.drafts += [_draft(job.salt, name, hit) for hit in engine.most_telling(new)]


def _draft(salt: bytes | None, name: str, hit: Hit) -> Draft:
    rule = f"detect-secrets:{slug(hit.type)}"
    return Draft(
        rule=rule,
        message=f"{_what(hit.type)} in a tracked file",
        help=HELP,
        path=printable(name),
        line=hit.line,
        column=hit.column,
        content="",
        fingerprint=keyed_fingerprint(salt, rule, hit.value) if salt else "",
    )


def _what(secret_type: str) -> str:
    meaning = MEANINGS.get(secret_type)
    return f"{secret_type} ({meaning})" if meaning else secret_type


def slug(secret_type: str) -> str:
    """ "AWS Access Key" -> "aws-access-key"."""
    words = "".join(char if char.isalnum() else " " for char in secret_type.lower())
    return "-".join(words.split())


def _sum(parts: list[Scanned]) -> Scanned:
    total = Scanned([])
    for part in parts:
        total.drafts += part.drafts
        total.files += part.files
        total.bytes += part.bytes
        total.binary += part.binary
    return total
