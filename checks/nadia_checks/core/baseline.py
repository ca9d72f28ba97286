"""`.nadia/baseline`: the findings that were there when the gate was adopted.

One sorted line a finding: rule, fingerprint, path and reason, separated by tabs. No line numbers,
no time stamps and no counts, so that git can merge it with `merge=union`. It only shrinks: an
entry that matches nothing any more is itself a finding until it is pruned.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nadia_checks.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pytest_nadia.finding import Finding

FOLDER = ".nadia"
MAIN = f"{FOLDER}/baseline"
SECRETS = f"{FOLDER}/secrets.baseline"
FILES = (MAIN, SECRETS)
ADOPTED = "known when the gate was adopted"


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    rule: str
    fingerprint: str
    path: str
    reason: str = ADOPTED

    @property
    def key(self) -> tuple[str, str]:
        return self.rule, self.fingerprint


@dataclass(frozen=True, slots=True)
class Known:
    """An entry, and where it stands."""

    entry: Entry
    file: str
    line: int


def is_unseen(path: str, unseen: Iterable[str]) -> bool:
    """Whether a path is one of those that a check could not see, or below one."""
    return any(path == one or path.startswith(f"{one}/") for one in unseen)


def entry_for(finding: Finding, reason: str = ADOPTED) -> Entry:
    return Entry(finding.rule, finding.fingerprint, finding.path, reason)


def file_for(rule: str) -> str:
    """Secrets keep their own file."""
    return SECRETS if rule.startswith(("detect-secrets:", "NAD1")) else MAIN


def read(root: Path) -> list[Known]:
    """All entries of the project's baselines, [] where there is none.

    Raises:
        UsageError: a file cannot be read, or a line is not an entry.
    """
    return [known for name in FILES for known in _read_file(root / name, name)]


def write(root: Path, entries: Iterable[Entry]) -> None:
    """Replaces the baselines, each by one rename; a file without entries is removed.

    Raises:
        UsageError: the folder cannot be written.
    """
    by_file: dict[str, dict[tuple[str, str], Entry]] = {name: {} for name in FILES}
    for entry in sorted(entries):
        by_file[file_for(entry.rule)].setdefault(entry.key, entry)
    try:
        for name, kept in by_file.items():
            _write_file(root / name, sorted(kept.values()))
    except OSError as error:
        raise UsageError(f"{root / FOLDER} cannot be written: {error.strerror}") from None


def _read_file(path: Path, name: str) -> Iterable[Known]:
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip() and not line.startswith("#"):
            yield Known(_parse(line, f"{name}:{number}"), name, number)


def _parse(line: str, place: str) -> Entry:
    fields = line.rstrip("\r").split("\t")
    if len(fields) != 4 or not all(field.strip() for field in (*fields[:2], fields[3])):
        raise UsageError(
            f"{place} is not a baseline entry (rule, fingerprint, path and reason between tabs): "
            "repair or remove the line"
        )
    return Entry(*fields)


def _write_file(path: Path, entries: list[Entry]) -> None:
    if not entries:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    lines = ["\t".join((e.rule, e.fingerprint, e.path, _one_line(e.reason))) for e in entries]
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    unfinished.write_bytes("".join(f"{line}\n" for line in lines).encode())
    unfinished.replace(path)


def _one_line(text: str) -> str:
    return " ".join(text.split()) or ADOPTED
