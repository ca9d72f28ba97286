"""`nadia baseline`: the findings that were there before the gate."""

from __future__ import annotations

import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from nadia_checks.core.errors import CheckError, UsageError
from nadia_checks.core.exit_codes import Exit

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Sequence

    from nadia_checks.core.baseline import Entry, Known
    from nadia_checks.core.project import Project
    from nadia_checks.core.verdict import Verdict

EPILOG = """\
examples:
  nadia baseline show                    how many there are, how old, and whether they get fewer
  nadia baseline prune                   take out what is repaired
  nadia baseline write --only lint --reason 'ruff 0.15 knows more rules'
"""
NOT_COMMITTED = "not committed yet"


def configure(parser: argparse.ArgumentParser) -> None:
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="write|prune|show", required=True)
    write = actions.add_parser("write", help="run the gate; make every failing finding known")
    write.add_argument("--reason", default="", help="for the entries that are new")
    prune = actions.add_parser("prune", help="run the gate; remove what matches nothing any more")
    show = actions.add_parser("show", help="count, age and direction; runs nothing")
    for action in (write, prune, show):
        action.add_argument("path", nargs="?", default=".", help="a folder of the project")
    for action in (write, prune):
        action.add_argument("--only", default="", metavar="CHECK,…", help="these checks only")


def run(options: argparse.Namespace) -> int:
    from nadia_checks.commands.gate import parse_only
    from nadia_checks.core.project import load_project
    from nadia_checks.registry import CHECK_NAMES

    project = load_project(Path(options.path), CHECK_NAMES)
    if options.action == "show":
        return show(project)
    only = parse_only(options.only)
    if options.action == "prune":
        return prune(project, only)
    return write(project, only, options.reason)


def write(project: Project, only: Sequence[str], reason: str) -> int:
    """Writes what fails today; nothing, where a check did not run to its end."""
    from nadia_checks.adoption.entries import kept_and_new
    from nadia_checks.core import baseline
    from nadia_checks.registry import load_checks

    old = baseline.read(project.root)
    verdict = _judge(project, only, use_baseline=False)
    if verdict.verdict == "incomplete":
        return _incomplete(verdict, "the baseline is left as it was")
    entries = kept_and_new(verdict, old, load_checks(), reason or baseline.ADOPTED)
    added = len({entry.key for entry in entries} - {known.entry.key for known in old})
    if old and added and not reason:
        raise UsageError(
            f"{added} new line{'s' * (added != 1)} in a baseline that should shrink: repair what "
            "is new, or say with --reason TEXT why it may stay"
        )
    baseline.write(project.root, entries)
    _tell_change(project, [known.entry for known in old], entries)
    return Exit.PASS


def prune(project: Project, only: Sequence[str]) -> int:
    """Removes what matches nothing any more, for the checks that ran to their end."""
    from nadia_checks.adoption.entries import stale_entries
    from nadia_checks.core import baseline

    old = baseline.read(project.root)
    verdict = _judge(project, only, use_baseline=True)
    stale = stale_entries(verdict)
    kept = [known.entry for known in old if (known.file, known.line) not in stale]
    if stale:
        baseline.write(project.root, kept)
    _tell_change(project, [known.entry for known in old], kept)
    if verdict.verdict == "incomplete":
        return _incomplete(verdict, "entries of these checks are kept")
    return Exit.PASS


def show(project: Project) -> int:
    from nadia_checks.core import baseline

    known = baseline.read(project.root)
    print("\n".join(_summary(project, known)))
    return Exit.PASS


def _summary(project: Project, known: list[Known]) -> Iterator[str]:
    from nadia_checks.adoption import history

    if not known:
        yield "the baseline is empty: every finding fails the gate"
        return
    yield f"{len(known):,} known finding{'s' * (len(known) != 1)}"
    yield ""
    yield from _counted("check", (_check_of(one.entry.rule) for one in known))
    yield ""
    yield from _counted("rule", (one.entry.rule for one in known))
    yield ""
    days = history.oldest_days(project.root)
    yield f"oldest:    {NOT_COMMITTED if days is None else f'{days} days'}"
    then = history.some_time_ago(project.root)
    yield f"direction: {history.direction(then, len(known)) if then else NOT_COMMITTED}"


def _counted(title: str, words: Iterable[str]) -> Iterator[str]:
    from nadia_checks.report.wording import visible

    counts = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    yield f"{'count':>7}  {title}"
    yield from (f"{number:>7,}  {visible(word)}" for word, number in counts)


def _check_of(rule: str) -> str:
    from nadia_checks.core.check import owns
    from nadia_checks.registry import load_checks

    return next((name for name, check in load_checks().items() if owns(check, rule)), "(none)")


def _judge(project: Project, only: Sequence[str], *, use_baseline: bool) -> Verdict:
    from nadia_checks.commands.gate import judge, refuse_nested_gate
    from nadia_checks.core.gate import Options
    from nadia_checks.secrets.salt import ensure_salt

    refuse_nested_gate()
    # A salt that cannot be read is the check's to tell.
    with suppress(CheckError):
        ensure_salt(project.root)
    return judge(project, Options(only=only, use_baseline=use_baseline), sys.stdout)


def _incomplete(verdict: Verdict, consequence: str) -> int:
    from nadia_checks.report.wording import one_line

    failed = [one for one in verdict.checks if one.status == "error"]
    missing = [f"{one.name} ({one_line(one.reason)})" for one in failed]
    said = ", ".join(missing) or "no check"
    verb = "did not run to the end" if missing else "ran"
    print(f"nadia: {said} {verb}: {consequence}", file=sys.stderr)
    return Exit.INCOMPLETE


def _tell_change(project: Project, old: Sequence[Entry], new: Sequence[Entry]) -> None:
    before, after = {one.key for one in old}, {one.key for one in new}
    added, removed = len(after - before), len(before - after)
    if added or removed:
        print(f"baseline: {len(after):,} known ({added:,} added, {removed:,} removed)")
        print("\n".join(_next(project.root)))
    else:
        print(f"baseline: {len(after):,} known, nothing to change")


def _next(root: Path) -> Iterator[str]:
    from nadia_checks.adoption.ignored import ignored_note
    from nadia_checks.core.advice import pasteable
    from nadia_checks.core.baseline import FILES, FOLDER
    from nadia_checks.secrets.salt import SALT

    written = [name for name in (*FILES, SALT) if (root / name).exists()]
    add = f"git add {FOLDER}"
    if note := ignored_note(root, [FOLDER, *written]):
        yield note
        # By name: the folder may hold more, which is ignored rightly.
        add = f"git add --force {' '.join(written)}"
    yield f"next: {pasteable(f'{add} && git commit', root, Path.cwd())}"
